import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import { rawRange } from "../../isa/numerics/format.ts";
import { Xorshift32 } from "../../isa/numerics/random.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";

/** Where the words of a matrix product lie: input word (e, k) at pixelOffsets[e] + stepOffsets[k]. */
export interface MatrixShape {
  readonly pixels: number;
  readonly filters: number;
  readonly steps: number;
  readonly pixelOffsets: Int32Array;
  readonly stepOffsets: Int32Array;
  readonly inputWords: number;
}

/** A matrix product in fixed point with its words. */
export interface MatrixWork extends MatrixShape {
  readonly operand: FixedPointFormat;
  readonly weight: FixedPointFormat;
  readonly product: RegisterSpec;
  readonly accumulator: RegisterSpec;
  /** Raws; each is an integer that a double holds. */
  readonly input: Float64Array;
  /** steps × filters raws. */
  readonly weights: Float64Array;
}

/** Multiply-accumulates. */
export function macsOf({ pixels, filters, steps }: MatrixShape): number {
  return pixels * filters * steps;
}

/** A convolution with stride 1 over an image that holds its padding; words in row, column, channel order. */
export function convolutionShape(
  outputRows: number,
  outputColumns: number,
  channels: number,
  kernel: number,
  filters: number,
): MatrixShape {
  const columns = outputColumns + kernel - 1;
  const pixels = outputRows * outputColumns;
  const steps = kernel * kernel * channels;
  const word = (row: number, column: number, channel: number): number => (row * columns + column) * channels + channel;
  return {
    pixels,
    filters,
    steps,
    pixelOffsets: Int32Array.from({ length: pixels }, (_, pixel) =>
      word(Math.floor(pixel / outputColumns), pixel % outputColumns, 0),
    ),
    stepOffsets: Int32Array.from({ length: steps }, (_, step) => {
      const tap = Math.floor(step / channels);
      return word(Math.floor(tap / kernel), tap % kernel, step % channels);
    }),
    inputWords: (outputRows + kernel - 1) * columns * channels,
  };
}

/** The plain product of the same pixels, filters and steps: every pixel has its own row of words. */
export function plainShape({ pixels, filters, steps }: MatrixShape): MatrixShape {
  return {
    pixels,
    filters,
    steps,
    pixelOffsets: Int32Array.from({ length: pixels }, (_, pixel) => pixel * steps),
    stepOffsets: Int32Array.from({ length: steps }, (_, step) => step),
    inputWords: pixels * steps,
  };
}

/** The same work on its first pixels only. */
export function firstPixels<Work extends MatrixShape>(work: Work, pixels: number): Work {
  return { ...work, pixels, pixelOffsets: work.pixelOffsets.slice(0, pixels) };
}

/**
 * What the words are like.
 * - layer: as inside a trained network: inputs from −1 to 1, most weights small, those of one input channel up to 1/2;
 *   nothing overflows.
 * - relu: the same with inputs from 0 to 1.
 * - unproved: as `layer`, but weights of input channel 0 take their whole range, and this channel is silent: nothing
 *   overflows, yet nothing is proved of any product.
 * - sparse: as `layer`, but only one input channel in ten is not silent: the error of a rounding that always goes one way
 *   does not add up to an overflow.
 * - overflow: sixteen times the inputs and eight times the weights: products stay, some sums leave their register.
 */
export type DataKind = "layer" | "relu" | "unproved" | "sparse" | "overflow";

interface DataLimits {
  readonly inputs: readonly [number, number];
  readonly weights: number;
  /** Of input channel 0; null: all that the format holds. */
  readonly firstWeights: number | null;
  readonly isSilent: (channel: number) => boolean;
}

const LAYER: DataLimits = { inputs: [-1, 1], weights: 1 / 16, firstWeights: 1 / 2, isSilent: () => false };

const DATA_LIMITS: Readonly<Record<DataKind, DataLimits>> = {
  layer: LAYER,
  relu: { ...LAYER, inputs: [0, 1] },
  unproved: { ...LAYER, firstWeights: null, isSilent: (channel) => channel === 0 },
  sparse: { ...LAYER, isSilent: (channel) => channel % 10 !== 0 },
  overflow: { ...LAYER, inputs: [-16, 16], weights: 1 / 2, firstWeights: 4 },
};

export interface MatrixRegisters {
  readonly operand: FixedPointFormat;
  readonly product: RegisterSpec;
  readonly accumulator: RegisterSpec;
}

/** Words drawn for a shape, the same in every run; weights have the operand's format. `channels`: of the input. */
export function drawWork(shape: MatrixShape, registers: MatrixRegisters, kind: DataKind, channels: number): MatrixWork {
  const { operand } = registers;
  const { min, max } = rawRange(operand);
  const scale = 2 ** operand.fractionLength;
  const random = new Xorshift32(20_241);
  const uniform = (): number => random.next() / 2 ** 32;
  const word = (value: number): number => Math.min(Number(max), Math.max(Number(min), Math.round(value * scale)));
  const { inputs, weights: limit, firstWeights, isSilent } = DATA_LIMITS[kind];
  const [least, largest] = inputs;
  const input = Float64Array.from({ length: shape.inputWords }, (_, index) => {
    const value = least + uniform() * (largest - least);
    return isSilent(index % channels) ? 0 : word(value);
  });
  const weights = Float64Array.from({ length: shape.steps * shape.filters }, (_, index) => {
    const bell = (uniform() + uniform() + uniform()) / 1.5 - 1;
    const isFirst = Math.floor(index / shape.filters) % channels === 0;
    if (isFirst && firstWeights === null) return Math.trunc(bell * 0.999 * Number(max));
    return word(bell * (isFirst ? (firstWeights ?? limit) : limit));
  });
  return { ...shape, ...registers, weight: operand, input, weights };
}
