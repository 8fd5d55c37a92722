/** The register in which a parametric ReLU keeps its slopes. */
import { FORMAT_LIMITS, fixedPoint } from "../../isa/numerics/format.ts";
import { type RegisterSpec, register } from "../../isa/numerics/register.ts";
import { lowestExponent } from "./exact-bias.ts";

/** Exact where 64 bits hold every slope, as they do 24-bit mantissas 2^39 apart; else the lowest bits are rounded to nearest. Finite float32 values. */
export function slopesRegister(slopes: Float32Array): RegisterSpec {
  const magnitudes = slopes.filter((slope) => slope !== 0).map(Math.abs);
  if (magnitudes.length === 0) return register(fixedPoint(1, 0));
  const largest = magnitudes.reduce((a, b) => Math.max(a, b));
  const integerBits = Math.floor(Math.log2(largest)) + 1;
  const needed = magnitudes.reduce((most, slope) => Math.max(most, -lowestExponent(slope)), Number.NEGATIVE_INFINITY);
  const { wordLength, maxFractionLength } = FORMAT_LIMITS;
  const fractionLength = Math.min(needed, wordLength - 1 - integerBits, maxFractionLength);
  return register(fixedPoint(Math.max(1, integerBits + fractionLength) + 1, fractionLength));
}
