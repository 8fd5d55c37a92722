/** Formats as a user writes them, `16,8` or `16,auto`, and the rule that finds an automatic fraction length. */

import { diagnosticError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, FORMAT_LIMITS, fixedPoint, parseFormat } from "../../isa/numerics/format.ts";
import { quantizeFloat64 } from "../../isa/numerics/quantize.ts";
import { register } from "../../isa/numerics/register.ts";
import type { CalibratedRange } from "../../isa/program/datapath.ts";

/** A word length whose fraction length a range decides. */
export interface AutomaticFormat {
  readonly wordLength: number;
  readonly signed: boolean;
  readonly automatic: true;
}

export type WrittenFormat = FixedPointFormat | AutomaticFormat;

export function isAutomatic(format: WrittenFormat): format is AutomaticFormat {
  return "automatic" in format;
}

/** Reads `W,F`, `uW,F`, `W,auto` or `uW,auto`; `DiagnosticError` FORMAT otherwise. */
export function parseWrittenFormat(text: string, where: string): WrittenFormat {
  const match = /^(u?[0-9]{1,9}),auto$/.exec(text.trim());
  if (!match) return parseFormat(text, where);
  const { wordLength, signed } = parseFormat(`${match[1]},0`, where);
  return { wordLength, signed, automatic: true };
}

/** Least and greatest of a tensor's values, for formats of constants; 0 … 0 for none. */
export function rangeOf(values: Float32Array): CalibratedRange {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return values.length === 0 ? { min: 0, max: 0 } : { min, max };
}

/**
 * The largest F at which both ends of the range, rounded to nearest, fit W bits, less `marginBits`: each margin bit
 * doubles the room above the range. A range that is zero gets F = W − 1 (W where unsigned) less the margin. F stays within
 * −128 … 192. Throws `DiagnosticError` FORMAT_RANGE where no F does.
 */
export function automaticFormat(
  written: AutomaticFormat,
  range: CalibratedRange,
  marginBits: number,
  where: string,
): FixedPointFormat {
  const { wordLength, signed } = written;
  const { min, max } = range;
  const text = `${min} … ${max}`;
  if (!Number.isFinite(min) || !Number.isFinite(max) || min > max) {
    throw diagnosticError("FORMAT_RANGE", where, `the range ${text} is not one`, "calibrate again, with finite data");
  }
  if (!signed && min < 0) {
    const hint = `write "${wordLength},auto"`;
    throw diagnosticError("FORMAT_RANGE", where, `the range ${text} has values below 0, the format is unsigned`, hint);
  }
  const integerBits = wordLength - (signed ? 1 : 0);
  const magnitude = Math.max(Math.abs(min), Math.abs(max));
  const { minFractionLength, maxFractionLength } = FORMAT_LIMITS;
  const start = magnitude === 0 ? integerBits : integerBits - Math.floor(Math.log2(magnitude)) + 1;
  for (let fraction = Math.min(start, maxFractionLength + marginBits); ; fraction--) {
    const chosen = fraction - marginBits;
    if (chosen < minFractionLength) {
      const hint = "use a longer word, or a smaller marginBits";
      throw diagnosticError("FORMAT_RANGE", where, `the range ${text} fits ${wordLength} bits at no legal F`, hint);
    }
    const candidate = register({ wordLength, fractionLength: fraction, signed });
    const fits = [min, max].every((end) => !quantizeFloat64(end, candidate).overflowed);
    if (fits) return fixedPoint(wordLength, Math.min(chosen, maxFractionLength), signed);
  }
}
