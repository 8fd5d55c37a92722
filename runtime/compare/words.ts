import { type FixedPointFormat, formatsEqual, formatText, rawToFloat64 } from "../../isa/numerics/format.ts";
import { type Raws, rawAt } from "../../isa/numerics/raws.ts";
import type { WordEntry } from "../results/compare-report.ts";

/** Words of one layer on both sides. */
export interface WordPair {
  readonly a: Raws;
  readonly b: Raws;
  readonly formatA: FixedPointFormat;
  readonly formatB: FixedPointFormat;
}

/** Words in another order: word i is the one at `places[i]`. */
export function inOrder(raws: Raws, places: Int32Array | null): Raws {
  if (places === null) return raws;
  return raws instanceof Int32Array
    ? Int32Array.from(places, (place) => raws[place] ?? 0)
    : BigInt64Array.from(places, (place) => raws[place] ?? 0n);
}

/** Whether element `index` has one value on both sides: exact, whatever the formats. */
export function sameValue({ a, b, formatA, formatB }: WordPair, index: number): boolean {
  if (a instanceof Int32Array && b instanceof Int32Array) {
    if (formatA.fractionLength === formatB.fractionLength) return a[index] === b[index];
    // Powers of two times 32 bits: no double rounds.
    return (a[index] ?? 0) * 2 ** (formatB.fractionLength - formatA.fractionLength) === b[index];
  }
  return equalValues(
    rawAt(a, index, formatA),
    formatA.fractionLength,
    rawAt(b, index, formatB),
    formatB.fractionLength,
  );
}

/** a · 2^−fractionA = b · 2^−fractionB. */
export function equalValues(a: bigint, fractionA: number, b: bigint, fractionB: number): boolean {
  const fraction = Math.max(fractionA, fractionB);
  return a << BigInt(fraction - fractionA) === b << BigInt(fraction - fractionB);
}

/** The first element that differs; null where none does. */
export function firstDifference(pair: WordPair): number | null {
  for (let index = 0; index < pair.a.length; index++) if (!sameValue(pair, index)) return index;
  return null;
}

/** How many elements differ, and by how much at most. */
export function differences(pair: WordPair): { readonly different: number; readonly largest: number } {
  let different = 0;
  let largest = 0;
  for (let index = 0; index < pair.a.length; index++) {
    if (sameValue(pair, index)) continue;
    different++;
    const a = rawToFloat64(rawAt(pair.a, index, pair.formatA), pair.formatA.fractionLength);
    const b = rawToFloat64(rawAt(pair.b, index, pair.formatB), pair.formatB.fractionLength);
    largest = Math.max(largest, Math.abs(a - b));
  }
  return { different, largest };
}

export function sameFormat({ formatA, formatB }: Pick<WordPair, "formatA" | "formatB">): boolean {
  return formatsEqual(formatA, formatB);
}

export function wordEntry(raw: bigint, format: FixedPointFormat): WordEntry {
  return { raw, format: formatText(format), value: rawToFloat64(raw, format.fractionLength) };
}
