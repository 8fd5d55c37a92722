/**
 * Where the windows of a convolution or a pool stand: from `auto_pad`, `pads`, strides, dilations and `ceil_mode` to
 * concrete padding and output sizes. One record per spatial axis; sizes and padding in elements of that axis.
 */
import { nodeError } from "../node-access.ts";

export const AUTO_PADS = ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"] as const;

/** ONNX's `auto_pad`; `NOTSET` is explicit padding. */
export type AutoPad = (typeof AUTO_PADS)[number];

export interface WindowAttributes {
  /** Elements of the kernel per axis. */
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** As ONNX lists it: all beginnings, then all ends. Must be zeros unless `autoPad` is `NOTSET`. */
  readonly pads: readonly number[];
  readonly autoPad: AutoPad;
}

export interface SlidingWindowAttributes extends WindowAttributes {
  /** Whether a last window that reaches beyond the padding counts; never for convolutions. */
  readonly ceilMode: boolean;
}

export interface TransposedWindowAttributes extends WindowAttributes {
  /** Elements added at the end of each output axis. */
  readonly outputPadding: readonly number[];
  /** Sizes wanted, from which the padding follows; null: the padding tells the sizes. */
  readonly outputSizes: readonly number[] | null;
}

/** The windows along one axis: window `o` covers input positions `o · stride − before + k · dilation`. */
export interface WindowAxis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before the first element; may be negative where a transposed convolution adds instead of cropping. */
  readonly before: number;
  readonly after: number;
  /** Positions beyond `after` that the last window reaches in `ceil_mode`: part of no mean. */
  readonly excess: number;
}

/** Elements from the first to the last one that a kernel touches. */
export function dilatedExtent(kernel: number, dilation: number): number {
  return (kernel - 1) * dilation + 1;
}

/** Windows over an input of `sizes`. Refuses windows that fit nowhere. */
export function slidingWindows(sizes: readonly number[], attributes: SlidingWindowAttributes): readonly WindowAxis[] {
  check(sizes, attributes);
  return sizes.map((input, axis) => {
    const { kernel, stride, dilation } = axisOf(attributes, axis);
    const extent = dilatedExtent(kernel, dilation);
    const { autoPad } = attributes;
    if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") {
      const output = Math.ceil(input / stride);
      const total = Math.max((output - 1) * stride + extent - input, 0);
      const before = autoPad === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
      return { input, output, kernel, stride, dilation, before, after: total - before, excess: 0 };
    }
    const [before, after] = padsOf(attributes, axis);
    const room = input + before + after - extent;
    if (room < 0) {
      throw nodeError(
        `spatial axis ${axis}`,
        `found ${input} elements with padding ${before} and ${after}, where a window of ${extent} does not fit`,
        "check kernel_shape, dilations and pads",
      );
    }
    let output = Math.floor(room / stride) + 1;
    // A window that would begin in the padding at the end is left out.
    if (attributes.ceilMode && room % stride !== 0 && output * stride < input + before) output += 1;
    const excess = Math.max((output - 1) * stride + extent - (input + before + after), 0);
    return { input, output, kernel, stride, dilation, before, after, excess };
  });
}

/**
 * Windows of a transposed convolution, seen from its output: `input` of the record is the output of the convolution that is
 * transposed, so a record's `output` is the large side. Element `i` of the input adds to output positions
 * `i · stride − before + k · dilation`.
 */
export function transposedWindows(
  sizes: readonly number[],
  attributes: TransposedWindowAttributes,
): readonly WindowAxis[] {
  check(sizes, attributes);
  return sizes.map((input, axis) => {
    const { kernel, stride, dilation } = axisOf(attributes, axis);
    const extent = dilatedExtent(kernel, dilation);
    const padding = attributes.outputPadding[axis] ?? 0;
    const full = (input - 1) * stride + extent + padding;
    const { autoPad, outputSizes } = attributes;
    const same = autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER";
    const wanted = outputSizes?.[axis] ?? (same ? input * stride : null);
    if (wanted === null) {
      const [before, after] = padsOf(attributes, axis);
      const output = full - before - after;
      if (output < 1) {
        throw nodeError(
          `spatial axis ${axis}`,
          `padding ${before} and ${after} leaves nothing of ${full} elements`,
          "check pads",
        );
      }
      return { input, output, kernel, stride, dilation, before, after, excess: 0 };
    }
    const total = Math.max(full - wanted, 0);
    const before = autoPad === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
    return { input, output: wanted, kernel, stride, dilation, before, after: full - wanted - before, excess: 0 };
  });
}

/** For kernel position `k`: the first window and the one after the last that meet an element, not padding. */
export function windowRange(axis: WindowAxis, k: number, windows: number, elements: number): readonly [number, number] {
  const shift = k * axis.dilation - axis.before;
  const first = Math.max(Math.ceil(-shift / axis.stride), 0);
  const end = Math.min(Math.floor((elements - 1 - shift) / axis.stride) + 1, windows);
  return [first, Math.max(end, first)];
}

function axisOf(attributes: WindowAttributes, axis: number): { kernel: number; stride: number; dilation: number } {
  return {
    kernel: attributes.kernel[axis] ?? 1,
    stride: attributes.strides[axis] ?? 1,
    dilation: attributes.dilations[axis] ?? 1,
  };
}

function padsOf({ pads, kernel, autoPad }: WindowAttributes, axis: number): readonly [number, number] {
  return autoPad === "VALID" ? [0, 0] : [pads[axis] ?? 0, pads[axis + kernel.length] ?? 0];
}

/** More than any network has: a file may not ask for work beyond measure by one number. */
const MAXIMUM_EXTENT = 2 ** 20;

function check(sizes: readonly number[], attributes: WindowAttributes): void {
  const rank = sizes.length;
  const expect = (name: string, values: readonly number[], count: number, least: number): void => {
    if (
      values.length === count &&
      values.every((value) => Number.isSafeInteger(value) && value >= least && value <= MAXIMUM_EXTENT)
    )
      return;
    throw nodeError(
      `attribute ${name}`,
      `found [${values.join(", ")}], expected ${count} integers from ${least} to ${MAXIMUM_EXTENT}`,
      `the input has ${rank} spatial axes`,
    );
  };
  expect("kernel_shape", attributes.kernel, rank, 1);
  expect("strides", attributes.strides, rank, 1);
  expect("dilations", attributes.dilations, rank, 1);
  expect("pads", attributes.pads, 2 * rank, 0);
  if (attributes.autoPad !== "NOTSET" && attributes.pads.some((pad) => pad !== 0)) {
    throw nodeError(
      "attribute pads",
      `found padding besides auto_pad ${attributes.autoPad}`,
      "leave one of the two out",
    );
  }
}
