/** A convolution or dense layer as matrix problems over a strided image: what tiling and emission work on. */
import { InvariantError } from "../../../isa/diagnostic.ts";
import type { Conv2dNode, DenseNode } from "../../graph/graph.ts";
import type { WindowAxis } from "../axis.ts";
import { imageShape } from "../image-shape.ts";

/** Which counter of a sum runs outermost: the kernel's positions, or the input channels with all positions of each. */
export type StepOrder = "positions" | "channels";

/**
 * `groups` problems of the same size. Group g reads input channels g · channelsPerGroup onwards and yields filters
 * g · filtersPerGroup onwards. One sum has K = kernel rows · kernel columns · channelsPerGroup steps in that order.
 * In step order `channels` the channel runs outermost; then the problem has one pixel, one group and one kernel row.
 */
export interface MatrixProblem {
  readonly rows: WindowAxis;
  readonly columns: WindowAxis;
  /** DRAM words between two positions of an axis. */
  readonly rowStride: number;
  readonly columnStride: number;
  readonly groups: number;
  readonly channelsPerGroup: number;
  readonly filtersPerGroup: number;
  readonly order: StepOrder;
}

/** Word lengths, in bits, of everything a matrix layer keeps in a memory. */
export interface MatrixWords {
  /** In DRAM. */
  readonly source: number;
  /** In the scratchpad. */
  readonly input: number;
  readonly weight: number;
  /** Words for each filter beside its weights: bias and scale. */
  readonly perFilter: number;
  readonly accumulator: number;
  readonly output: number;
}

/** K. */
export function reductionSteps({ rows, columns, channelsPerGroup }: MatrixProblem): number {
  return rows.kernel * columns.kernel * channelsPerGroup;
}

/** Channels of a slice of that many steps: of one kernel position, or of all. */
export function sliceChannels({ order, columns }: MatrixProblem, steps: number): number {
  return order === "channels" ? steps / columns.kernel : steps;
}

/**
 * A dense layer is a convolution of one pixel. Where channels come first all positions of the image are one kernel row,
 * and every channel is summed over all positions before the next.
 */
export function denseProblem(node: DenseNode, inputShape: readonly number[]): MatrixProblem {
  const [features, units] = node.kernel.shape;
  if (features === undefined || units === undefined) throw new InvariantError(`dense "${node.name}" has no kernel`);
  const [rows, columns, channels] = imageShape(inputShape);
  const channelsFirst = node.inputOrder === "channels-first" && rows * columns > 1;
  const positions = channelsFirst ? rows * columns : 1;
  const axis: WindowAxis = { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, before: 0 };
  return {
    rows: axis,
    columns: { ...axis, input: positions, kernel: positions },
    rowStride: 0,
    columnStride: channelsFirst ? channels : 0,
    groups: 1,
    channelsPerGroup: features / positions,
    filtersPerGroup: units,
    order: channelsFirst ? "channels" : "positions",
  };
}

export function convolutionProblem(node: Conv2dNode, inputShape: readonly number[]): MatrixProblem {
  const [inputRows, inputColumns, channels] = imageShape(inputShape);
  const [outputRows, outputColumns, filters] = imageShape(node.shape);
  const [kernelRows = 1, kernelColumns = 1] = node.kernel.shape;
  const { strides, dilations, padding, groups } = node;
  const rows = subsampled({
    input: inputRows,
    output: outputRows,
    kernel: kernelRows,
    stride: strides[0],
    dilation: dilations[0],
    before: padding.top,
  });
  const columns = subsampled({
    input: inputColumns,
    output: outputColumns,
    kernel: kernelColumns,
    stride: strides[1],
    dilation: dilations[1],
    before: padding.left,
  });
  return {
    rows: rows.axis,
    columns: columns.axis,
    rowStride: rows.step * inputColumns * channels,
    columnStride: columns.step * channels,
    groups,
    channelsPerGroup: channels / groups,
    filtersPerGroup: filters / groups,
    order: "positions",
  };
}

/**
 * A kernel of one position without padding reads every stride-th position only: those alone are loaded, as an image with
 * stride 1. `step` is the distance of two such positions.
 */
function subsampled(axis: WindowAxis): { readonly axis: WindowAxis; readonly step: number } {
  const { kernel, before, stride, output, input } = axis;
  const withinInput = (output - 1) * stride < input;
  if (kernel > 1 || before > 0 || !withinInput) return { axis, step: 1 };
  return { axis: { ...axis, input: output, stride: 1 }, step: stride };
}
