import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { ROUNDING_MODES } from "../../../isa/numerics/rounding.ts";
import { type ReplaceOutside, replaceOutside } from "./outside.ts";
import { registerKeeps } from "./ranges.ts";

/** Largest |numerator| and denominator a `QuotientQuantizer` may meet, both aligned to the register. */
const QUOTIENT_LIMIT = 2n ** 52n;

/** Quotients by one constant into one register, in doubles. */
export class QuotientQuantizer {
  /** Overflows since somebody set it to 0. */
  overflows = 0;
  /** Powers of two that align numerator and denominator to the register. */
  private readonly scale: number;
  private readonly denominator: number;
  private readonly increment: (guard: boolean, sticky: boolean, negative: boolean, lowest: boolean) => boolean;
  private readonly min: number;
  private readonly max: number;
  private readonly replace: ReplaceOutside;

  private constructor(
    scale: number,
    denominator: number,
    increment: QuotientQuantizer["increment"],
    register: RegisterSpec,
  ) {
    this.scale = scale;
    this.denominator = denominator;
    this.increment = increment;
    const kept = registerKeeps(register);
    this.min = Number(kept.min);
    this.max = Number(kept.max);
    this.replace = replaceOutside(register);
  }

  /**
   * For numerators raw · 2^−fractionLength with |raw| ≤ `magnitude`; null where doubles do not hold everything, or the register
   * rounds by random words. Proof: numerator n and denominator d are whole and at most 2^52; the double nearest n / d lies in
   * the floor's interval or at its upper end, which a negative remainder shows; q · d ≤ |n| + d is exact.
   */
  static of(
    divisor: number,
    fractionLength: number,
    magnitude: bigint,
    register: RegisterSpec,
  ): QuotientQuantizer | null {
    const { increment } = ROUNDING_MODES[register.rounding];
    const shift = register.format.fractionLength - fractionLength;
    if (increment === undefined || Math.abs(shift) > 52) return null;
    const numerator = magnitude << BigInt(Math.max(shift, 0));
    const denominator = BigInt(divisor) << BigInt(Math.max(-shift, 0));
    if (numerator > QUOTIENT_LIMIT || denominator > QUOTIENT_LIMIT) return null;
    return new QuotientQuantizer(2 ** Math.max(shift, 0), Number(denominator), increment, register);
  }

  /** The word for an exact integer. */
  apply(exact: number): number {
    const numerator = exact * this.scale;
    let floor = Math.floor(numerator / this.denominator);
    let remainder = numerator - floor * this.denominator;
    if (remainder < 0) {
      floor--;
      remainder += this.denominator;
    }
    let rounded = floor;
    if (remainder !== 0) {
      const twice = 2 * remainder;
      const lowest = floor !== 2 * Math.floor(floor / 2);
      const up = this.increment(twice >= this.denominator, twice !== this.denominator, numerator < 0, lowest);
      if (up) rounded++;
    }
    if (rounded >= this.min && rounded <= this.max) return rounded;
    this.overflows++;
    return this.replace(rounded, floor);
  }
}
