import { diagnosticError } from "../../isa/diagnostic.ts";
import type { Graph } from "../graph/graph.ts";

/** A network in words has no values for float to compute with. Throws `DiagnosticError` QUANTIZED_MODEL. */
export function requireRealValues({ input, nodes }: Graph, where = "assignment"): void {
  if (input.words === undefined && nodes.every(({ unit }) => unit === undefined)) return;
  throw diagnosticError(
    "QUANTIZED_MODEL",
    where,
    "the model's layers compute with integers of its own scales, and float or extrinsic layers with values",
    "choose intrinsic, tensorquant or wide: every register of such a layer follows from the model",
  );
}
