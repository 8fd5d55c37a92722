/**
 * Transposed convolution as convolutions: the outputs at distance `strides` from each other, one phase, read the same
 * positions of the kernel and form one convolution with stride 1 whose results are stored `strides` apart. No zeros are
 * multiplied but those of the border. One sum runs over its input rows ascending, hence over the phase's kernel rows
 * descending, then the same of columns, then channels.
 */
import type { ConvTranspose2dNode } from "../../graph/graph.ts";
import type { WindowAxis } from "../axis.ts";
import { imageShape } from "../image-shape.ts";
import type { Placement } from "../layer-lowering.ts";
import type { MatrixProblem } from "./matrix-problem.ts";

export interface TransposedPhase {
  readonly problem: MatrixProblem;
  readonly placement: Placement;
  /** Position of the layer's kernel at each of the problem's, row-major; null where the problem's weights are zero. */
  readonly positions: readonly (number | null)[];
}

/** The phases that have any output, row phases outermost. */
export function transposedPhases(node: ConvTranspose2dNode, inputShape: readonly number[]): readonly TransposedPhase[] {
  const [rows, columns, channels] = imageShape(inputShape);
  const [outputRows, outputColumns, filters] = imageShape(node.shape);
  const [kernelRows = 1, kernelColumns = 1] = node.kernel.shape;
  const { strides, dilations, padding, groups } = node;
  const rowPhases = axisPhases({
    input: rows,
    output: outputRows,
    kernel: kernelRows,
    stride: strides[0],
    dilation: dilations[0],
    cut: padding.top,
  });
  const columnPhases = axisPhases({
    input: columns,
    output: outputColumns,
    kernel: kernelColumns,
    stride: strides[1],
    dilation: dilations[1],
    cut: padding.left,
  });
  return rowPhases.flatMap((row) =>
    columnPhases.map((column) => ({
      problem: {
        rows: row.axis,
        columns: column.axis,
        rowStride: columns * channels,
        columnStride: channels,
        groups,
        channelsPerGroup: channels / groups,
        filtersPerGroup: filters / groups,
        order: "positions",
      },
      placement: { row: row.phase, column: column.phase, channel: 0, rowStep: strides[0], columnStep: strides[1] },
      positions: row.positions.flatMap((i) =>
        column.positions.map((j) => (i === null || j === null ? null : i * kernelColumns + j)),
      ),
    })),
  );
}

interface TransposedAxis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Positions cut off in front. */
  readonly cut: number;
}

interface AxisPhase {
  readonly phase: number;
  readonly axis: WindowAxis;
  /** Kernel positions, descending; a single null where none contributes. */
  readonly positions: readonly (number | null)[];
}

/**
 * Output o of phase p is p + stride · q and takes input (o + cut − k · dilation) / stride at every kernel position k for which
 * that is whole: q plus a constant for each k.
 */
function axisPhases({ input, output, kernel, stride, dilation, cut }: TransposedAxis): readonly AxisPhase[] {
  return Array.from({ length: Math.min(stride, output) }, (_, phase): AxisPhase => {
    const positions = Array.from({ length: kernel }, (_unused, index) => kernel - 1 - index).filter(
      (position) => (phase + cut - position * dilation) % stride === 0,
    );
    const [first, second] = positions;
    const source = (position: number): number => (phase + cut - position * dilation) / stride;
    const axis: WindowAxis = {
      input,
      output: Math.ceil((output - phase) / stride),
      kernel: Math.max(positions.length, 1),
      stride: 1,
      dilation: first === undefined || second === undefined ? 1 : source(second) - source(first),
      before: first === undefined ? 0 : 0 - source(first),
    };
    return { phase, axis, positions: positions.length === 0 ? [null] : positions };
  });
}
