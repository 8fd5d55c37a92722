/** Versions of operator sets that a model imports. */
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { NEWEST_OPSET } from "../../tensor-graph/operators/table.ts";
import { safeInteger } from "../../tensor-graph/tensor.ts";
import { bigintOf, type ModelMessage } from "./schema.ts";

export interface Opsets {
  /** Version of a domain's operator set; 1 for a domain that the model does not import. */
  versionOf(domain: string): number;
}

/**
 * Throws `DiagnosticError` where ONNX's own set is newer than those supported, or a domain is there twice. Of older sets,
 * each operator is refused whose meaning was another then.
 */
export function readOpsets({ opsetImport = [] }: ModelMessage, where: string): Opsets {
  const versions = new Map<string, number>();
  for (const { domain: stated = "", version: long } of opsetImport) {
    const domain = stated === "ai.onnx" ? "" : stated;
    const version = safeInteger(bigintOf(long));
    const before = versions.get(domain);
    if (before !== undefined && before !== version) {
      throw diagnosticError(
        "MODEL_OPSET",
        `${where}: opset_import`,
        `found opsets ${before} and ${version} for domain "${domain}", expected one`,
        "export the model again",
      );
    }
    versions.set(domain, version);
  }
  const own = versions.get("") ?? 1;
  if (own < 1 || own > NEWEST_OPSET) {
    throw diagnosticError(
      "MODEL_OPSET",
      `${where}: opset_import`,
      `found opset ${own} of ONNX, expected 1 to ${NEWEST_OPSET}`,
      "convert the model with onnx.version_converter",
    );
  }
  return { versionOf: (domain) => versions.get(domain) ?? 1 };
}
