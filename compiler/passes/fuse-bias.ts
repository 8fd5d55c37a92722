/** Pass: the addition of one constant per filter becomes the bias of the convolution or dense layer before it. */
import type {
  AddNode,
  ConstantNode,
  ConstantRegisters,
  Conv2dNode,
  ConvTranspose2dNode,
  DenseNode,
  Graph,
  GraphNode,
  Tensor,
} from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";

/**
 * Only where the addition alone reads the layer, the layer has no activation of its own, and the constant is the same
 * at every pixel. The layer keeps its name and takes over the addition's activation. The sum of two biases is
 * computed in float64 and rounded to float32 once.
 */
export function fuseBias(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    const match = node.op === "add" ? matchBias(rewriter, node) : undefined;
    if (match === undefined) {
      rewriter.emit(node);
      continue;
    }
    const { layer, layerValue, bias } = match;
    rewriter.replace({
      ...layer,
      bias: addBias(layer.bias, bias),
      registers: withoutBias(layer.registers),
      activation: match.activation,
    });
    rewriter.rename(node.name, layerValue);
  }
  return rewriter.finish();
}

type Layer = Conv2dNode | DenseNode | ConvTranspose2dNode;

interface BiasMatch {
  readonly layer: Layer;
  /** Name of the layer's value in the old graph. */
  readonly layerValue: string;
  readonly bias: Tensor;
  readonly activation: AddNode["activation"];
}

function matchBias(rewriter: Rewriter, node: AddNode): BiasMatch | undefined {
  const [a = "", b = "", ...others] = node.inputs;
  if (others.length > 0) return undefined;
  for (const [layerValue, constantValue] of [
    [a, b],
    [b, a],
  ] as const) {
    const layer = rewriter.producer(layerValue);
    const constant = rewriter.producer(constantValue);
    if (!takesBias(layer)) continue;
    if (constant?.op !== "constant" || layer.activation !== "none" || !rewriter.usedOnce(layerValue)) continue;
    const bias = perChannel(constant);
    if (bias !== undefined) return { layer, layerValue, bias, activation: node.activation };
  }
  return undefined;
}

function takesBias(node: GraphNode | undefined): node is Layer {
  if (node?.op !== "convTranspose2d" && node?.op !== "conv2d" && node?.op !== "dense") return false;
  return node.requantization === null;
}

/** The sum is no word of the register in which the model kept a bias. */
function withoutBias({ weight }: ConstantRegisters = {}): ConstantRegisters {
  return weight === undefined ? {} : { weight };
}

/** The constant's last axis, where all positions of the other axes agree in it. */
function perChannel({ value }: ConstantNode): Tensor | undefined {
  const channels = value.shape.at(-1) ?? 0;
  const first = value.data.slice(0, channels);
  const same = value.data.every((element, index) => element === first[index % channels]);
  return same ? { shape: [channels], data: first } : undefined;
}

function addBias(before: Tensor | null, added: Tensor): Tensor {
  if (before === null) return added;
  return { shape: before.shape, data: before.data.map((value, index) => value + (added.data[index] ?? 0)) };
}
