/**
 * `inbound_nodes`: what a layer of a functional model reads. One entry per use of the layer, each a list of
 * [layer, use of that layer, output of that use, arguments]. Converters leave the arguments out, or write a single
 * reference without the list around it.
 */
import { z } from "zod";
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { preview, requireJson } from "../json-check.ts";

/** A value that one use of a layer yields. */
export interface ValueReference {
  readonly layer: string;
  readonly use: number;
  /** From 0; layers have one output, models within the model may have several. */
  readonly output: number;
}

const referenceSchema = z.tuple([z.string(), z.int().min(0), z.int().min(0)], z.unknown());

const HINT = "export the model again with Keras 2 or TensorFlow.js";

/** The inputs of every use. Throws `DiagnosticError`; `where` is the layer's place. */
export function readInboundNodes(json: unknown, where: string): readonly (readonly ValueReference[])[] {
  const place = { code: "MODEL_JSON", where: `${where}, inbound_nodes`, hint: HINT };
  const nodes = requireJson(z.array(z.unknown()).min(1, "the layer reads nothing"), json, place);
  return nodes.map((node) => {
    if (typeof node === "object" && node !== null && "args" in node) {
      throw diagnosticError(
        "MODEL_JSON",
        place.where,
        "found the format of Keras 3, expected that of Keras 2",
        "save the model with tf_keras (TF_USE_LEGACY_KERAS=1) before converting it",
      );
    }
    const list = requireJson(z.array(z.unknown()).min(1, "the layer reads nothing"), node, place);
    const references = typeof list[0] === "string" ? [list] : list;
    return references.map((reference) => readOne(reference, place.where));
  });
}

/** The entries of `input_layers` or `output_layers`. Throws `DiagnosticError`. */
export function readReferences(json: unknown, where: string): readonly ValueReference[] {
  const list = requireJson(z.array(z.unknown()).min(1), json, { code: "MODEL_JSON", where, hint: HINT });
  const references = typeof list[0] === "string" ? [list] : list;
  return references.map((reference) => readOne(reference, where));
}

function readOne(json: unknown, where: string): ValueReference {
  const [layer, use, output, keywords] = requireJson(referenceSchema, json, { code: "MODEL_JSON", where, hint: HINT });
  for (const [argument, value] of Object.entries(keywords ?? {})) {
    // What Keras writes for a call at inference.
    if (value === null || (argument === "training" && value === false)) continue;
    throw diagnosticError(
      "MODEL_JSON",
      where,
      `found argument ${argument} = ${preview(value)}, expected a layer called on its inputs alone`,
      "build the model for inference, without arguments to layers",
    );
  }
  return { layer, use, output };
}
