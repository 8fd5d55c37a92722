import { DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { nodePlace } from "../operators/table.ts";
import type { AnyTensor, TensorNode } from "../tensor-graph.ts";

/**
 * The outputs a node names, by `evaluate` or, where only types and shapes are asked for, by `infer`. Diagnostics get the
 * node's place in front of theirs.
 */
export function runNode(
  node: TensorNode,
  operator: TensorOperator,
  inputs: OperatorInputs,
  where: string,
  what: "evaluate" | "infer" = "evaluate",
): readonly AnyTensor[] {
  const place = nodePlace(node, where);
  try {
    const outputs = what === "infer" && operator.infer ? operator.infer(node, inputs) : operator.evaluate(node, inputs);
    const missing = node.outputs.findIndex((name, position) => name !== "" && outputs[position] === undefined);
    if (missing < 0) return outputs;
    throw diagnosticError(
      "OPERATOR",
      `output "${node.outputs[missing]}"`,
      `the operator yields ${outputs.length} outputs here, the node names ${node.outputs.length}`,
      "export the model for inference",
    );
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    throw new DiagnosticError(
      error.diagnostics.map((diagnostic) => ({ ...diagnostic, where: `${place}, ${diagnostic.where}` })),
    );
  }
}
