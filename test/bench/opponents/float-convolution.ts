import type { MatrixWork } from "../matrix-work.ts";

/** A convolution in float32 over an image that holds its padding: stride 1, no bias. */
export interface FloatConvolution {
  /** Rows and columns with the padding. */
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  /** Side of the square kernel. */
  readonly kernel: number;
  readonly filters: number;
  /** rows × columns × channels. */
  readonly image: Float32Array;
  /** kernel × kernel × channels × filters. */
  readonly weights: Float32Array;
}

/** The values of fixed-point words. */
export function floatConvolution(
  work: MatrixWork,
  { rows, columns, channels, kernel }: Pick<FloatConvolution, "rows" | "columns" | "channels" | "kernel">,
): FloatConvolution {
  const values = (raws: Float64Array, fractionLength: number): Float32Array =>
    Float32Array.from(raws, (raw) => raw / 2 ** fractionLength);
  return {
    rows,
    columns,
    channels,
    kernel,
    filters: work.filters,
    image: values(work.input, work.operand.fractionLength),
    weights: values(work.weights, work.weight.fractionLength),
  };
}

export function floatMacs({ rows, columns, channels, kernel, filters }: FloatConvolution): number {
  return (rows - kernel + 1) * (columns - kernel + 1) * filters * kernel * kernel * channels;
}
