/*
 * Closed forms as text with the numbers put in. The texts use + − · × / ( ) max() ⌈ ⌉ and log2, and words such as
 * "folds" that carry no value, so that a reader (and a test) can work them out again.
 */

/** `2 folds`, `1 fold`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Terms that are not zero, joined by a plus sign; a text is taken as it stands. */
export function sumText(...terms: readonly (number | string)[]): string {
  const shown = terms.filter((term) => term !== 0);
  return shown.length === 0 ? "0" : shown.join(" + ");
}

/** ⌈a / b⌉ */
export function ceilingText(numerator: number | string, denominator: number | string): string {
  return `⌈${numerator} / ${denominator}⌉`;
}

/** `m × (steps)`, or the steps alone where nothing stretches them. */
export function stretchedText(stretch: number, steps: string): string {
  return stretch === 1 ? steps : `${stretch} × (${steps})`;
}
