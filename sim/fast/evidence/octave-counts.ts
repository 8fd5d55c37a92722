import { bitLength as bigBitLength } from "../../../isa/numerics/format.ts";
import { UNDERFLOW_OCTAVES, type ValueHistogram } from "../../value-histogram.ts";

/** Octaves that numbers reach: doubles are exact to 2^53. Larger raws are counted beyond, as they come. */
const NUMBER_OCTAVES = 64;

/** Magnitudes and low bits of values, without an object or a big integer for each of them. */
export class OctaveCounts {
  private readonly positive = new Float64Array(NUMBER_OCTAVES);
  private readonly negative = new Float64Array(NUMBER_OCTAVES);
  private readonly underflow = new Float64Array(UNDERFLOW_OCTAVES);
  private readonly widePositive: number[] = [];
  private readonly wideNegative: number[] = [];
  private zero = 0;
  /** OR of the words modulo 2^32, and of what lies above where those 32 bits are all 0. */
  private lowBits = 0;
  private wideZeros: number | null = null;

  /** `exact` · 2^−droppedBits is the value in units of the last bit; `rounded` and `word` are integers below 2^53. */
  number(exact: number, rounded: number, word: number, droppedBits: number): void {
    if (rounded > 0) increment(this.positive, bitLength(rounded));
    else if (rounded < 0) increment(this.negative, bitLength(-rounded - 1));
    else {
      this.zero++;
      if (exact !== 0) this.addUnderflow(droppedBits - bitLength(Math.abs(exact)));
    }
    const low = word | 0;
    if (low !== 0) this.lowBits |= low;
    else if (word !== 0) this.noteZeros(32 + lowestBit((word / 2 ** 32) | 0));
  }

  /** The value is numerator / (denominator · 2^shift) in units of the last bit. */
  big(numerator: bigint, denominator: bigint, shift: number, rounded: bigint, word: bigint): void {
    if (rounded > 0n) this.addWide(this.widePositive, rounded);
    else if (rounded < 0n) this.addWide(this.wideNegative, -rounded - 1n);
    else {
      this.zero++;
      if (numerator !== 0n) this.addUnderflow(octaveBelowOne(numerator, denominator, shift));
    }
    if (word === 0n) return;
    const low = Number(BigInt.asIntN(32, word));
    if (low !== 0) this.lowBits |= low;
    else this.noteZeros(bigBitLength(word & -word) - 1);
  }

  get trailingZeros(): number | null {
    const low = this.lowBits === 0 ? null : lowestBit(this.lowBits);
    if (low === null || this.wideZeros === null) return low ?? this.wideZeros;
    return Math.min(low, this.wideZeros);
  }

  histogram(): ValueHistogram {
    return {
      positive: trimmed(this.positive, this.widePositive),
      negative: trimmed(this.negative, this.wideNegative),
      zero: this.zero,
      underflow: trimmed(this.underflow, []),
    };
  }

  private addUnderflow(octave: number): void {
    increment(this.underflow, Math.min(octave, UNDERFLOW_OCTAVES - 1));
  }

  private addWide(counts: number[], magnitude: bigint): void {
    const bits = bigBitLength(magnitude);
    counts[bits] = (counts[bits] ?? 0) + 1;
  }

  private noteZeros(zeros: number): void {
    this.wideZeros = this.wideZeros === null ? zeros : Math.min(zeros, this.wideZeros);
  }
}

/** For typed arrays alone: one that takes both kinds of array costs as much as all the rest. */
function increment(counts: Float64Array, index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

/** Bits of an integer from 0 to 2^53. */
function bitLength(value: number): number {
  if (value < 2 ** 32) return 32 - Math.clz32(value);
  return 64 - Math.clz32(value / 2 ** 32);
}

/** Position of the lowest bit that is set; `bits` is not 0. */
function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** d with 2^−(d+1) ≤ |numerator| / (denominator · 2^shift) < 2^−d. */
function octaveBelowOne(numerator: bigint, denominator: bigint, shift: number): number {
  const magnitude = numerator < 0n ? -numerator : numerator;
  const above = shift > 0 ? denominator << BigInt(shift) : denominator;
  const below = shift < 0 ? magnitude << BigInt(-shift) : magnitude;
  // Lengths give d but for one, which the comparison settles.
  const difference = bigBitLength(above) - bigBitLength(below);
  return below << BigInt(difference) < above ? difference : difference - 1;
}

/** Sum of both lists, ending with the last entry above 0. */
function trimmed(numbers: Float64Array, wide: readonly number[]): number[] {
  const counts = Array.from(
    { length: Math.max(numbers.length, wide.length) },
    (_, index) => (numbers[index] ?? 0) + (wide[index] ?? 0),
  );
  while (counts.at(-1) === 0) counts.pop();
  return counts;
}
