import type { Graph, GraphNode, Operator } from "../graph/graph.ts";
import { OPERATORS, type OperatorDefinition } from "../graph/operators.ts";
import { elementCount } from "../graph/shape.ts";

export interface NetworkSize {
  /** Numbers that training sets: kernels, biases, gamma and beta. */
  readonly parameters: number;
  /** Multiplications of convolutions and dense layers, per image. */
  readonly macs: number;
}

/** Size of a network as papers count it; of one before the passes, which fold parameters into each other. */
export function networkSize(graph: Graph): NetworkSize {
  const sum = (count: (node: GraphNode) => number): number =>
    graph.nodes.reduce((total, node) => total + count(node), 0);
  return { parameters: sum(parametersOf), macs: sum(macsOf) };
}

/** Measured during training, not set by it. */
const STATISTICS: readonly string[] = ["mean", "variance"];

function parametersOf(node: GraphNode): number {
  const { tensors } = OPERATORS[node.op satisfies Operator] as OperatorDefinition<GraphNode>;
  return tensors(node)
    .filter(({ field }) => !STATISTICS.includes(field))
    .reduce((total, { tensor }) => total + tensor.data.length, 0);
}

function macsOf(node: GraphNode): number {
  if (node.op === "dense") return node.kernel.data.length;
  if (node.op !== "conv2d") return 0;
  const [rows = 1, columns = 1, channels = 1] = node.kernel.shape;
  return elementCount(node.shape) * rows * columns * channels;
}
