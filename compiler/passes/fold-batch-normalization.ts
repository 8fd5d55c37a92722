/**
 * Pass: batch normalization becomes weights and biases, so that none is left for lowering. With
 * scale = gamma / √(variance + epsilon) and shift = beta − mean · scale, per channel, one of three:
 *
 * 1. The layer before, where only the normalization reads it: kernel · scale, bias · scale + shift.
 * 2. The layers behind, where all are dense or convolutions without padding (a padded zero has not been normalized).
 * 3. Else a depthwise 1 × 1 convolution of its own, under the normalization's name: so too where the model itself keeps the weights
 *    in a register.
 *
 * Computed in float64 and rounded to float32 once.
 */
import type {
  BatchNormalizationNode,
  Conv2dNode,
  ConvTranspose2dNode,
  DenseNode,
  Graph,
  GraphNode,
  ReshapeNode,
  Tensor,
} from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { isNoPadding, POINTWISE } from "../graph/shape.ts";
import { consumers } from "../graph/uses.ts";

/** Per channel, in float64. */
interface ScaleAndShift {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

type Layer = Conv2dNode | DenseNode;
type LayerBefore = Layer | ConvTranspose2dNode;

/** The same without folding: every normalization becomes a depthwise convolution of its own, with its own registers. */
export function separateBatchNormalization(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    if (node.op === "batchNormalization") emitDepthwise(rewriter, node, scaleAndShift(node));
    else rewriter.emit(node);
  }
  return rewriter.finish();
}

export function foldBatchNormalization(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  const readers = consumers(graph);
  // Normalizations that wait for the layers behind them, by name.
  const waiting = new Map<string, ScaleAndShift>();
  for (const node of graph.nodes) {
    const [input = ""] = node.inputs;
    if (node.op === "conv2d" || node.op === "dense") {
      const before = waiting.get(input);
      rewriter.emit(before === undefined ? node : applyBefore(node, before));
      continue;
    }
    if (node.op !== "batchNormalization") {
      rewriter.emit(node);
      continue;
    }
    const producer = rewriter.producer(input);
    const normalization = scaleAndShift(node);
    if (isFoldable(producer) && rewriter.usedOnce(input)) {
      rewriter.replace(applyAfter(producer, normalization));
      rewriter.rename(node.name, input);
    } else if (node.name !== graph.output && (readers.get(node.name) ?? []).every(takesNormalizedInput)) {
      waiting.set(node.name, normalization);
      rewriter.rename(node.name, input);
    } else {
      emitDepthwise(rewriter, node, normalization);
    }
  }
  return rewriter.finish();
}

/** Whether a normalization behind this layer can go into its weights. */
function isFoldable(node: GraphNode | undefined): node is LayerBefore {
  if (node?.op !== "conv2d" && node?.op !== "dense" && node?.op !== "convTranspose2d") return false;
  return node.activation === "none" && hasFloatWeights(node);
}

function takesNormalizedInput(node: GraphNode): boolean {
  if (node.op !== "dense" && node.op !== "conv2d") return false;
  return hasFloatWeights(node) && (node.op === "dense" || isNoPadding(node.padding));
}

/** Weights that are integers, or that the model keeps in a register, would leave their grid. */
function hasFloatWeights(node: LayerBefore): boolean {
  return node.registers?.weight === undefined && node.requantization === null;
}

function scaleAndShift({ gamma, beta, mean, variance, epsilon }: BatchNormalizationNode): ScaleAndShift {
  const scale = Float64Array.from(gamma.data, (value, index) => value / Math.sqrt(at(variance, index) + epsilon));
  const shift = scale.map((value, index) => at(beta, index) - at(mean, index) * value);
  return { scale, shift };
}

/** layer, then normalization. The filter is the last axis of either kernel. */
function applyAfter<Node extends LayerBefore>(layer: Node, { scale, shift }: ScaleAndShift): Node {
  const filters = scale.length;
  const { kernel, bias } = layer;
  return {
    ...layer,
    registers: {},
    kernel: { ...kernel, data: kernel.data.map((weight, index) => weight * (scale[index % filters] ?? 0)) },
    bias: {
      shape: [filters],
      data: Float32Array.from(
        shift,
        (value, filter) => (bias === null ? 0 : at(bias, filter)) * (scale[filter] ?? 0) + value,
      ),
    },
  };
}

/** Normalization, then layer: every weight meets the input channel that it multiplies. */
function applyBefore<Node extends Layer>(layer: Node, { scale, shift }: ScaleAndShift): Node {
  const { kernel } = layer;
  const filters = kernel.shape.at(-1) ?? 0;
  const channelsPerGroup = kernel.shape.at(-2) ?? 0;
  // Steps of the kernel that belong to one channel one after the other: all positions where channels come first.
  const positions = layer.op === "dense" ? channelsPerGroup / scale.length : 1;
  const filtersPerGroup = layer.op === "conv2d" ? filters / layer.groups : filters;
  const bias = Float64Array.from({ length: filters }, (_, filter) =>
    layer.bias === null ? 0 : at(layer.bias, filter),
  );
  const data = kernel.data.map((weight, index) => {
    const filter = index % filters;
    const group = Math.floor(filter / filtersPerGroup);
    const channel = group * channelsPerGroup + Math.floor((Math.floor(index / filters) % channelsPerGroup) / positions);
    bias[filter] = (bias[filter] ?? 0) + weight * (shift[channel] ?? 0);
    return weight * (scale[channel] ?? 0);
  });
  return {
    ...layer,
    registers: {},
    kernel: { ...kernel, data },
    bias: { shape: [filters], data: Float32Array.from(bias) },
  };
}

/** A vector is seen as an image of one pixel, with a reshape before and behind. */
function emitDepthwise(rewriter: Rewriter, node: BatchNormalizationNode, { scale, shift }: ScaleAndShift): void {
  const { name, inputs, shape } = node;
  const channels = scale.length;
  const convolution: Conv2dNode = {
    op: "conv2d",
    name,
    inputs,
    shape,
    kernel: { shape: [1, 1, 1, channels], data: Float32Array.from(scale) },
    bias: { shape: [channels], data: Float32Array.from(shift) },
    ...POINTWISE,
    groups: channels,
    activation: "none",
    requantization: null,
  };
  if (shape.length === 3) {
    rewriter.emit(convolution);
    return;
  }
  const pixel = [1, 1, channels];
  const before: ReshapeNode = { op: "reshape", name: rewriter.uniqueName(`${name}/image`), inputs, shape: pixel };
  const behind: ReshapeNode = { op: "reshape", name: rewriter.uniqueName(`${name}/vector`), inputs: [name], shape };
  rewriter.emit(before);
  rewriter.emit({ ...convolution, inputs: [before.name], shape: pixel });
  rewriter.emit(behind);
  rewriter.rename(name, behind.name);
}

function at({ data }: Tensor, index: number): number {
  return data[index] ?? 0;
}
