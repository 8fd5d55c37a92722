/** Near misses of spelling: the same name but for case, or for one letter. */

/**
 * The candidate that `name` misspells: equal but for upper and lower case, or with one letter too many, missing, exchanged or
 * swapped with its neighbour. Undefined where there is none: in names of up to four letters another letter makes another word,
 * and Conv1D is no Conv2D misspelt.
 */
export function misspelt(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > 100) return undefined;
  const lower = name.toLowerCase();
  const byCase = candidates.find((candidate) => candidate.toLowerCase() === lower);
  return (
    byCase ??
    candidates.find(
      (candidate) => digits(candidate) === digits(name) && isOneLetterApart(lower, candidate.toLowerCase()),
    )
  );
}

const SHORTEST = 4;

function isOneLetterApart(a: string, b: string): boolean {
  if (Math.min(a.length, b.length) < SHORTEST || Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  if (a.length !== b.length) return restA.slice(1) === restB || restB.slice(1) === restA;
  if (a.length === SHORTEST) return false;
  const isSwapped = restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
  return restA.slice(1) === restB.slice(1) || isSwapped;
}

function digits(name: string): string {
  return name.replace(/[^0-9]/g, "");
}
