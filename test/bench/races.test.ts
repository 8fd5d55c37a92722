import { beforeAll, describe, expect, test } from "vitest";
import { type Lenet, openLenet } from "./lenet-workload.ts";
import type { Course } from "./measure.ts";
import { type ConvolutionResult, type ConvolutionSize, raceConvolution } from "./race-convolution.ts";
import { raceLenet } from "./race-lenet.ts";
import { raceWorkers, workerCounts } from "./race-workers.ts";
import {
  type BenchReport,
  benchMarkdown,
  benchText,
  describeHost,
  misses,
  outcomesOf,
  type Section,
} from "./report.ts";
import { TARGETS } from "./targets.ts";
import { measureWorkerMemory } from "./worker-memory.ts";

/** So short that only running counts, not what the clock says. */
const SPRINT: Course = { rounds: 1, seconds: 0.0005 };
const SMALL: ConvolutionSize = {
  side: 4,
  channels: 8,
  kernel: 3,
  filters: 16,
  plainPixels: 4,
  slowPixels: 2,
  slowestPixels: 1,
};
const LONG = process.env.MACROSCOPE_LONG === "1";

let lenet: Lenet;
let convolution: ConvolutionResult;
let sections: readonly Section[];

function hasTarget(name: string): boolean {
  return LONG || TARGETS.some(({ figure }) => figure.startsWith(`${name} /`));
}

beforeAll(async () => {
  lenet = await openLenet(16);
  // The opponents' sums are compared on the way: an unequal one is an error.
  convolution = await raceConvolution(SMALL, SPRINT, { names: hasTarget, compiled: LONG });
  const network = await raceLenet(lenet, SPRINT, { names: hasTarget, compiled: LONG });
  const workers = await raceWorkers(lenet, SPRINT, [1, 2]);
  sections = [...convolution.sections, ...network.sections, workers.section];
});

function report(): BenchReport {
  return {
    schema: "macroscope/bench/2",
    host: describeHost(),
    opponents: convolution.opponents,
    rounds: SPRINT.rounds,
    seconds: SPRINT.seconds,
    outcomes: outcomesOf(sections),
    sections,
    memory: null,
    rates: convolution.rates,
  };
}

describe("a whole benchmark in small", () => {
  test("every target is measured", () => {
    expect(outcomesOf(sections).filter(({ ratio }) => ratio === null)).toEqual([]);
  });

  test("every ratio is a positive number, and no name comes twice", () => {
    const figures = sections.flatMap((section) => section.figures);
    for (const { name, ratio } of figures) expect(ratio > 0 && Number.isFinite(ratio), name).toBe(true);
    expect(new Set(figures.map(({ name }) => name)).size).toBe(figures.length);
  });

  test("opponents are there with their versions; who is left out says why", () => {
    const names = convolution.opponents.map(({ name }) => name);
    expect(names).toEqual(["float32", "onnxruntime", "plain TypeScript", "BigInt", "sc_fixed_fast"]);
    const versions = convolution.opponents.map((opponent) => ("version" in opponent ? opponent.version : ""));
    expect(versions[0]).toMatch(/^tfjs .*wasm/);
    expect(versions[1]).toMatch(/^onnxruntime-web .*wasm/);
    if (!LONG) expect(convolution.opponents[4]).toEqual({ name: "sc_fixed_fast", missing: "not asked for" });
  });

  test("terminal and Markdown show every target and every figure", () => {
    for (const text of [benchText(report()), benchMarkdown(report())]) {
      for (const { work } of TARGETS) expect(text).toContain(work);
      for (const { title } of sections) expect(text).toContain(title);
      expect(text).toContain(`Node.js ${process.version}`);
    }
  });
});

describe("outcomes", () => {
  const figure = (ratio: number): Section => ({
    title: "made up",
    figures: [{ name: TARGETS[0]?.figure ?? "", work: "", ratio, behind: "", note: "" }],
  });

  test("a ratio at the least is met, below it or not a number is missed, none is neither", () => {
    const least = TARGETS[0]?.least ?? 0;
    const missed = (ratio: number) => misses({ ...report(), outcomes: outcomesOf([figure(ratio)]) });
    expect(missed(least)).toEqual([]);
    expect(missed(least - 0.001)).toHaveLength(1);
    expect(missed(Number.NaN)).toHaveLength(1);
    expect(misses({ ...report(), outcomes: outcomesOf([]) })).toEqual([]);
  });
});

describe("workers", () => {
  test("1, 2, doubled, and all processors", () => {
    expect([1, 2, 4, 6, 16].map(workerCounts)).toEqual([
      [1, 2],
      [1, 2],
      [1, 2, 4],
      [1, 2, 4, 6],
      [1, 2, 4, 8, 16],
    ]);
  });

  test("memory is measured in processes of their own", async () => {
    const { pools, sharedMegabytes } = await measureWorkerMemory([1, 2]);
    expect(pools.map(({ workers }) => workers)).toEqual([1, 2]);
    for (const { residentMegabytes } of pools) expect(residentMegabytes).toBeGreaterThan(10);
    expect(sharedMegabytes).toBeGreaterThan(0.1);
  });
});
