/** The format that holds float32 values exactly, for biases that are not to be quantized. */
import { diagnosticError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, FORMAT_LIMITS, fixedPoint } from "../../isa/numerics/format.ts";

const FLOAT32_FRACTION_BITS = 149;

/**
 * The smallest F, and with it the smallest signed W, in which every value is a word. Values are finite float32 numbers.
 * Throws `DiagnosticError` EXACT_BIAS where that takes more than 64 bits or an F outside −128 … 192.
 */
export function exactFormat(values: Float32Array, where: string): FixedPointFormat {
  let fractionLength = Number.NEGATIVE_INFINITY;
  let magnitudeBits = 0;
  for (const value of values) {
    if (value === 0) continue;
    const exponent = lowestExponent(value);
    fractionLength = Math.max(fractionLength, -exponent);
  }
  if (!Number.isFinite(fractionLength)) return fixedPoint(1, 0);
  fractionLength = Math.max(fractionLength, FORMAT_LIMITS.minFractionLength);
  for (const value of values) {
    // A power of two fits below its own magnitude only: −2^n needs n + 1 bits, 2^n needs n + 2.
    const scaled = value * 2 ** fractionLength;
    const bits = scaled < 0 ? Math.ceil(Math.log2(-scaled)) : scaled > 0 ? Math.floor(Math.log2(scaled)) + 1 : 0;
    magnitudeBits = Math.max(magnitudeBits, bits);
  }
  const wordLength = magnitudeBits + 1;
  if (wordLength > FORMAT_LIMITS.wordLength) {
    throw diagnosticError(
      "EXACT_BIAS",
      where,
      `biases with ${fractionLength} fraction bits need words of ${wordLength} bits, the machine's have at most ${FORMAT_LIMITS.wordLength}`,
      "leave out quantizeBias: false, or give the bias register a format",
    );
  }
  return fixedPoint(wordLength, fractionLength);
}

/** The e of value = m · 2^e with m odd; the value is a nonzero float32 number. */
export function lowestExponent(value: number): number {
  let mantissa = BigInt(Math.abs(value) * 2 ** FLOAT32_FRACTION_BITS);
  let exponent = -FLOAT32_FRACTION_BITS;
  while (BigInt.asUintN(32, mantissa) === 0n) {
    mantissa >>= 32n;
    exponent += 32;
  }
  const low = Number(BigInt.asUintN(32, mantissa));
  return exponent + 31 - Math.clz32(low & -low);
}
