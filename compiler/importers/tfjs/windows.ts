/** TensorFlow's "same" padding. */
import type { ConvTranspose2dNode, Padding } from "../../graph/graph.ts";
import { NO_PADDING, windowExtent } from "../../graph/shape.ts";
import type { Pair } from "./settings.ts";

export interface SlidingWindow {
  readonly image: readonly [rows: number, columns: number, channels: number];
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
}

/** `valid`: none. `same`: as many as ⌈size / stride⌉ outputs need; an odd one goes to the bottom and the right. */
export function windowPaddingOf(kind: "valid" | "same", window: SlidingWindow): Padding {
  if (kind === "valid") return NO_PADDING;
  const rows = missing(window, 0);
  const columns = missing(window, 1);
  const top = Math.floor(rows / 2);
  const left = Math.floor(columns / 2);
  return { top, bottom: rows - top, left, right: columns - left };
}

/** Elements the last window reaches beyond the image. */
function missing({ image, kernel, strides, dilations }: SlidingWindow, axis: 0 | 1): number {
  const outputs = Math.ceil(image[axis] / strides[axis]);
  return Math.max((outputs - 1) * strides[axis] + windowExtent(kernel[axis], dilations[axis]) - image[axis], 0);
}

/**
 * The fields of a transposed convolution of an image. `forward` is the convolution whose gradient it is, which runs from the
 * output to the image: its padding is cut off the output, and what it leaves over at the end is added. What is added is
 * negative, or reaches the stride, where no such convolution yields the image.
 */
export function transposedWindow(
  image: SlidingWindow["image"],
  forward: SlidingWindow,
  padding: Padding,
): Pick<ConvTranspose2dNode, "strides" | "dilations" | "padding" | "outputPadding"> {
  const { image: output, kernel, strides, dilations } = forward;
  const rest = (axis: 0 | 1, cut: number): number =>
    output[axis] + cut - ((image[axis] - 1) * strides[axis] + windowExtent(kernel[axis], dilations[axis]));
  const outputPadding: Pair = [rest(0, padding.top + padding.bottom), rest(1, padding.left + padding.right)];
  return { strides, dilations, padding, outputPadding };
}
