import { diagnosticError } from "../diagnostic.ts";
import { fit, keptRange } from "./overflow.ts";
import type { RandomWordSource } from "./random.ts";
import type { RegisterSpec } from "./register.ts";
import { round, roundQuotient } from "./rounding.ts";

/** A value that has been written into a register. */
export interface Quantized {
  /** The word. */
  readonly raw: bigint;
  /** The rounded value before the fit, at the register's fraction length. */
  readonly rounded: bigint;
  /** Whether `rounded` lay outside the range the register keeps; the same as raw ≠ rounded. */
  readonly overflowed: boolean;
}

/**
 * The one lossy operation: round, then fit. Takes the exact value raw · 2^−fractionLength. The register must be valid
 * (`validateRegister`). `stochastic` draws one word where bits are dropped (fractionLength > F of the register), whether
 * or not they are zero, and none otherwise.
 */
export function quantize(
  raw: bigint,
  fractionLength: number,
  spec: RegisterSpec,
  random?: RandomWordSource,
): Quantized {
  const droppedBits = fractionLength - spec.format.fractionLength;
  const rounded = round(raw, droppedBits, spec.rounding, random);
  return fitted(rounded, spec, droppedBits > 0 ? raw >> BigInt(droppedBits) : rounded);
}

/**
 * A double into a register, exactly from its own bits. −0 is 0. NaN is a `DiagnosticError` NOT_A_NUMBER; ±Infinity goes to
 * the end of the range under `saturate` and `saturate-symmetric` and to 0 under `saturate-zero` (`rounded` is then the
 * first value beyond the range), and is a `DiagnosticError` NOT_FINITE under the other modes.
 * `stochastic` draws a word where the shortest exact form m · 2^e with m odd drops bits, −e > F; zero draws none.
 */
export function quantizeFloat64(
  value: number,
  spec: RegisterSpec,
  random?: RandomWordSource,
  where = "value",
): Quantized {
  if (Number.isNaN(value)) {
    throw diagnosticError("NOT_A_NUMBER", where, "found NaN, expected a number", "remove NaN from the data");
  }
  if (!Number.isFinite(value)) return quantizeInfinity(value > 0, spec, where);
  if (value === 0) return fitted(0n, spec, 0n);
  const { mantissa, exponent } = decompose(value);
  return quantize(mantissa, -exponent, spec, random);
}

/**
 * The exact rational numerator · 2^−fractionLength / denominator (denominator > 0) into a register: guard and sticky
 * come from the remainder. `stochastic` always draws one word, against the first 32 bits of the fraction.
 */
export function quantizeQuotient(
  numerator: bigint,
  denominator: bigint,
  fractionLength: number,
  spec: RegisterSpec,
  random?: RandomWordSource,
): Quantized {
  const shift = spec.format.fractionLength - fractionLength;
  const scaledNumerator = shift > 0 ? numerator << BigInt(shift) : numerator;
  const scaledDenominator = shift < 0 ? denominator << BigInt(-shift) : denominator;
  const rounded = roundQuotient(scaledNumerator, scaledDenominator, spec.rounding, random);
  return fitted(rounded, spec, roundQuotient(scaledNumerator, scaledDenominator, "down"));
}

function fitted(rounded: bigint, spec: RegisterSpec, floor: bigint): Quantized {
  const overflow = { mode: spec.overflow, saturatedBits: spec.saturatedBits };
  // biome-ignore lint/suspicious/noFocusedTests: this `fit` is the second half of a quantisation, not a test
  const { raw, overflowed } = fit(rounded, spec.format, overflow, spec.dialect, floor);
  return { raw, rounded, overflowed };
}

function quantizeInfinity(positive: boolean, spec: RegisterSpec, where: string): Quantized {
  const { overflow } = spec;
  if (overflow !== "saturate" && overflow !== "saturate-symmetric" && overflow !== "saturate-zero") {
    throw diagnosticError(
      "NOT_FINITE",
      where,
      `found ${positive ? "+" : "−"}Infinity, which has no meaning under ${overflow}`,
      "use saturate, saturate-symmetric or saturate-zero, or remove infinities from the data",
    );
  }
  const range = keptRange(spec.format, overflow, spec.dialect);
  const beyond = positive ? range.max + 1n : range.min - 1n;
  return fitted(beyond, spec, beyond);
}

const bits = new DataView(new ArrayBuffer(8));

/** A finite double other than zero as mantissa · 2^exponent, mantissa odd. */
export function decompose(value: number): { mantissa: bigint; exponent: number } {
  bits.setFloat64(0, value);
  const word = bits.getBigUint64(0);
  const fraction = BigInt.asUintN(52, word);
  const biasedExponent = Number(BigInt.asUintN(11, word >> 52n));
  let mantissa = biasedExponent === 0 ? fraction : fraction | (1n << 52n);
  let exponent = Math.max(biasedExponent, 1) - 1075;
  const trailingZeros = countTrailingZeros(mantissa);
  mantissa >>= BigInt(trailingZeros);
  exponent += trailingZeros;
  return { mantissa: value < 0 ? -mantissa : mantissa, exponent };
}

/** Of a magnitude from 1 to 2^53 − 1. */
function countTrailingZeros(magnitude: bigint): number {
  const low = Number(BigInt.asUintN(32, magnitude));
  if (low !== 0) return 31 - Math.clz32(low & -low);
  const high = Number(magnitude >> 32n);
  return 63 - Math.clz32(high & -high);
}
