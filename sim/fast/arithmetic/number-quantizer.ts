import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { roundingBias } from "../../../isa/numerics/rounding-bias.ts";
import { type ReplaceOutside, replaceOutside } from "./outside.ts";
import { registerKeeps } from "./ranges.ts";

/** Largest |exact| + 2^s a `NumberQuantizer` may meet: every intermediate then stays below 2^53, where doubles are exact. */
export const NUMBER_LIMIT: bigint = 2n ** 52n;

/**
 * Whether quantizing every |raw| ≤ `magnitude` with `droppedBits` dropped bits is exact in doubles.
 * Proof: scaling by a power of two is exact; the bias is below 2^s, so |raw + bias| ≤ magnitude + 2^s ≤ 2^52; with s < 0
 * nothing is added and |raw| · 2^−s ≤ 2^52.
 */
export function quantizesInNumbers(magnitude: bigint, droppedBits: number): boolean {
  if (droppedBits > 52 || droppedBits < -52) return false;
  return droppedBits > 0
    ? magnitude + (1n << BigInt(droppedBits)) <= NUMBER_LIMIT
    : magnitude << BigInt(-droppedBits) <= NUMBER_LIMIT;
}

/** The one lossy operation in doubles, for one register and one binary point of its exact values. */
export class NumberQuantizer {
  /** Overflows since somebody set it to 0. */
  overflows = 0;
  /** The last rounded value before the fit. */
  rounded = 0;
  /** s; at most 0 where no bit is dropped. */
  readonly droppedBits: number;
  /** Whether a random word takes part. */
  readonly draws: boolean;
  private readonly scale: number;
  private readonly base: number;
  private readonly negative: number;
  private readonly odd: number;
  private readonly randomScale: number;
  private readonly min: number;
  private readonly max: number;
  private readonly replace: ReplaceOutside;

  /** The values must satisfy `quantizesInNumbers`. */
  constructor(fractionLength: number, register: RegisterSpec) {
    this.droppedBits = fractionLength - register.format.fractionLength;
    this.scale = 2 ** -this.droppedBits;
    this.draws = register.rounding === "stochastic" && this.droppedBits > 0;
    const exact = this.draws || this.droppedBits <= 0;
    const bias = roundingBias(exact ? "down" : register.rounding, this.droppedBits);
    this.base = bias.base;
    this.negative = bias.negative;
    this.odd = bias.odd;
    // The top s bits of a word, or the word above s − 32 zeros.
    this.randomScale = 2 ** (this.droppedBits - 32);
    const kept = registerKeeps(register);
    this.min = Number(kept.min);
    this.max = Number(kept.max);
    this.replace = replaceOutside(register);
  }

  /** The word for an exact integer; `random` is the next 32-bit word where the quantizer draws. */
  apply(exact: number, random = 0): number {
    const rounded = this.round(exact, random);
    this.rounded = rounded;
    if (rounded >= this.min && rounded <= this.max) return rounded;
    this.overflows++;
    return this.replace(rounded, Math.floor(exact * this.scale));
  }

  private round(exact: number, random: number): number {
    if (this.droppedBits <= 0) return exact * this.scale;
    let bias = this.base;
    if (this.draws) bias = Math.floor(random * this.randomScale);
    else if (exact < 0) bias += this.negative;
    if (this.odd !== 0) {
      const floor = Math.floor(exact * this.scale);
      if (floor !== 2 * Math.floor(floor / 2)) bias += this.odd;
    }
    return Math.floor((exact + bias) * this.scale);
  }
}
