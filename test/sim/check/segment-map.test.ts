import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SegmentMap } from "../../../sim/check/segment-map.ts";

interface Word {
  readonly start: number;
  readonly wordLength: number;
  readonly writer: number;
  reader: number;
}

/** One entry per word, in a plain list: what the map says in segments. */
class WordList {
  words: Word[] = [];

  write(start: number, end: number, wordLength: number, writer: number): void {
    this.words = this.words.filter((word) => word.start + word.wordLength <= start || word.start >= end);
    for (let at = start; at < end; at += wordLength) this.words.push({ start: at, wordLength, writer, reader: -1 });
    this.words.sort((a, b) => a.start - b.start);
  }
}

function wordsOf(map: SegmentMap, end: number): Word[] {
  return map.overlapping(0, end).flatMap((segment) => {
    expect((segment.end - segment.start) % segment.wordLength).toBe(0);
    const words: Word[] = [];
    for (let start = segment.start; start < segment.end; start += segment.wordLength) {
      words.push({ start, wordLength: segment.wordLength, writer: segment.writer, reader: segment.reader });
    }
    return words;
  });
}

describe("what each word of a memory holds", () => {
  test("equals a list of words through random writes and reads of mixed word lengths", () => {
    const operations = fc.array(
      fc.record({
        start: fc.integer({ min: 0, max: 100 }),
        count: fc.integer({ min: 1, max: 30 }),
        wordLength: fc.integer({ min: 1, max: 7 }),
        read: fc.boolean(),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(operations, (steps) => {
        const map = new SegmentMap();
        const list = new WordList();
        for (const [pc, { start, count, wordLength, read }] of steps.entries()) {
          if (!read) {
            map.write(start, start + count * wordLength, wordLength, pc);
            list.write(start, start + count * wordLength, wordLength, pc);
          } else {
            // Some consecutive words that are there.
            const words = list.words.slice(start % Math.max(1, list.words.length)).slice(0, count);
            for (const word of words) {
              map.read(word.start, word.start + word.wordLength, pc);
              word.reader = pc;
            }
          }
          expect(wordsOf(map, 1000)).toEqual(list.words);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a long read over adjacent words marks them all at once", () => {
    const map = new SegmentMap();
    for (let block = 0; block < 10; block++) map.write(block * 80, block * 80 + 80, 8, block);
    map.read(40, 760, 99);
    const segments = map.overlapping(0, 800);
    expect(segments).toHaveLength(12);
    expect(segments.filter(({ reader }) => reader === 99).reduce((sum, { start, end }) => sum + end - start, 0)).toBe(
      720,
    );
  });

  test("ten thousand separate words are found, read and overwritten", () => {
    const map = new SegmentMap();
    for (let word = 9_999; word >= 0; word--) map.write(word * 16, word * 16 + 8, 8, word);
    expect(map.overlapping(0, 160_000)).toHaveLength(10_000);
    map.write(0, 160_000, 8, 10_000);
    expect(map.overlapping(0, 160_000)).toHaveLength(1);
  });

  test("a word that is overwritten in part is lost, its neighbours stay", () => {
    const map = new SegmentMap();
    map.write(0, 40, 10, 1);
    map.write(15, 18, 3, 2);
    expect(map.overlapping(0, 40).map(({ start, end, writer }) => [start, end, writer])).toEqual([
      [0, 10, 1],
      [15, 18, 2],
      [20, 40, 1],
    ]);
  });
});
