import { diagnosticError } from "../diagnostic.ts";
import { round } from "./rounding.ts";

/**
 * A fixed-point format (W, F): a word of W bits, the last F of which are the fraction. value = raw · 2^−F; two's
 * complement where `signed`. F may be negative (scaled integers) or exceed W (small fractions).
 */
export interface FixedPointFormat {
  /** W, bits. */
  readonly wordLength: number;
  /** F, bits. */
  readonly fractionLength: number;
  readonly signed: boolean;
}

/** Ranges of W and F. A register that a user names has at most 64 bits; an exact product or sum may be wider. */
export const FORMAT_LIMITS = {
  wordLength: 64,
  exactWordLength: 192,
  minFractionLength: -128,
  maxFractionLength: 192,
  /** An exact product has the sum of its operands' fraction lengths. */
  minExactFractionLength: -256,
  maxExactFractionLength: 384,
} as const;

/** Smallest and largest raw of a format. */
export interface RawRange {
  readonly min: bigint;
  readonly max: bigint;
}

/**
 * The format (W, F), checked: integers, 1 ≤ W ≤ 192, −256 ≤ F ≤ 384, so that exact formats can be written too. A named
 * register's narrower limits are checked by `parseFormat` and `validateRegister`. Throws `DiagnosticError` FORMAT.
 */
export function fixedPoint(wordLength: number, fractionLength: number, signed = true): FixedPointFormat {
  const { exactWordLength, minExactFractionLength, maxExactFractionLength } = FORMAT_LIMITS;
  checkInteger("wordLength W", wordLength, 1, exactWordLength, "fixedPoint");
  checkInteger("fractionLength F", fractionLength, minExactFractionLength, maxExactFractionLength, "fixedPoint");
  return { wordLength, fractionLength: fractionLength + 0, signed };
}

/**
 * Reads `W,F` (signed) or `uW,F` (unsigned) with 1 ≤ W ≤ 64 and −128 ≤ F ≤ 192, with `exact` as long as an exact product or sum may be;
 * `DiagnosticError` FORMAT otherwise.
 */
export function parseFormat(text: string, where = "format", exact = false): FixedPointFormat {
  const match = /^(u?)([0-9]{1,9}),(-?[0-9]{1,9})$/.exec(text.trim());
  if (!match) {
    throw diagnosticError(
      "FORMAT",
      where,
      `"${text}" is not a format`,
      "write W,F for a signed word of W bits with F fraction bits, e.g. 16,8, or uW,F for an unsigned one, e.g. u8,4",
    );
  }
  const wordLength = Number(match[2]);
  const fractionLength = Number(match[3]) + 0;
  const limits = FORMAT_LIMITS;
  const [least, most] = exact
    ? [limits.minExactFractionLength, limits.maxExactFractionLength]
    : [limits.minFractionLength, limits.maxFractionLength];
  checkInteger("W", wordLength, 1, exact ? limits.exactWordLength : limits.wordLength, where);
  checkInteger("F", fractionLength, least, most, where);
  return { wordLength, fractionLength, signed: match[1] === "" };
}

/** The inverse of `parseFormat`. */
export function formatText(format: FixedPointFormat): string {
  return `${format.signed ? "" : "u"}${format.wordLength},${format.fractionLength}`;
}

/** Signed −2^(W−1) … 2^(W−1)−1, unsigned 0 … 2^W−1. */
export function rawRange(format: FixedPointFormat): RawRange {
  const count = 1n << BigInt(format.wordLength);
  return format.signed ? { min: -count / 2n, max: count / 2n - 1n } : { min: 0n, max: count - 1n };
}

export function formatsEqual(a: FixedPointFormat, b: FixedPointFormat): boolean {
  return a.wordLength === b.wordLength && a.fractionLength === b.fractionLength && a.signed === b.signed;
}

/** Number of bits of a magnitude ≥ 0; 0 for 0. */
export function bitLength(magnitude: bigint): number {
  if (magnitude === 0n) return 0;
  const digits = magnitude.toString(16);
  return 4 * (digits.length - 1) + (32 - Math.clz32(Number.parseInt(digits.charAt(0), 16)));
}

const MANTISSA_BITS = 53;
/** Weight of the last bit of a subnormal double, as a power of two. */
const SMALLEST_EXPONENT = -1074;
const LARGEST_EXPONENT = 1023;

/**
 * raw · 2^−F as a double: exact where the double can hold it, else rounded once to nearest, ties to even; subnormals
 * included, ±Infinity beyond the largest double. Any raw, any integer F. Zero is +0.
 */
export function rawToFloat64(raw: bigint, fractionLength: number): number {
  const magnitude = raw < 0n ? -raw : raw;
  if (magnitude === 0n) return 0;
  const topExponent = bitLength(magnitude) - 1 - fractionLength;
  if (topExponent > LARGEST_EXPONENT) return raw < 0n ? -Infinity : Infinity;
  const lastExponent = Math.max(topExponent - (MANTISSA_BITS - 1), SMALLEST_EXPONENT);
  const droppedBits = lastExponent + fractionLength;
  if (droppedBits <= 0) return Number(raw) * 2 ** -fractionLength;
  return Number(round(raw, droppedBits, "nearest-even")) * 2 ** lastExponent + 0;
}

function checkInteger(name: string, value: number, min: number, max: number, where: string): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  const nearest = Number.isNaN(value) ? min : Math.min(max, Math.max(min, Math.round(value)));
  throw diagnosticError(
    "FORMAT",
    where,
    `${name} is ${value}, expected an integer from ${min} to ${max}`,
    `the nearest legal value is ${nearest}`,
  );
}

/** Bits a two's complement word, or an unsigned one (min ≥ 0), needs for every raw from `min` to `max`. */
export function bitsNeeded(min: bigint, max: bigint, signed: boolean): number {
  const length = (magnitude: bigint): number => (magnitude <= 0n ? 0 : magnitude.toString(2).length);
  if (!signed) return Math.max(1, length(max));
  return 1 + Math.max(length(max), min < 0n ? length(-min - 1n) : 0);
}
