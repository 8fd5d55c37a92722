/** Which words of a layer a comparison looks behind: all would take far longer than the comparison itself. */
import type { ElementHistory } from "../../sim/history/history.ts";

/** Words of one layer that are looked behind at most. */
export const TRACED_WORDS = 1000;
/** Register words that their histories may hold, all together. */
const TRACED_ENTRIES = 2 ** 17;
/** Words that are looked behind however long their histories are. */
const LEAST_WORDS = 8;

/** How many words may be looked behind whose histories are about as long as this one. */
export function traceable({ entries }: ElementHistory): number {
  const affordable = Math.floor(TRACED_ENTRIES / Math.max(1, entries.length));
  return Math.min(TRACED_WORDS, Math.max(LEAST_WORDS, affordable));
}

/** `count` of the elements 0 … length − 1, evenly spread; all of them where there are no more. */
export function spread(length: number, count: number): number[] {
  const taken = Math.min(length, count);
  return Array.from({ length: taken }, (_, index) => Math.floor((index * length) / taken));
}
