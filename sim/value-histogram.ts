import { bitLength } from "../isa/numerics/format.ts";

/**
 * How large the values of a register were: counts by octave of magnitude and sign, of the rounded raws before the fit.
 * Lists end with their last entry above 0, so that equal histograms are deeply equal.
 */
export interface ValueHistogram {
  /** Entry k: values above 0 whose raw has k significant bits, 2^(k−1) ≤ raw < 2^k; entry 0 is always 0. */
  readonly positive: readonly number[];
  /** Entry k: values below 0 with −2^k ≤ raw < −2^(k−1); entry 0 counts the raw −1. Either sign fits W signed bits where k < W. */
  readonly negative: readonly number[];
  /** Values that rounded to zero, those of `underflow` included. */
  readonly zero: number;
  /**
   * Entry d: values other than zero that rounded to zero, by their distance below the last bit: 2^−(d+1) ≤ |exact| < 2^−d in
   * units of that bit. The last of `UNDERFLOW_OCTAVES` entries counts all that are smaller still.
   */
  readonly underflow: readonly number[];
}

/** Entries of `ValueHistogram.underflow` at most. */
export const UNDERFLOW_OCTAVES = 16;

export const EMPTY_HISTOGRAM: ValueHistogram = { positive: [], negative: [], zero: 0, underflow: [] };

/** Bits of a raw besides its sign: it fits W signed bits exactly where the result is below W. */
export function magnitudeBits(raw: bigint): number {
  return bitLength(raw < 0n ? -raw - 1n : raw);
}

/** Zeros below the lowest bit that is set in `bits`, which is not negative; null for 0. */
export function trailingZeros(bits: bigint): number | null {
  return bits === 0n ? null : bitLength(bits & -bits) - 1;
}

/** Both together; associative, with `EMPTY_HISTOGRAM` as neutral element. */
export function mergeHistograms(a: ValueHistogram, b: ValueHistogram): ValueHistogram {
  return {
    positive: sums(a.positive, b.positive),
    negative: sums(a.negative, b.negative),
    zero: a.zero + b.zero,
    underflow: sums(a.underflow, b.underflow),
  };
}

function sums(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, index) => (a[index] ?? 0) + (b[index] ?? 0));
}

/** The definition: takes values one by one as exact integers. */
export class HistogramTally {
  readonly #positive: number[] = [];
  readonly #negative: number[] = [];
  readonly #underflow: number[] = [];
  #zero = 0;

  /** A value that did not round to zero, or an exact zero. */
  add(rounded: bigint): void {
    if (rounded === 0n) this.#zero++;
    else increment(rounded < 0n ? this.#negative : this.#positive, magnitudeBits(rounded));
  }

  /**
   * A value other than zero that rounded to zero: |numerator| / denominator in units of the register's last bit, less than 1.
   * Both are above 0.
   */
  addUnderflow(numerator: bigint, denominator: bigint): void {
    this.#zero++;
    let octave = 0;
    let doubled = numerator << 1n;
    while (doubled < denominator && octave < UNDERFLOW_OCTAVES - 1) {
      doubled <<= 1n;
      octave++;
    }
    increment(this.#underflow, octave);
  }

  histogram(): ValueHistogram {
    return {
      positive: [...this.#positive],
      negative: [...this.#negative],
      zero: this.#zero,
      underflow: [...this.#underflow],
    };
  }
}

function increment(counts: number[], index: number): void {
  while (counts.length <= index) counts.push(0);
  counts[index] = (counts[index] ?? 0) + 1;
}
