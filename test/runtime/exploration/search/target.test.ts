import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  figureOf,
  keeps,
  type Shown,
  searchLimit,
  TARGET_RULES,
  targetOf,
} from "../../../../runtime/exploration/search/target.ts";
import { TARGET_KINDS, type TargetKind } from "../../../../runtime/results/bits-report.ts";

const answers = (pairs: readonly (readonly [float: boolean, fixed: boolean])[]): Shown => ({
  floatRight: Uint8Array.from(pairs, ([float]) => (float ? 1 : 0)),
  fixedRight: Uint8Array.from(pairs, ([, fixed]) => (fixed ? 1 : 0)),
  sameClass: Uint8Array.from(pairs, ([float, fixed]) => (float === fixed ? 1 : 0)),
  error: { mae: 0, maxAbs: 0, sqnrDb: null },
});

const errors = (sqnrDb: number | null, mae: number, maxAbs: number): Shown => ({
  floatRight: null,
  fixedRight: null,
  sameClass: null,
  error: { mae, maxAbs, sqnrDb },
});

describe("a target", () => {
  it("reads its figure off the images", () => {
    const shown = answers([
      [true, true],
      [true, false],
      [true, true],
      [false, true],
      [false, false],
      [true, false],
    ]);
    expect(figureOf("relative", shown)).toBeCloseTo(3 / 4, 12);
    expect(figureOf("agreement", shown)).toBeCloseTo(1 / 2, 12);
    expect(figureOf("top1-drop", shown)).toBeCloseTo(100 / 6, 12);
    expect(figureOf("sqnr", errors(31.5, 1, 2))).toBe(31.5);
    expect(figureOf("sqnr", errors(null, 0, 0))).toBe(Number.POSITIVE_INFINITY);
    expect(figureOf("mean-error", errors(31.5, 1, 2))).toBe(1);
    expect(figureOf("largest-error", errors(31.5, 1, 2))).toBe(2);
  });

  it("says what is missing where the images do not show it", () => {
    expect(() => figureOf("relative", errors(1, 1, 1))).toThrow(/classifies/);
    expect(() => figureOf("agreement", errors(1, 1, 1))).toThrow(/sqnr/);
    expect(() => figureOf("relative", { ...answers([[true, true]]), floatRight: null })).toThrow(/labels/);
    expect(() => figureOf("relative", answers([[false, true]]))).toThrow(/none of these images right/);
    expect(() => figureOf("sqnr", errors(null, 1, 1))).toThrow(/signal/);
  });

  it("has a margin of its own, on the side that is better", () => {
    expect(searchLimit(targetOf("relative", 0.99))).toBeCloseTo(0.995, 12);
    expect(searchLimit(targetOf("relative", 1))).toBe(1);
    expect(searchLimit(targetOf("top1-drop", 2))).toBe(1);
    expect(searchLimit(targetOf("sqnr", 30))).toBe(31);
    expect(searchLimit(targetOf("mean-error", 0.5))).toBeCloseTo(0.45, 12);
    expect(searchLimit(targetOf("relative", 0.9, 0.02))).toBeCloseTo(0.92, 12);
    for (const kind of TARGET_KINDS) {
      const target = targetOf(kind, 0.5);
      expect(keeps(kind, searchLimit(target), target.value)).toBe(true);
    }
  });

  it("refuses values that are none", () => {
    for (const [kind, value] of [
      ["relative", -0.1],
      ["agreement", 1.1],
      ["agreement", Number.NaN],
      ["mean-error", -1],
      ["top1-drop", 101],
    ] as const) {
      expect(() => targetOf(kind, value)).toThrow(/--target/);
    }
    expect(() => targetOf("relative", 0.9, -0.1)).toThrow(/--margin/);
  });

  it.each(["relative", "agreement", "top1-drop"] as const)(
    "scores of %s have a mean of at least zero exactly where the target is kept, within their bounds",
    (kind: TargetKind) => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 60 }),
          fc.integer({ min: 1, max: 100 }),
          (pairs, percent) => {
            fc.pre(pairs.some(([float]) => float));
            const limit = kind === "top1-drop" ? percent : percent / 100;
            const shown = answers(pairs);
            const scores = TARGET_RULES[kind].scores?.(limit);
            const values = scores?.of(shown as never, limit) ?? new Float64Array();
            const sum = values.reduce((a, b) => a + b, 0);
            expect(sum >= -1e-9).toBe(keeps(kind, figureOf(kind, shown), limit));
            for (const value of values) {
              expect(value).toBeGreaterThanOrEqual((scores?.low ?? 0) - 1e-12);
              expect(value).toBeLessThanOrEqual((scores?.high ?? 0) + 1e-12);
            }
          },
        ),
      );
    },
  );
});
