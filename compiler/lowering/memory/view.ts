/** Views: which word of a tensor each position of a result reads, as a start and three strides. */
import type { SliceNode, TransposeNode } from "../../graph/graph.ts";
import { imageShape } from "../image-shape.ts";

/** Position (row, column, channel) reads word offset + row · rowStride + column · columnStride + channel · channelStride. */
export interface View {
  readonly offset: number;
  readonly rowStride: number;
  readonly columnStride: number;
  readonly channelStride: number;
  /** Rows and columns of the tensor, for padding around it. */
  readonly rows: number;
  readonly columns: number;
}

/** The tensor as it lies in memory. */
export function wholeView(shape: readonly number[]): View {
  const [rows, columns, channels] = imageShape(shape);
  return { offset: 0, rowStride: columns * channels, columnStride: channels, channelStride: 1, rows, columns };
}

export function sliceView({ start, step }: SliceNode, inputShape: readonly number[]): View {
  const whole = wholeView(inputShape);
  const strides = [whole.rowStride, whole.columnStride, whole.channelStride];
  // A vector has channels only.
  const axis = (values: readonly number[], index: number, none: number): number =>
    values.length === 1 ? (index === 2 ? (values[0] ?? none) : none) : (values[index] ?? none);
  const stride = (index: number): number => (strides[index] ?? 0) * axis(step, index, 1);
  const offset = strides.reduce((sum, size, index) => sum + size * axis(start, index, 0), 0);
  return { ...whole, offset, rowStride: stride(0), columnStride: stride(1), channelStride: stride(2) };
}

export function transposeView({ permutation }: TransposeNode, inputShape: readonly number[]): View {
  const whole = wholeView(inputShape);
  const strides = [whole.rowStride, whole.columnStride, whole.channelStride];
  const [rowStride = 0, columnStride = 0, channelStride = 0] = permutation.map((axis) => strides[axis] ?? 0);
  return permutation.length === 1 ? whole : { ...whole, rowStride, columnStride, channelStride };
}
