/** Pass: nodes that read constants only are computed now, in float64, and rounded to float32 once. */

import { evaluateFunction } from "../graph/element-function.ts";
import type {
  AddNode,
  ConstantNode,
  Graph,
  GraphNode,
  MultiplyNode,
  Operator,
  SubtractNode,
  Tensor,
} from "../graph/graph.ts";
import type { NodeOf } from "../graph/operators.ts";
import { quantizedValues } from "../graph/quantized-values.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { elementCount, offsetOf, positionOf } from "../graph/shape.ts";

/**
 * The value of a node over constants, row-major in the node's shape, or `keep`. Layers with weights, pooling and softmax
 * stay: a network in which they read constants alone has no work for an accelerator.
 */
type Fold<Op extends Operator> = "keep" | ((node: NodeOf<Op>, inputs: readonly Tensor[]) => Float32Array);

const FOLDS: { readonly [Op in Operator]: Fold<Op> } = {
  conv2d: "keep",
  dense: "keep",
  convTranspose2d: "keep",
  pool: "keep",
  requantize: "keep",
  lrn: "keep",
  softmax: "keep",
  constant: "keep",
  batchNormalization: (node, inputs) => {
    const { data } = only(inputs);
    const channels = node.gamma.data.length;
    return data.map((value, index) => {
      const channel = index % channels;
      const scale = at(node.gamma, channel) / Math.sqrt(at(node.variance, channel) + node.epsilon);
      return (value - at(node.mean, channel)) * scale + at(node.beta, channel);
    });
  },
  activation: (node, inputs) => only(inputs).data.map((value) => activate(node.activation, value)),
  function: (node, inputs) => only(inputs).data.map((value) => evaluateFunction(node.function, value)),
  prelu: ({ slopes }, inputs) =>
    only(inputs).data.map((value, index) => (value < 0 ? at(slopes, index % slopes.data.length) * value : value)),
  reshape: (_node, inputs) => only(inputs).data,
  quantize: ({ register }, inputs) => quantizedValues(only(inputs).data, register),
  register: ({ register }, inputs) => quantizedValues(only(inputs).data, register),
  add: (node, inputs) =>
    new Float32Array(elementCount(node.shape)).map((_zero, index) =>
      activate(
        node.activation,
        inputs.reduce((sum, input) => sum + at(input, index), 0),
      ),
    ),
  subtract: (node, inputs) => pairwise(node, inputs, (a, b) => a - b),
  multiply: (node, inputs) => pairwise(node, inputs, (a, b) => a * b),
  slice: (node, inputs) =>
    gathered(node.shape, only(inputs), (position) =>
      position.map((index, axis) => (node.start[axis] ?? 0) + index * (node.step[axis] ?? 1)),
    ),
  transpose: (node, inputs) =>
    gathered(node.shape, only(inputs), (position) =>
      node.permutation.map((_, axis) => position[node.permutation.indexOf(axis)] ?? 0),
    ),
  resize: (node, inputs) =>
    gathered(node.shape, only(inputs), ([row = 0, column = 0, channel = 0]) => [
      Math.floor(row / node.factors[0]),
      Math.floor(column / node.factors[1]),
      channel,
    ]),
  concatenate: (node, inputs) => {
    const result = new Float32Array(elementCount(node.shape));
    const width = node.shape.at(-1) ?? 0;
    let start = 0;
    for (const { data, shape } of inputs) {
      const channels = shape.at(-1) ?? 0;
      data.forEach((value, index) => {
        result[Math.floor(index / channels) * width + start + (index % channels)] = value;
      });
      start += channels;
    }
    return result;
  },
  pad: (node, inputs) => {
    const { data, shape } = only(inputs);
    const [rows = 0, columns = 0, channels = 0] = shape;
    const result = new Float32Array(elementCount(node.shape));
    const width = columns + node.padding.left + node.padding.right;
    for (let row = 0; row < rows; row++) {
      const line = data.subarray(row * columns * channels, (row + 1) * columns * channels);
      result.set(line, ((row + node.padding.top) * width + node.padding.left) * channels);
    }
    return result;
  },
};

function pairwise(
  { shape, activation }: AddNode | SubtractNode | MultiplyNode,
  [a = EMPTY, b = EMPTY]: readonly Tensor[],
  combine: (a: number, b: number) => number,
): Float32Array {
  return new Float32Array(elementCount(shape)).map((_zero, index) =>
    activate(activation, combine(at(a, index), at(b, index))),
  );
}

/** Elements picked from `source` one by one: `from` says at which position. */
function gathered(
  shape: readonly number[],
  source: Tensor,
  from: (position: readonly number[]) => readonly number[],
): Float32Array {
  return new Float32Array(elementCount(shape)).map((_zero, index) =>
    at(source, offsetOf(from(positionOf(index, shape)), source.shape)),
  );
}

/** The folded node keeps its name. Constants that nobody reads any more are left for the removal of unused nodes. */
export function foldConstants(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => rewriter.producer(input));
    const constants = inputs.filter((input): input is ConstantNode => input?.op === "constant");
    const fold = FOLDS[node.op] as "keep" | ((node: GraphNode, inputs: readonly Tensor[]) => Float32Array);
    if (fold === "keep" || constants.length < inputs.length) {
      rewriter.emit(node);
    } else {
      const data = fold(
        node,
        constants.map(({ value }) => value),
      );
      const { name, shape } = node;
      rewriter.emit({ op: "constant", name, inputs: [], shape, value: { shape, data } });
    }
  }
  return rewriter.finish();
}

const EMPTY: Tensor = { shape: [0], data: new Float32Array(0) };

function only([input = EMPTY]: readonly Tensor[]): Tensor {
  return input;
}

function at({ data }: Tensor, index: number): number {
  return data[index] ?? 0;
}

function activate(activation: "none" | "relu" | "relu6", value: number): number {
  const bound = { none: value, relu: Math.max(value, 0), relu6: Math.min(Math.max(value, 0), 6) };
  return bound[activation];
}
