/** Every operator of the tensor graph. A file of a family adds its list here. */
import { type DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import { misspelt } from "../../hints/spelling.ts";
import type { TensorOperator } from "../operator.ts";
import type { TensorNode } from "../tensor-graph.ts";
import { ACTIVATION_OPERATORS } from "./activations.ts";
import { ARITHMETIC_OPERATORS } from "./arithmetic.ts";
import { CAST_OPERATORS } from "./cast.ts";
import { CONSTANT_OPERATORS } from "./constants.ts";
import { CONVOLUTION_OPERATORS } from "./convolution.ts";
import { DEPTH_SPACE_OPERATORS } from "./depth-space.ts";
import { EXTENSION_OPERATORS } from "./extension.ts";
import { EXTREMUM_INDEX_OPERATORS } from "./extremum-index.ts";
import { FUNCTION_OPERATORS } from "./functions.ts";
import { INTEGER_ARITHMETIC_OPERATORS } from "./integer-arithmetic.ts";
import { LAYOUT_OPERATORS } from "./layout.ts";
import { LOGIC_OPERATORS } from "./logic.ts";
import { MATRIX_OPERATORS } from "./matrix.ts";
import { NORMALIZATION_OPERATORS } from "./normalization.ts";
import { POOLING_OPERATORS } from "./pooling.ts";
import { QONNX_OPERATORS } from "./qonnx.ts";
import { QUANTIZE_LINEAR_OPERATORS } from "./quantize-linear.ts";
import { RECURRENT_OPERATORS } from "./recurrent.ts";
import { REDUCTION_OPERATORS } from "./reduction.ts";
import { RESIZE_OPERATORS } from "./resize.ts";
import { SELECTION_OPERATORS } from "./selection.ts";
import { SOFTMAX_OPERATORS } from "./softmax.ts";
import { TOP_K_OPERATORS } from "./top-k.ts";

export const OPERATORS: readonly TensorOperator[] = [
  ...ACTIVATION_OPERATORS,
  ...ARITHMETIC_OPERATORS,
  ...CAST_OPERATORS,
  ...CONSTANT_OPERATORS,
  ...EXTENSION_OPERATORS,
  ...LAYOUT_OPERATORS,
  ...REDUCTION_OPERATORS,
  ...SELECTION_OPERATORS,
  ...FUNCTION_OPERATORS,
  ...LOGIC_OPERATORS,
  ...CONVOLUTION_OPERATORS,
  ...DEPTH_SPACE_OPERATORS,
  ...EXTREMUM_INDEX_OPERATORS,
  ...INTEGER_ARITHMETIC_OPERATORS,
  ...MATRIX_OPERATORS,
  ...NORMALIZATION_OPERATORS,
  ...POOLING_OPERATORS,
  ...QONNX_OPERATORS,
  ...QUANTIZE_LINEAR_OPERATORS,
  ...RECURRENT_OPERATORS,
  ...RESIZE_OPERATORS,
  ...SOFTMAX_OPERATORS,
  ...TOP_K_OPERATORS,
];

/** The newest operator set of ONNX whose changes the operators follow: that of ONNX 1.20. */
export const NEWEST_OPSET = 25;

/** Meanings of one operator, newest first. */
const BY_NAME: ReadonlyMap<string, readonly TensorOperator[]> = groupByName();

/** Qualified names of all operators. */
export const OPERATOR_NAMES: readonly string[] = [...BY_NAME.keys()];

function groupByName(): ReadonlyMap<string, readonly TensorOperator[]> {
  const groups = new Map<string, TensorOperator[]>();
  for (const operator of OPERATORS) {
    const key = qualifiedName(operator.domain, operator.name);
    groups.set(
      key,
      [...(groups.get(key) ?? []), operator].sort((a, b) => b.since - a.since),
    );
  }
  return groups;
}

/** `Conv`, or `qonnx.custom_op.general.Quant` for a domain other than that of ONNX. */
export function qualifiedName(domain: string, name: string): string {
  return domain === "" ? name : `${domain}.${name}`;
}

/** `model.onnx: node "conv1" (Conv, opset 13)` */
export function nodePlace(node: TensorNode, where: string): string {
  return `${where}: node "${node.name}" (${qualifiedName(node.domain, node.operator)}, opset ${node.opset})`;
}

/** The meaning of a node's operator in its opset. `where` is the file's or network's name. Throws `DiagnosticError`. */
export function findOperator(node: TensorNode, where: string): TensorOperator {
  const found = lookUp(node, where);
  if (found instanceof Error) throw found;
  return found;
}

/** As `findOperator`, but the error is the result; also wrong attribute names and numbers of inputs are errors. */
export function lookUp(node: TensorNode, where: string): TensorOperator | DiagnosticError {
  const place = nodePlace(node, where);
  const name = qualifiedName(node.domain, node.operator);
  const meanings = BY_NAME.get(name);
  if (meanings === undefined) {
    const near = misspelt(name, OPERATOR_NAMES);
    const hint = near === undefined ? "leave it out, or export the model without it" : `is ${near} meant?`;
    return diagnosticError("UNKNOWN_OPERATOR", place, `the operator ${name} is not supported`, hint);
  }
  const operator = meanings.find(({ since }) => since <= node.opset);
  if (operator === undefined) {
    return diagnosticError(
      "UNKNOWN_OPERATOR",
      place,
      `the operator ${name} is supported from opset ${meanings.at(-1)?.since} on`,
      "convert the model to a newer opset",
    );
  }
  const unknown = Object.keys(node.attributes).find((key) => operator.attributes?.includes(key) === false);
  if (unknown !== undefined) {
    const near = misspelt(unknown, operator.attributes ?? []);
    return diagnosticError(
      "OPERATOR",
      `${place}, attribute ${unknown}`,
      `the operator has no such attribute in this opset, expected ${operator.attributes?.join(", ") || "none"}`,
      near === undefined ? "leave it out" : `is ${near} meant?`,
    );
  }
  const [least, most] = operator.arity ?? [0, node.inputs.length];
  if (node.inputs.length < least || node.inputs.length > most) {
    return diagnosticError(
      "OPERATOR",
      place,
      `found ${node.inputs.length} inputs, expected ${least === most ? `${least}` : most === Infinity ? `at least ${least}` : `${least} to ${most}`}`,
      "export the model again",
    );
  }
  return operator;
}
