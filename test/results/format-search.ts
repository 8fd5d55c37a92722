import type { Measurement, NetworkStudy } from "./network-study.ts";

/** Fraction lengths to try for a word with between `least` and `most` integer bits, the sign among them; none below 0. */
export function candidateFractions(wordLength: number, [least, most]: readonly [number, number]): readonly number[] {
  const first = Math.max(0, wordLength - most);
  return Array.from({ length: Math.max(1, wordLength - least - first + 1) }, (_, index) => first + index);
}

/**
 * The fraction length with which most of the first `images` are classified as labelled; among equals the one whose last layer
 * comes closest to float.
 */
export async function bestFraction(
  study: NetworkStudy,
  datapath: string,
  wordLength: number,
  options: { readonly integerBits: readonly [number, number]; readonly images: number },
): Promise<number> {
  let best: { readonly fraction: number; readonly measured: Measurement } | null = null;
  for (const fraction of candidateFractions(wordLength, options.integerBits)) {
    const measured = await study.run({ datapath, format: `${wordLength},${fraction}` }, options.images);
    if (best === null || isBetter(measured, best.measured)) best = { fraction, measured };
  }
  if (best === null) throw new Error(`no fraction length fits ${wordLength} bits`);
  return best.fraction;
}

function isBetter(a: Measurement, b: Measurement): boolean {
  return a.fixedRight > b.fixedRight || (a.fixedRight === b.fixedRight && sqnr(a) > sqnr(b));
}

/** No error at all counts as the best. */
function sqnr({ sqnrDb }: Measurement): number {
  return sqnrDb ?? Number.POSITIVE_INFINITY;
}
