/** Conv and ConvTranspose. One spatial axis is an image of one row. */
import type { IntegerRequantization, Padding, Tensor } from "../../graph/graph.ts";
import { elementCount, formatShape } from "../../graph/shape.ts";
import { slidingWindows, transposedWindows, type WindowAxis } from "../../tensor-graph/arithmetic/windows.ts";
import { integerAttribute, integersAttribute } from "../../tensor-graph/node-access.ts";
import { windowAttributes } from "../../tensor-graph/operators/window-attributes.ts";
import { numbersOf } from "../../tensor-graph/tensor.ts";
import type { AnyTensor } from "../../tensor-graph/tensor-graph.ts";
import { arranged, view } from "../arrange.ts";
import {
  addNamed,
  constantInput,
  constantRegistersOf,
  type LegalisationRule,
  legalisationError,
  networkInput,
  optionalConstant,
  outputShape,
  type RuleCall,
  vectorConstant,
} from "../rule.ts";
import { channelsLast, type NetworkValue } from "../value.ts";

export const convolutionRule: LegalisationRule = (call) => addConvolution(call, null);

/** The convolution, with what makes integers of its sums in an integer network. */
export function addConvolution(call: RuleCall, requantization: IntegerRequantization | null): readonly NetworkValue[] {
  const weights = constantInput(call, 1, "W");
  const { image, sizes, rank } = spatialInput(call, weights);
  const attributes = windowAttributes(call.node, sizes.length, weights.shape.slice(2));
  const windows = slidingWindows(sizes, { ...attributes, ceilMode: false });
  const [filters = 0, channelsPerGroup = 0] = weights.shape;
  const bias = optionalConstant(call, 2, "B");
  const name = addNamed(call, {
    op: "conv2d",
    inputs: [image],
    kernel: kernelOf(attributes.kernel, channelsPerGroup, filters, plainWeights(weights)),
    bias: bias === undefined ? null : vectorConstant(bias, filters, "B"),
    ...twoAxes(windows),
    groups: integerAttribute(call.node, "group", 1),
    activation: "none",
    requantization,
    registers: constantRegistersOf(call),
  });
  return [{ name, shape: outputShape(call), order: channelsLast(rank) }];
}

export const transposedConvolutionRule: LegalisationRule = (call) => addTransposedConvolution(call, null);

export function addTransposedConvolution(
  call: RuleCall,
  requantization: IntegerRequantization | null,
): readonly NetworkValue[] {
  const weights = constantInput(call, 1, "W");
  const { image, sizes, rank } = spatialInput(call, weights);
  const { node } = call;
  const attributes = windowAttributes(node, sizes.length, weights.shape.slice(2));
  const outputPadding = integersAttribute(node, "output_padding") ?? sizes.map(() => 0);
  const outputSizes = integersAttribute(node, "output_shape")?.slice(-sizes.length) ?? null;
  const windows = transposedWindows(sizes, { ...attributes, outputPadding, outputSizes });
  const groups = integerAttribute(node, "group", 1);
  const [channels = 0, filtersPerGroup = 0] = weights.shape;
  const filters = filtersPerGroup * groups;
  const bias = optionalConstant(call, 2, "B");
  const { padding, ...settings } = twoAxes(windows);
  // What is cut off, or added where an axis becomes longer than the windows reach.
  const extra = ([0, 1] as const).map((axis) => {
    const side = axis === 0 ? padding.bottom : padding.right;
    return Math.max(-side, 0) + (outputPadding[axis - 2 + sizes.length] ?? 0);
  });
  const name = addNamed(call, {
    op: "convTranspose2d",
    inputs: [image],
    kernel: kernelOf(attributes.kernel, channels / groups, filters, transposedWeights(weights, groups)),
    bias: bias === undefined ? null : vectorConstant(bias, filters, "B"),
    ...settings,
    padding: { ...padding, bottom: Math.max(padding.bottom, 0), right: Math.max(padding.right, 0) },
    outputPadding: [extra[0] ?? 0, extra[1] ?? 0],
    groups,
    activation: "none",
    requantization,
    registers: constantRegistersOf(call),
  });
  return [{ name, shape: outputShape(call), order: channelsLast(rank) }];
}

/** The input as an image, and the sizes of its spatial axes. */
function spatialInput(
  call: RuleCall,
  weights: AnyTensor,
): { readonly image: string; readonly sizes: readonly number[]; readonly rank: number } {
  const input = networkInput(call, 0, "X");
  const rank = input.shape.length;
  if ((rank !== 3 && rank !== 4) || weights.shape.length !== rank || input.shape[0] !== 1) {
    throw legalisationError(
      "input X",
      `found ${formatShape(input.shape)} and weights ${formatShape(weights.shape)}, expected a batch of 1 and one or two spatial axes`,
      "the machine takes images of rows and columns",
    );
  }
  const { name } = arranged(call, input, channelsLast(rank));
  const sizes = input.shape.slice(2);
  const image = view(call, name, [...(rank === 3 ? [1] : []), ...sizes, input.shape[1] ?? 0]);
  return { image, sizes, rank };
}

/** Settings of the network's node from one or two spatial axes. */
function twoAxes(windows: readonly WindowAxis[]): {
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly padding: Padding;
} {
  const columns = windows.at(-1);
  const rows = windows.length > 1 ? windows[0] : undefined;
  return {
    strides: [rows?.stride ?? 1, columns?.stride ?? 1],
    dilations: [rows?.dilation ?? 1, columns?.dilation ?? 1],
    padding: {
      top: rows?.before ?? 0,
      bottom: rows?.after ?? 0,
      left: columns?.before ?? 0,
      right: columns?.after ?? 0,
    },
  };
}

/** Element of the weights for a filter, a channel of its group and a position of the window. */
type WeightAt = (filter: number, channel: number, position: number) => number;

/** The network keeps positions × channels × filters. */
function kernelOf(spatial: readonly number[], channels: number, filters: number, at: WeightAt): Tensor {
  const [rows, columns] = spatial.length === 1 ? [1, spatial[0] ?? 1] : [spatial[0] ?? 1, spatial[1] ?? 1];
  const positions = rows * columns;
  const data = new Float32Array(positions * channels * filters);
  let next = 0;
  for (let position = 0; position < positions; position++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let filter = 0; filter < filters; filter++) data[next++] = at(filter, channel, position);
    }
  }
  return { shape: [rows, columns, channels, filters], data };
}

/** A convolution's weights are filters × channels × positions. */
function plainWeights(weights: AnyTensor): WeightAt {
  const numbers = numbersOf(weights);
  const [, channels = 0, ...spatial] = weights.shape;
  const positions = elementCount(spatial);
  return (filter, channel, position) => numbers[(filter * channels + channel) * positions + position] ?? 0;
}

/** A transposed convolution's weights are input channels × filters of the group × positions. */
function transposedWeights(weights: AnyTensor, groups: number): WeightAt {
  const numbers = numbersOf(weights);
  const [channels = 0, filtersPerGroup = 0, ...spatial] = weights.shape;
  const positions = elementCount(spatial);
  return (filter, channel, position) => {
    const input = (Math.floor(filter / filtersPerGroup) * channels) / groups + channel;
    return numbers[(input * filtersPerGroup + (filter % filtersPerGroup)) * positions + position] ?? 0;
  };
}
