import { diagnosticError } from "../../isa/diagnostic.ts";

/**
 * A set of word numbers as runs [start, end): start₀, end₀, start₁, end₁ … ascending, runs neither empty nor touching.
 * What an instruction touches is a few runs even where it reads each word thousands of times, so sets cost by runs, not
 * by accesses.
 */
export type WordRuns = readonly number[];

/** Separate runs that one instruction may touch; keeps a hostile program from taking the memory of the host. */
export const RUN_LIMIT = 4_000_000;

/** The words 0 … count − 1. */
export function firstWords(count: number): WordRuns {
  return count > 0 ? [0, count] : [];
}

export function shifted(words: WordRuns, distance: number): WordRuns {
  return distance === 0 ? words : words.map((word) => word + distance);
}

export function wordCount(words: WordRuns): number {
  let count = 0;
  for (let index = 0; index < words.length; index += 2) count += (words[index + 1] ?? 0) - (words[index] ?? 0);
  return count;
}

/** One past the greatest word; 0 for the empty set. */
export function endOf(words: WordRuns): number {
  return words[words.length - 1] ?? 0;
}

export function union(a: WordRuns, b: WordRuns): WordRuns {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const merged: number[] = [];
  let left = 0;
  let right = 0;
  while (left < a.length || right < b.length) {
    const fromA = right >= b.length || (left < a.length && (a[left] as number) <= (b[right] as number));
    const start = (fromA ? a[left] : b[right]) as number;
    const end = (fromA ? a[left + 1] : b[right + 1]) as number;
    if (fromA) left += 2;
    else right += 2;
    append(merged, start, end);
  }
  return merged;
}

/** Adds a run that starts no earlier than the last one. */
function append(words: number[], start: number, end: number): void {
  const last = words.length - 1;
  if (last > 0 && (words[last] as number) >= start) {
    if (end > (words[last] as number)) words[last] = end;
    return;
  }
  if (words.length >= 2 * RUN_LIMIT) throw tooManyRuns();
  words.push(start, end);
}

/** The union of `count` copies, each `stride` words behind the one before: linear in runs, logarithmic in copies. */
export function spread(words: WordRuns, stride: number, count: number): WordRuns {
  if (count === 0) return [];
  if (count === 1 || stride === 0 || words.length === 0) return words;
  const first = words[0] as number;
  if (words.length === 2 && stride <= endOf(words) - first) return [first, endOf(words) + (count - 1) * stride];
  if (endOf(words) - first <= stride) return copies(words, stride, count);
  let covered = 1;
  let result = words;
  while (covered < count) {
    const step = Math.min(covered, count - covered);
    result = union(result, shifted(result, step * stride));
    covered += step;
  }
  return result;
}

/** Copies that do not overlap. */
function copies(words: WordRuns, stride: number, count: number): WordRuns {
  if ((words.length / 2) * count > RUN_LIMIT + count) throw tooManyRuns();
  const result: number[] = [];
  for (let copy = 0; copy < count; copy++) {
    for (let index = 0; index < words.length; index += 2) {
      append(result, (words[index] as number) + copy * stride, (words[index + 1] as number) + copy * stride);
    }
  }
  return result;
}

/** Nested counters that turn one number into a word offset; outermost first. */
export interface Counters {
  readonly counts: readonly number[];
  readonly strides: readonly number[];
}

/**
 * The words `base` seen from every counter value from … to − 1, the counters running as one mixed-radix number. A partial
 * range falls apart into whole boxes.
 */
export function spreadCounters(base: WordRuns, counters: Counters, from: number, to: number): WordRuns {
  return spreadDimension(base, counters, 0, from, to);
}

function spreadDimension(base: WordRuns, counters: Counters, dimension: number, from: number, to: number): WordRuns {
  if (to <= from) return [];
  const stride = counters.strides[dimension];
  if (stride === undefined) return base;
  const inner = innerCount(counters, dimension);
  const [first, last] = [Math.floor(from / inner), Math.floor(to / inner)];
  const [head, tail] = [from % inner, to % inner];
  const part = (start: number, end: number): WordRuns => spreadDimension(base, counters, dimension + 1, start, end);
  if (first === last) return shifted(part(head, tail), first * stride);
  const whole = head > 0 ? first + 1 : first;
  let result: WordRuns = head > 0 ? shifted(part(head, inner), first * stride) : [];
  if (last > whole) result = union(result, shifted(spread(part(0, inner), stride, last - whole), whole * stride));
  return tail > 0 ? union(result, shifted(part(0, tail), last * stride)) : result;
}

/** The greatest offset the counters reach from `from` to `to` − 1, without listing words. */
export function greatestOffset(counters: Counters, from: number, to: number, dimension = 0): number {
  const stride = counters.strides[dimension];
  if (stride === undefined) return 0;
  const inner = innerCount(counters, dimension);
  const [first, last] = [Math.floor(from / inner), Math.floor((to - 1) / inner)];
  const greatest = (start: number, end: number): number => greatestOffset(counters, start, end, dimension + 1);
  if (first === last) return first * stride + greatest(from - first * inner, to - first * inner);
  const beforeLast = (last - 1) * stride + greatest(last - 1 === first ? from - first * inner : 0, inner);
  return Math.max(beforeLast, last * stride + greatest(0, to - last * inner));
}

function innerCount({ counts }: Counters, dimension: number): number {
  return counts.slice(dimension + 1).reduce((product, count) => product * count, 1);
}

function tooManyRuns(): Error {
  return diagnosticError(
    "CHECK_LIMIT",
    "program",
    `an instruction touches more than ${RUN_LIMIT} separate runs of words`,
    "use smaller tiles, or strides that keep words together",
  );
}
