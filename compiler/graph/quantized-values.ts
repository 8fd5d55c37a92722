/** Values in a register, as a model's quantizer has them. */

import { rawToFloat64 } from "../../isa/numerics/format.ts";
import { keptRange } from "../../isa/numerics/overflow.ts";
import { quantizeFloat64 } from "../../isa/numerics/quantize.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import { ROUNDING_MODES } from "../../isa/numerics/rounding.ts";

/** Up to here words, and their neighbours that rounding reaches, are exact in doubles. */
const EXACT_WORD_LENGTH = 50;

/** Each value rounded and fitted to the register, raw · 2^−F; exact for words of up to 24 bits, then rounded to float32. */
export function quantizedValues(values: Float32Array, spec: RegisterSpec): Float32Array {
  const { format, overflow, dialect } = spec;
  const { increment } = ROUNDING_MODES[spec.rounding];
  const saturates = overflow === "saturate" || overflow === "saturate-symmetric";
  if (increment === undefined || !saturates || format.wordLength > EXACT_WORD_LENGTH) {
    return values.map((value) => rawToFloat64(quantizeFloat64(value, spec).raw, format.fractionLength));
  }
  const scale = 2 ** format.fractionLength;
  const range = keptRange(format, overflow, dialect);
  const [least, greatest] = [Number(range.min), Number(range.max)];
  return values.map((value) => {
    // Beyond the range the end is the answer however the rest is rounded.
    const scaled = Math.min(Math.max(value * scale, least - 1), greatest + 1);
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    const up = increment(rest >= 0.5, rest !== 0 && rest !== 0.5, value < 0, floor % 2 !== 0);
    return Math.min(Math.max(up ? floor + 1 : floor, least), greatest) / scale;
  });
}
