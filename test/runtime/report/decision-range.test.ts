/** The axis of a search's chart shows where its decision lies. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decisionRange, paretoFront } from "../../../runtime/report/charts/pareto-front.ts";
import { svgFile } from "../../../runtime/report/charts/svg.ts";
import { TARGET_KINDS } from "../../../runtime/results/bits-report.ts";
import { manyNames, sampleBits } from "./sample-results.ts";

describe("the range of the figure", () => {
  it("has the target and everything better in it, and no more behind it than before it or a few points", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...TARGET_KINDS),
        fc.double({ min: 0.5, max: 1, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 2 })),
        (kind, target, figures) => {
          const [low, high] = decisionRange(kind, target, figures);
          expect(low).toBeLessThan(target);
          expect(high).toBeGreaterThan(target);
          const higher = kind === "relative" || kind === "agreement" || kind === "sqnr";
          for (const figure of figures.filter(Number.isFinite)) {
            if (higher) expect(figure).toBeLessThanOrEqual(high);
            else expect(figure).toBeGreaterThanOrEqual(low);
          }
        },
      ),
    );
  });

  it("puts a candidate far below a target of 0.99 on the edge, and a few points around it between the ends", () => {
    const [low, high] = decisionRange("relative", 0.99, [0.995, 1.002]);
    expect(low).toBeCloseTo(0.96, 10);
    expect(high).toBeCloseTo(1.0032, 10);
  });
});

describe("the chart", () => {
  it("marks what lies beyond its edge, and keeps it in the drawing", () => {
    const report = sampleBits(manyNames(3));
    const [first, ...others] = report.trials;
    if (first === undefined) throw new Error("no trials");
    const far = { ...first, verdict: "missed" as const, figure: report.target.value - 0.8, change: "far" };
    const chart = paretoFront({ ...report, trials: [first, ...others, far] });
    if (chart === null) throw new Error("no chart");
    expect(svgFile(chart)).toContain("far beyond the edge");
    expect(chart.caption).toContain("beyond");
  });
});
