/** Near misses of spelling: the same name but for case, or for one letter. */

/**
 * The candidate that `name` misspells: equal but for upper and lower case, or with one letter too many, missing, exchanged or
 * swapped with its neighbour. Undefined where there is none: names of four letters and fewer may differ in case alone, for
 * another letter makes another word of them.
 */
export function misspelt(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > 100) return undefined;
  const lower = name.toLowerCase();
  const byCase = candidates.find((candidate) => candidate.toLowerCase() === lower);
  if (byCase !== undefined || name.length <= 4) return byCase;
  return candidates.find(
    (candidate) =>
      candidate.length > 4 && digits(candidate) === digits(name) && isOneLetterApart(lower, candidate.toLowerCase()),
  );
}

/** Conv1D is no Conv2D misspelt. */
function digits(name: string): string {
  return name.replace(/[^0-9]/g, "");
}

function isOneLetterApart(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  if (a.length !== b.length) return restA.slice(1) === restB || restB.slice(1) === restA;
  const isSwapped = restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
  return restA.slice(1) === restB.slice(1) || isSwapped;
}
