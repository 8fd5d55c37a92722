import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classify, withinTop } from "../../runtime/metrics/classification.ts";
import { ErrorMeter } from "../../runtime/metrics/error.ts";
import { relativeAccuracyInterval, wilsonInterval } from "../../runtime/metrics/intervals.ts";
import { mcnemar } from "../../runtime/metrics/mcnemar.ts";

describe("Wilson's interval", () => {
  it("gives the textbook values", () => {
    const [low, high] = wilsonInterval(8, 10);
    expect(low).toBeCloseTo(0.4902, 4);
    expect(high).toBeCloseTo(0.9433, 4);
    expect(wilsonInterval(0, 10)[0]).toBe(0);
    expect(wilsonInterval(0, 10)[1]).toBeCloseTo(0.2775, 4);
    expect(wilsonInterval(10, 10)[1]).toBe(1);
    expect(wilsonInterval(0, 0)).toEqual([0, 1]);
  });
});

describe("McNemar's exact test", () => {
  const outcomes = (onlyFirst: number, onlySecond: number): [boolean[], boolean[]] => [
    [...Array<boolean>(onlyFirst).fill(true), ...Array<boolean>(onlySecond).fill(false), true, false],
    [...Array<boolean>(onlyFirst).fill(false), ...Array<boolean>(onlySecond).fill(true), true, false],
  ];

  it("is 1 for equal counts and for none", () => {
    expect(mcnemar(...outcomes(0, 0)).pValue).toBe(1);
    expect(mcnemar(...outcomes(5, 5)).pValue).toBe(1);
  });

  it("equals the binomial tail: 6 against 0 is 2/64, 9 against 2 is 2·67/2048", () => {
    expect(mcnemar(...outcomes(6, 0)).pValue).toBeCloseTo(2 / 64, 12);
    expect(mcnemar(...outcomes(9, 2)).pValue).toBeCloseTo((2 * (1 + 11 + 55)) / 2048, 12);
  });

  it("does not care which comes first, however many differ", () => {
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(3000), (a, b) => {
        const forward = mcnemar(...outcomes(a, b)).pValue;
        expect(mcnemar(...outcomes(b, a)).pValue).toBeCloseTo(forward, 10);
        expect(forward).toBeGreaterThanOrEqual(0);
        expect(forward).toBeLessThanOrEqual(1);
      }),
      { numRuns: 50 },
    );
  });
});

describe("relative accuracy's interval", () => {
  it("is the point 1 where fixed and float agree on every image", () => {
    const correct = Array.from({ length: 200 }, (_, image) => image % 10 !== 0);
    expect(relativeAccuracyInterval(correct, correct, 7)).toEqual([1, 1]);
  });

  it("holds the observed ratio, repeats under one seed and shrinks with more images", () => {
    const float = Array.from({ length: 1000 }, (_, image) => image % 50 !== 0);
    const fixed = Array.from({ length: 1000 }, (_, image) => image % 20 !== 0);
    const ratio = fixed.filter(Boolean).length / float.filter(Boolean).length;
    const [low, high] = relativeAccuracyInterval(float, fixed, 1) as [number, number];
    expect(low).toBeLessThan(ratio);
    expect(high).toBeGreaterThan(ratio);
    expect(relativeAccuracyInterval(float, fixed, 1)).toEqual([low, high]);
    const few = relativeAccuracyInterval(float.slice(0, 100), fixed.slice(0, 100), 1) as [number, number];
    expect(few[1] - few[0]).toBeGreaterThan(high - low);
  });

  it("is null where float got nothing right", () => {
    expect(relativeAccuracyInterval([false, false], [true, false], 1)).toBeNull();
  });
});

describe("classification", () => {
  it("takes the lowest of equal classes and counts the images with ties", () => {
    const answers = classify([1, 3, 3, 5, 5, 5, 9, 1, 1], 3, 3);
    expect([...answers.top1]).toEqual([1, 0, 0]);
    expect(answers.ties).toBe(2);
  });

  it("a shared value below the largest is no tie", () => {
    expect(classify([2, 2, 3], 1, 3).ties).toBe(0);
  });

  it("ranks equal values by lower index", () => {
    expect(withinTop([5, 5, 5], [2], 1, 3, 2)).toEqual([false]);
    expect(withinTop([5, 5, 5], [1], 1, 3, 2)).toEqual([true]);
  });
});

describe("ErrorMeter", () => {
  it("adds up over parts", () => {
    const meter = new ErrorMeter();
    meter.add([3, 4], [3, 4.5]);
    meter.add([0], [-0.5]);
    const { mae, maxAbs, sqnrDb } = meter.figures();
    expect(mae).toBeCloseTo(1 / 3);
    expect(maxAbs).toBe(0.5);
    expect(sqnrDb).toBeCloseTo(10 * Math.log10(25 / 0.5));
  });

  it("has no SQNR without noise", () => {
    const meter = new ErrorMeter();
    meter.add([1], [1]);
    expect(meter.figures()).toEqual({ mae: 0, maxAbs: 0, sqnrDb: null });
  });
});
