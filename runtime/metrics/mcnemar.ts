/** Paired comparison of two classifiers on the same images. */
export interface McNemar {
  /** Images only the first, only the second got right. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Two-sided p-value of "both are right equally often". */
  readonly pValue: number;
}

/** McNemar's test (1947) with the exact binomial distribution: no approximation, fit for few discordant images. */
export function mcnemar(first: readonly boolean[], second: readonly boolean[]): McNemar {
  let onlyFirst = 0;
  let onlySecond = 0;
  for (let image = 0; image < first.length; image++) {
    if (first[image] && !second[image]) onlyFirst++;
    if (!first[image] && second[image]) onlySecond++;
  }
  return { onlyFirst, onlySecond, pValue: exactTwoSided(onlyFirst, onlySecond) };
}

function exactTwoSided(a: number, b: number): number {
  const trials = a + b;
  if (trials === 0) return 1;
  let logCoefficient = 0;
  let tail = 0;
  for (let k = 0; k <= Math.min(a, b); k++) {
    if (k > 0) logCoefficient += Math.log((trials - k + 1) / k);
    tail += Math.exp(logCoefficient - trials * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}
