/**
 * Rounding defined by comparing exact fractions: no guard bit, no sticky bit, no shift. Independent of isa/.
 */

export type RationalRoundingMode =
  | "down"
  | "up"
  | "zero"
  | "away"
  | "nearest"
  | "nearest-up"
  | "nearest-down"
  | "nearest-zero"
  | "nearest-even"
  | "nearest-odd"
  | "odd";

export const RATIONAL_ROUNDING_MODES: readonly RationalRoundingMode[] = [
  "down",
  "up",
  "zero",
  "away",
  "nearest",
  "nearest-up",
  "nearest-down",
  "nearest-zero",
  "nearest-even",
  "nearest-odd",
  "odd",
];

/** An exact number numerator / denominator, denominator > 0. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** numerator · 2^−fractionLength, for either sign of fractionLength. */
export function binaryRational(numerator: bigint, fractionLength: number): Rational {
  return fractionLength >= 0
    ? { numerator, denominator: 2n ** BigInt(fractionLength) }
    : { numerator: numerator * 2n ** BigInt(-fractionLength), denominator: 1n };
}

/** −1, 0 or 1 as a is below, equal to or above b. */
export function compareRationals(a: Rational, b: Rational): number {
  const left = a.numerator * b.denominator;
  const right = b.numerator * a.denominator;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The exact distance of two numbers. */
export function distance(a: Rational, b: Rational): Rational {
  const difference = a.numerator * b.denominator - b.numerator * a.denominator;
  return { numerator: difference < 0n ? -difference : difference, denominator: a.denominator * b.denominator };
}

/** The integer that `mode` makes of an exact number. */
export function roundRational(value: Rational, mode: RationalRoundingMode): bigint {
  const { numerator, denominator } = value;
  // BigInt division cuts towards zero.
  const toZero = numerator / denominator;
  if (toZero * denominator === numerator) return toZero;
  const awayFromZero = numerator < 0n ? toZero - 1n : toZero + 1n;
  const below = numerator < 0n ? awayFromZero : toZero;
  const above = below + 1n;
  const even = below % 2n === 0n ? below : above;
  const odd = even === below ? above : below;
  const integer = (candidate: bigint): Rational => ({ numerator: candidate, denominator: 1n });
  const nearer = compareRationals(distance(value, integer(below)), distance(value, integer(above)));
  const nearest = (tie: bigint): bigint => (nearer < 0 ? below : nearer > 0 ? above : tie);
  const results: Record<RationalRoundingMode, bigint> = {
    down: below,
    up: above,
    zero: toZero,
    away: awayFromZero,
    nearest: nearest(awayFromZero),
    "nearest-up": nearest(above),
    "nearest-down": nearest(below),
    "nearest-zero": nearest(toZero),
    "nearest-even": nearest(even),
    "nearest-odd": nearest(odd),
    odd,
  };
  return results[mode];
}
