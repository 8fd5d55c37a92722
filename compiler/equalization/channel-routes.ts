/**
 * Where the channels of a layer's output go: which layers multiply them with weights of their own, through work on every channel by
 * itself that gives the 2^e part of its result for the 2^e part of its input.
 */
import type { Conv2dNode, ConvTranspose2dNode, DenseNode, Graph, GraphNode } from "../graph/graph.ts";
import { consumers } from "../graph/uses.ts";

export type MatrixNode = Conv2dNode | ConvTranspose2dNode | DenseNode;

/** A layer that reads the channels: channel c of the route is channel `offset` + c of the `channels` that the layer's input has. */
export interface RouteEnd {
  readonly layer: string;
  readonly offset: number;
  readonly channels: number;
}

/** The ways of one layer's output channels. */
export interface ChannelRoute {
  readonly layer: string;
  /** Output channels of the layer. */
  readonly channels: number;
  /** Every layer that reads them, at least one; one that reads them at two places stands there twice. */
  readonly ends: readonly RouteEnd[];
  /** What they go through: nodes that hand the channels on. */
  readonly through: readonly string[];
}

/**
 * The layers whose output channels can be scaled each by its own positive factor, with the inverse in the weights of all that reads
 * them: y = act(W x + b) with act(λx) = λ act(x) for λ > 0. Values whose words the model prescribes are left out, as are layers
 * whose constants are, and whatever any other operator reads or is the network's output.
 */
export function channelRoutes(graph: Graph): readonly ChannelRoute[] {
  const readers = consumers(graph);
  const shapes = new Map([graph.input, ...graph.nodes].map(({ name, shape }) => [name, shape]));
  return graph.nodes.flatMap((node): ChannelRoute[] => {
    if (!isFloatMatrix(node) || node.activation === "relu6") return [];
    const ends: RouteEnd[] = [];
    const through: string[] = [];
    const channels = node.shape.at(-1) ?? 1;
    const follow = (value: string, offset: number, total: number): boolean => {
      const behind = readers.get(value) ?? [];
      if (value === graph.output || behind.length === 0) return false;
      const isImage = shapes.get(value)?.at(-1) === total;
      return behind.every((reader) => {
        if (isFloatMatrix(reader)) {
          if (!isImage && !(reader.op === "dense" && reader.inputOrder === "as stored")) return false;
          ends.push({ layer: reader.name, offset, channels: total });
          return true;
        }
        through.push(reader.name);
        if (reader.op === "concatenate") {
          if (!isImage || reader.inputs.filter((input) => input === value).length > 1) return false;
          const before = reader.inputs.slice(0, reader.inputs.indexOf(value));
          const first = before.reduce((sum, input) => sum + (shapes.get(input)?.at(-1) ?? 0), 0);
          return follow(reader.name, first + offset, reader.shape.at(-1) ?? 0);
        }
        return handsOn(reader, isImage) && follow(reader.name, offset, total);
      });
    };
    return follow(node.name, 0, channels) ? [{ layer: node.name, channels, ends, through }] : [];
  });
}

function isFloatMatrix(node: GraphNode): node is MatrixNode {
  if (node.op !== "conv2d" && node.op !== "dense" && node.op !== "convTranspose2d") return false;
  return node.requantization === null && Object.keys(node.registers ?? {}).length === 0;
}

/** Whether the operator works on every channel by itself and is positively homogeneous; `isImage`: channels are the last axis. */
function handsOn(node: GraphNode, isImage: boolean): boolean {
  switch (node.op) {
    case "reshape":
    case "prelu":
      return true;
    case "activation":
      return node.activation === "relu";
    case "function":
      return node.function.kind === "leakyRelu" || node.function.kind === "abs";
    case "pool":
      return isImage && node.requantization === null;
    case "pad":
    case "resize":
      return isImage;
    default:
      return false;
  }
}

/** Input channel, of all that the layer reads, with which the weight at `index` of its kernel is multiplied. */
export function weightChannels(
  node: MatrixNode,
  input: readonly number[],
  channels: number,
): (index: number) => number {
  const filters = node.kernel.shape.at(-1) ?? 1;
  if (node.op === "dense") {
    const pixels =
      node.inputOrder === "channels-first" ? input.reduce((product, size) => product * size, 1) / channels : 0;
    const channel = (row: number): number => (pixels > 0 ? Math.floor(row / pixels) : row % channels);
    return (index) => channel(Math.floor(index / filters));
  }
  const groupChannels = channels / node.groups;
  const groupFilters = filters / node.groups;
  return (index) =>
    Math.floor((index % filters) / groupFilters) * groupChannels + (Math.floor(index / filters) % groupChannels);
}
