/** Means of average pools. Facts from nnet_pooling.h and the division of ap_fixed. */
import type { RegisterSpec } from "../../../isa/numerics/register.ts";

/**
 * The output register of a mean. hls4ml's quotient has accum's fraction bits, cut toward zero, and is cast to result then: one
 * rounding toward zero where result drops no bits more, or drops them toward zero as well, or no quotient is negative.
 */
export function quotientRegister(accumulator: RegisterSpec, result: RegisterSpec): RegisterSpec | null {
  const further = accumulator.format.fractionLength - result.format.fractionLength;
  if (further < 0) return null;
  const cut = result.rounding === "zero" || (result.rounding === "down" && !accumulator.format.signed);
  return further === 0 || cut ? { ...result, rounding: "zero" } : null;
}
