/** Decimal numbers as people write them, without a double between: the digits are an exact rational, rounded once. */
import { diagnosticError } from "../diagnostic.ts";
import { type Quantized, quantize, quantizeQuotient } from "./quantize.ts";
import type { RandomWordSource } from "./random.ts";
import type { RegisterSpec } from "./register.ts";

/** Bounds that keep the exact number small: far beyond every format. */
export const DECIMAL_LIMITS = { digits: 4096, exponent: 4096 } as const;

/** numerator / 10^places. */
export interface Decimal {
  readonly numerator: bigint;
  /** At least 0. */
  readonly places: number;
}

const DECIMAL = /^([+-]?)([0-9]*)\.?([0-9]*)(?:e([+-]?[0-9]+))?$/i;

/** `-0.25`, `1e-3`, `.5`, `3.`; null for any other text. Beyond the limits it is a `DiagnosticError` DECIMAL. */
export function parseDecimal(text: string, where: string): Decimal | null {
  const [, sign = "", whole = "", fraction = "", power = "0"] = DECIMAL.exec(text) ?? [];
  const digits = whole + fraction;
  if (digits === "") return null;
  const exponent = Number(power);
  const { digits: mostDigits, exponent: largest } = DECIMAL_LIMITS;
  if (digits.length > mostDigits || Math.abs(exponent) > largest) {
    const what = digits.length > mostDigits ? `${digits.length} digits` : `an exponent of ${power.slice(0, 20)}`;
    const hint = `write at most ${mostDigits} digits and an exponent from ${-largest} to ${largest}`;
    throw diagnosticError("DECIMAL", where, what, hint);
  }
  const magnitude = BigInt(digits);
  const places = fraction.length - exponent;
  const numerator = (sign === "-" ? -magnitude : magnitude) * 10n ** BigInt(Math.max(0, -places));
  return { numerator, places: Math.max(0, places) };
}

/**
 * The exact value into a register. `stochastic` draws as `quantizeFloat64` does where the value is a multiple of a power of two
 * (a word where the shortest such form drops bits), else one word.
 */
export function quantizeDecimal(
  { numerator, places }: Decimal,
  spec: RegisterSpec,
  random?: RandomWordSource,
): Quantized {
  const fives = 5n ** BigInt(places);
  if (numerator % fives !== 0n) return quantizeQuotient(numerator, fives, places, spec, random);
  let raw = numerator / fives;
  let fractionLength = places;
  for (; fractionLength > 0 && (raw & 1n) === 0n; fractionLength--) raw >>= 1n;
  return quantize(raw, fractionLength, spec, random);
}
