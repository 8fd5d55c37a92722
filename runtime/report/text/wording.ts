/** Numbers and sentences as people read them. */

import { BEFORE_SUM } from "../../../sim/evidence.ts";
import { pageWidth } from "../page-width.ts";

/** `1,234,567`; rounded to an integer. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `98.60 %` of a share; `digits` behind the point. */
export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** `97.66 … 99.16 %`. */
export function percentRange([low, high]: readonly [number, number]): string {
  return `${(100 * low).toFixed(2)} … ${percent(high)}`;
}

/** Four significant digits, without an exponent between a thousandth and ten million. */
export function significant(value: number): string {
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  if (magnitude < 1e-3 || magnitude >= 1e7) return value.toExponential(2);
  return Number(value.toPrecision(4)).toLocaleString("en-US", { maximumFractionDigits: 9 });
}

const LINE_WIDTH = 98;

/** A sentence over several lines, broken at blanks. */
export function wrapped(sentence: string): string {
  const lines = [""];
  for (const word of sentence.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line.length > 0 && line.length + 1 + word.length > Math.min(LINE_WIDTH, pageWidth())) lines.push(`  ${word}`);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.join("\n");
}

/** `, step 3`, or where a register stands that belongs to no step of the sum; nothing where that is not known. */
export function placeInSum(step: number | null): string {
  if (step === null) return "";
  if (step >= 0) return `, step ${step}`;
  return step === BEFORE_SUM ? ", before the sum" : ", behind the sum";
}
