/** A graph as text, one line per node, for error reports, tests and readers. */
import { formatText } from "../../isa/numerics/format.ts";
import { overflowText } from "../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import { functionSettings } from "./element-function.ts";
import type { Graph, GraphNode, IntegerRequantization, Operator, Padding } from "./graph.ts";
import { definitionOf, type NodeOf } from "./operators.ts";
import { formatShape, isNoPadding } from "./shape.ts";

/** What is worth saying beyond inputs, shape and tensors; settings that change nothing are left out. */
const SETTINGS: { readonly [Op in Operator]: (node: NodeOf<Op>) => readonly string[] } = {
  conv2d: (node) => [
    ...pair("strides", node.strides),
    ...pair("dilations", node.dilations),
    ...padding(node.padding),
    ...(node.groups === 1 ? [] : [`groups ${node.groups}`]),
    ...activation(node.activation),
    ...requantization(node.requantization),
  ],
  dense: (node) => [
    ...(node.inputOrder === "as stored" ? [] : [node.inputOrder]),
    ...activation(node.activation),
    ...requantization(node.requantization),
  ],
  convTranspose2d: (node) => [
    ...pair("strides", node.strides),
    ...pair("dilations", node.dilations),
    ...padding(node.padding),
    ...(node.outputPadding.every((size) => size === 0) ? [] : [`output padding ${node.outputPadding.join(" × ")}`]),
    ...(node.groups === 1 ? [] : [`groups ${node.groups}`]),
    ...activation(node.activation),
    ...requantization(node.requantization),
  ],
  pool: (node) => [
    `${node.requantization === null ? node.kind : "sum"} of ${node.kernel[0]} × ${node.kernel[1]}`,
    ...pair("strides", node.strides),
    ...padding(node.padding),
    ...(node.countPadding ? ["padding counts"] : []),
    ...requantization(node.requantization),
  ],
  requantize: (node) => requantization(node.requantization),
  batchNormalization: (node) => [`epsilon ${node.epsilon}`],
  activation: (node) => activation(node.activation),
  function: (node) => functionSettings(node.function),
  prelu: () => [],
  lrn: ({ alpha, beta, bias, size }) => [`alpha ${alpha}`, `beta ${beta}`, `bias ${bias}`, `size ${size}`],
  softmax: () => [],
  reshape: () => [],
  quantize: ({ register }) => registerSettings(register),
  register: ({ register, heldBy }) => [...registerSettings(register), `held by its ${heldBy}`],
  add: (node) => activation(node.activation),
  subtract: (node) => activation(node.activation),
  multiply: (node) => activation(node.activation),
  concatenate: () => [],
  slice: ({ start, stop, step }) => [
    start
      .map((first, axis) => `${first}:${stop[axis] ?? ""}${step[axis] === 1 ? "" : `:${step[axis] ?? ""}`}`)
      .join(", "),
  ],
  transpose: (node) => [`axes ${node.permutation.join(", ")}`],
  resize: (node) => [`factors ${node.factors.join(" × ")}`],
  pad: (node) => padding(node.padding),
  constant: () => [],
};

/** The whole graph; ends with a line break. `conv1 [24, 24, 20] = conv2d(image) · kernel [5, 5, 1, 20] · relu` */
export function printGraph(graph: Graph): string {
  const lines = [
    `graph ${graph.name}`,
    `${graph.input.name} ${formatShape(graph.input.shape)} = input`,
    ...graph.nodes.map(printNode),
    `output ${graph.output}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** One node as one line. */
export function printNode(node: GraphNode): string {
  const tensors = definitionOf(node).tensors(node);
  const settings = SETTINGS[node.op] as (node: GraphNode) => readonly string[];
  return [
    `${node.name} ${formatShape(node.shape)} = ${node.op}(${node.inputs.join(", ")})`,
    ...tensors.map(({ field, tensor }) => `${field} ${formatShape(tensor.shape)}`),
    ...settings(node),
  ].join(" · ");
}

function pair(what: string, [rows, columns]: readonly [number, number]): readonly string[] {
  return rows === 1 && columns === 1 ? [] : [`${what} ${rows} × ${columns}`];
}

function padding(sides: Padding): readonly string[] {
  const { top, bottom, left, right } = sides;
  return isNoPadding(sides) ? [] : [`padding top ${top} bottom ${bottom} left ${left} right ${right}`];
}

function activation(name: string): readonly string[] {
  return name === "none" ? [] : [name];
}

function registerSettings({ format, rounding, overflow, saturatedBits }: RegisterSpec): readonly string[] {
  return [formatText(format), rounding, overflowText({ mode: overflow, saturatedBits })];
}

function requantization(settings: IntegerRequantization | null): readonly string[] {
  if (settings === null) return [];
  const { shift, divisor, rounding, minimum, maximum } = settings;
  const range = minimum === null && maximum === null ? [] : [`${minimum ?? "−∞"} … ${maximum ?? "∞"}`];
  return [`shift ${shift}`, ...(divisor === 1 ? [] : [`divisor ${divisor}`]), rounding, ...range];
}
