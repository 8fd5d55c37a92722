import type { FixedPointFormat } from "../numerics/format.ts";
import type { RegisterSpec } from "../numerics/register.ts";

/**
 * The word-length points of one layer, as design/machine.md draws them:
 *
 *     input × weight → product → accumulator → (sum) (× scale) + bias → activation → output
 *
 * `sum` is present only where a narrower register stands between an exact accumulator and the bias (the `tensorquant`
 * datapath: s = Q(sum), u = Q(s + b)). Where it is absent the bias is one more step quantized into the accumulator.
 * `scale` is present where a layer requantizes by multipliers, one for each filter: y = Q_output(act(a · M + bias)), exact up to
 * the output register; there is no `sum` then.
 * With `biasOrder` first the accumulator starts with the bias instead, quantized into it, before any product is added.
 * `product` and `accumulator` may be exact: a format grown so far that nothing is lost (up to 192 bits).
 */
export interface DatapathSpec {
  readonly input: RegisterSpec;
  readonly weight: RegisterSpec;
  readonly product: RegisterSpec;
  readonly accumulator: RegisterSpec;
  readonly sum?: RegisterSpec;
  /**
   * Fraction length of the weights of each filter, where they differ; the least is that of `weight`. The words of filter n have e_n
   * fraction bits more than the least, so have its products and sums, and the `scale` words are 2^−e_n.
   */
  readonly weightFractionLengths?: readonly number[];
  /** Format of the multipliers; its rounding and overflow are those of their quantization at compile time. */
  readonly scale?: RegisterSpec;
  readonly bias: RegisterSpec;
  readonly output: RegisterSpec;
  /** The sum starts with the bias, as in HLS code. Absent where the bias is added last; there is no `scale` then. */
  readonly biasOrder?: "first";
  /** How an average-pool quotient is formed: × nearest(2^16/n) and one quantize, or the exact quotient quantized. */
  readonly averageDivider: boolean;
}

/** When the bias of a sum is added; the two differ wherever a partial sum overflows or an addition rounds. */
export const BIAS_ORDERS = ["first", "last"] as const;
export type BiasOrder = (typeof BIAS_ORDERS)[number];

/** A datapath register of a layer, in the order in which evidence ranks them. */
export const DATAPATH_REGISTERS = [
  "input",
  "weight",
  "product",
  "accumulator",
  "sum",
  "scale",
  "bias",
  "output",
] as const;
export type DatapathRegister = (typeof DATAPATH_REGISTERS)[number];

/** Layer name → word lengths. The artefact that searches produce and exports render. */
export type FormatAssignment = Readonly<Record<string, DatapathSpec>>;

/** Range of values seen at one tensor while calibrating; stored with the assignment so that a run repeats exactly. */
export interface CalibratedRange {
  readonly min: number;
  readonly max: number;
}

/**
 * Ranges of a value that a layer yields: after the activation its own, and where the layer sums what stood in its registers before.
 * Only matrix layers have all; an average pool has `runningSum`, of values instead of products.
 */
export interface LayerRanges extends CalibratedRange {
  /** Single products. */
  readonly product?: CalibratedRange | undefined;
  /** Sums of consecutive terms, whole and parts, in the order of k, and 0; without bias. */
  readonly runningSum?: CalibratedRange | undefined;
  /** Whole sums, without bias. */
  readonly sum?: CalibratedRange | undefined;
  /** Whole sums with bias, before the activation. */
  readonly biasedSum?: CalibratedRange | undefined;
}

/** Which bits a tensor's words have in memory. */
export type WordFormat = FixedPointFormat;
