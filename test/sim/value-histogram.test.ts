import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OctaveCounts } from "../../sim/fast/evidence/octave-counts.ts";
import {
  EMPTY_HISTOGRAM,
  HistogramTally,
  magnitudeBits,
  mergeHistograms,
  trailingZeros,
  UNDERFLOW_OCTAVES,
} from "../../sim/value-histogram.ts";

/** Integers of every size to 2^200, the ends of octaves among them. */
const integers = fc
  .tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: -2, max: 2 }), fc.boolean())
  .map(([exponent, offset, negative]) => {
    const magnitude = 2n ** BigInt(exponent) + BigInt(offset);
    return negative ? -magnitude : magnitude;
  });

describe("a histogram of values", () => {
  it("counts a raw at k exactly where k + 1 signed bits are the fewest that hold it", () => {
    fc.assert(
      fc.property(integers, (raw) => {
        const k = magnitudeBits(raw);
        expect(BigInt.asIntN(k + 1, raw)).toBe(raw);
        if (k > 0) expect(BigInt.asIntN(k, raw)).not.toBe(raw);
      }),
    );
  });

  it("of two parts merged is that of all values, in any order", () => {
    const lists = fc.array(integers, { maxLength: 12 });
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        const of = (values: readonly bigint[]) => {
          const tally = new HistogramTally();
          for (const value of values) tally.add(value);
          return tally.histogram();
        };
        expect(mergeHistograms(of(a), of(b))).toEqual(of([...b, ...a]));
        expect(mergeHistograms(EMPTY_HISTOGRAM, of(a))).toEqual(of(a));
      }),
    );
  });

  it("puts what rounds to zero between the powers of two it lies between, the last octave open below", () => {
    for (let depth = 0; depth < 40; depth++) {
      const tally = new HistogramTally();
      // 2^−(depth+1), the least of its octave, and just below 2^−depth, the largest.
      tally.addUnderflow(1n, 2n ** BigInt(depth + 1));
      tally.addUnderflow(2n ** 60n - 1n, 2n ** BigInt(60 + depth));
      const index = Math.min(depth, UNDERFLOW_OCTAVES - 1);
      const expected = Array.from({ length: index + 1 }, (_, octave) => (octave === index ? 2 : 0));
      expect(tally.histogram()).toEqual({ positive: [], negative: [], zero: 2, underflow: expected });
    }
  });

  it("is the same whether the fast engine takes numbers or big integers, and as the definition says", () => {
    // word · 2^droppedBits + rest is exact; words to 2^52, shifts that keep it below 2^53 are drawn with small words.
    const values = fc
      .integer({ min: 0, max: 52 })
      .chain((bits) =>
        fc.tuple(
          fc.bigInt({ min: -(2n ** BigInt(bits)), max: 2n ** BigInt(bits) }),
          fc.integer({ min: -3, max: 52 - bits }),
        ),
      );
    fc.assert(
      fc.property(fc.array(values, { maxLength: 20 }), fc.bigInt({ min: 1n, max: 2n ** 70n }), (drawn, denominator) => {
        const [numbers, bigs, tally] = [new OctaveCounts(), new OctaveCounts(), new HistogramTally()];
        let bits = 0n;
        for (const [exact, droppedBits] of drawn) {
          // Rounded to zero (toward zero), so that flushed values of every size occur.
          const magnitude = exact < 0n ? -exact : exact;
          const kept = droppedBits > 0 ? magnitude >> BigInt(droppedBits) : magnitude << BigInt(-droppedBits);
          const word = exact < 0n ? -kept : kept;
          numbers.number(Number(exact), Number(word), Number(word), droppedBits);
          bigs.big(exact * denominator, denominator, droppedBits, word, word);
          if (word === 0n && exact !== 0n) tally.addUnderflow(magnitude, 2n ** BigInt(droppedBits));
          else tally.add(word);
          bits |= word < 0n ? -word : word;
        }
        expect(numbers.histogram()).toEqual(tally.histogram());
        expect(bigs.histogram()).toEqual(tally.histogram());
        expect([numbers.trailingZeros, bigs.trailingZeros]).toEqual([trailingZeros(bits), trailingZeros(bits)]);
      }),
    );
  });
});
