import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import { type Raws, rawAt } from "../../../isa/numerics/raws.ts";
import { HistogramTally, trailingZeros, type ValueHistogram } from "../../../sim/value-histogram.ts";
import type { HistogramEntry } from "../../results/run-report.ts";

/** Octaves of raws as octaves of values: a raw of k bits needs k − F integer bits. */
export function histogramEntry(
  { positive, negative, zero, underflow }: ValueHistogram,
  fractionLength: number,
): HistogramEntry {
  const octaves = Array.from({ length: Math.max(positive.length, negative.length) }, (_, bits) => ({
    integerBits: bits - fractionLength,
    negative: negative[bits] ?? 0,
    positive: positive[bits] ?? 0,
  }));
  // |exact| from 2^−(d+1) to 2^−d last bits.
  const lost = underflow.map((count, depth) => ({ integerBits: -depth - fractionLength, count }));
  return {
    octaves: octaves.filter((octave) => octave.negative + octave.positive > 0),
    zero,
    underflow: lost.filter(({ count }) => count > 0).reverse(),
  };
}

/** Range, octaves and low bits of the words of constants. Networks have tens of millions of them: most go without big integers. */
export class ConstantTally {
  #least: number = Number.POSITIVE_INFINITY;
  #largest: number = Number.NEGATIVE_INFINITY;
  #min: bigint | null = null;
  #max: bigint | null = null;
  #bits = 0n;
  /** Words of Int32Array by significant bits, those above 0 and those below. */
  readonly #positive: number[] = new Array<number>(32).fill(0);
  readonly #negative: number[] = new Array<number>(32).fill(0);
  #zero = 0;
  readonly #wide: HistogramTally = new HistogramTally();

  add(raws: Raws, format: FixedPointFormat): void {
    if (raws instanceof Int32Array) this.#addNumbers(raws);
    else {
      for (let index = 0; index < raws.length; index++) this.#addWide(rawAt(raws, index, format));
    }
  }

  /** Null where there are no words. */
  get min(): bigint | null {
    return this.#end(this.#min, this.#least, (number, wide) => number < wide);
  }

  get max(): bigint | null {
    return this.#end(this.#max, this.#largest, (number, wide) => number > wide);
  }

  get trailingZeros(): number | null {
    return trailingZeros(this.#bits);
  }

  histogram(): ValueHistogram {
    const wide = this.#wide.histogram();
    return {
      positive: this.#positive.map((count, bits) => count + (wide.positive[bits] ?? 0)).concat(wide.positive.slice(32)),
      negative: this.#negative.map((count, bits) => count + (wide.negative[bits] ?? 0)).concat(wide.negative.slice(32)),
      zero: this.#zero + wide.zero,
      underflow: [],
    };
  }

  #end(wide: bigint | null, number: number, beyond: (number: number, wide: bigint) => boolean): bigint | null {
    if (!Number.isFinite(number)) return wide;
    return wide === null || beyond(number, wide) ? BigInt(number) : wide;
  }

  #addNumbers(raws: Int32Array): void {
    let bits = 0;
    for (const raw of raws) {
      bits |= raw;
      if (raw < this.#least) this.#least = raw;
      if (raw > this.#largest) this.#largest = raw;
      if (raw === 0) this.#zero++;
      else {
        const counts = raw > 0 ? this.#positive : this.#negative;
        const length = 32 - Math.clz32(raw > 0 ? raw : ~raw);
        counts[length] = (counts[length] ?? 0) + 1;
      }
    }
    this.#bits |= BigInt(bits >>> 0);
  }

  #addWide(raw: bigint): void {
    this.#wide.add(raw);
    this.#bits |= raw < 0n ? -raw : raw;
    if (this.#min === null || raw < this.#min) this.#min = raw;
    if (this.#max === null || raw > this.#max) this.#max = raw;
  }
}
