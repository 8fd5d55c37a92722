import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  endOf,
  firstWords,
  greatestOffset,
  RUN_LIMIT,
  shifted,
  spread,
  spreadCounters,
  union,
  type WordRuns,
  wordCount,
} from "../../../sim/check/word-runs.ts";

/** Every word of a set, and that its runs are ascending, not empty and not touching. */
function wordsOf(runs: WordRuns): number[] {
  expect(runs.length % 2).toBe(0);
  const words: number[] = [];
  for (let index = 0; index < runs.length; index += 2) {
    const [start, end] = [runs[index] as number, runs[index + 1] as number];
    expect(start).toBeLessThan(end);
    if (index > 0) expect(start).toBeGreaterThan(runs[index - 1] as number);
    for (let word = start; word < end; word++) words.push(word);
  }
  return words;
}

const sets = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 9 })), { maxLength: 5 })
  .map((parts) => parts.reduce<WordRuns>((set, [start, count]) => union(set, shifted(firstWords(count), start)), []));

const ascending = (words: Iterable<number>): number[] => [...new Set(words)].sort((a, b) => a - b);

describe("sets of words as runs", () => {
  test("union, shift, spread and count are those of the sets of their words", () => {
    const arguments_ = fc.tuple(sets, sets, fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(arguments_, ([a, b, stride, count]) => {
        expect(wordsOf(union(a, b))).toEqual(ascending([...wordsOf(a), ...wordsOf(b)]));
        expect(wordsOf(shifted(a, stride))).toEqual(wordsOf(a).map((word) => word + stride));
        const copies = Array.from({ length: count }, (_, copy) => wordsOf(a).map((word) => word + copy * stride));
        expect(wordsOf(spread(a, stride, count))).toEqual(ascending(copies.flat()));
        expect(wordCount(a)).toBe(wordsOf(a).length);
        expect(endOf(a)).toBe((wordsOf(a).at(-1) ?? -1) + 1);
      }),
      { numRuns: 400 },
    );
  });

  test("counters give the words of every value in the range, and its greatest offset", () => {
    const counters = fc
      .tuple(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 12 })), {
          minLength: 1,
          maxLength: 3,
        }),
        sets,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
      )
      .map(([dimensions, base, x, y]) => {
        const counts = dimensions.map(([count]) => count);
        const total = counts.reduce((product, count) => product * count, 1);
        const [low, high] = [Math.min(x, y), Math.max(x, y)];
        const from = Math.min(total - 1, Math.floor(low * total));
        const to = Math.max(from + 1, Math.round(high * total));
        return { counts, strides: dimensions.map(([, stride]) => stride), base, from, to };
      });
    fc.assert(
      fc.property(counters, ({ counts, strides, base, from, to }) => {
        const offsets: number[] = [];
        for (let value = from; value < to; value++) {
          let rest = value;
          let offset = 0;
          for (let dimension = counts.length - 1; dimension >= 0; dimension--) {
            const count = counts[dimension] as number;
            offset += (rest % count) * (strides[dimension] as number);
            rest = Math.floor(rest / count);
          }
          offsets.push(offset);
        }
        const expected = ascending(offsets.flatMap((offset) => wordsOf(base).map((word) => word + offset)));
        expect(wordsOf(spreadCounters(base, { counts, strides }, from, to))).toEqual(expected);
        expect(greatestOffset({ counts, strides }, from, to)).toBe(Math.max(...offsets));
      }),
      { numRuns: 600 },
    );
  });

  test("an input tile read by a million steps of a convolution is one run", () => {
    // 3 × 3 kernel over 34 × 34 × 64 words: every word of the tile, each up to nine times.
    const kernel = spreadCounters(firstWords(1), { counts: [3, 3, 64], strides: [34 * 64, 64, 1] }, 0, 576);
    expect(spreadCounters(kernel, { counts: [32, 32], strides: [34 * 64, 64] }, 0, 1024)).toEqual([0, 34 * 34 * 64]);
  });

  test("more separate runs than the limit are refused before they take memory", () => {
    expect(() => spread(firstWords(1), 2, RUN_LIMIT + 2)).toThrow(/CHECK_LIMIT/);
    expect(() => spread(firstWords(1), 2, 2 ** 32)).toThrow(/CHECK_LIMIT/);
  });
});
