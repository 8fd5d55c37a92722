/** The order of a sweep, with an evaluator that only knows formulas. */
import { describe, expect, it } from "vitest";
import { diagnosticError, InvariantError } from "../../../../isa/diagnostic.ts";
import { canonicalDigest } from "../../../../runtime/exploration/journal/canonical-json.ts";
import { expandGrid, type Grid } from "../../../../runtime/exploration/sweep/grid.ts";
import { ALL_LAYERS } from "../../../../runtime/exploration/sweep/subunits.ts";
import { runSweep, type SweepJob } from "../../../../runtime/exploration/sweep/sweep.ts";
import { readSweepRecord } from "../../../../runtime/exploration/sweep/sweep-record.ts";
import { sweepReportText } from "../../../../runtime/report/text/sweep-text.ts";
import type {
  Candidate,
  CandidateCost,
  Evaluation,
  Evaluator,
  ImageSpan,
} from "../../../../runtime/results/evaluation.ts";
import type { SweepPoint, SweepRecord } from "../../../../runtime/results/sweep-report.ts";

const COST: CandidateCost = {
  constantBits: 1,
  activationBits: 2,
  storedBits: 3,
  dspBlocks: 4,
  cyclesPerImage: 5,
  energyPjPerImage: 6.5,
};

/** Right on the share of images that the distance of F from 3 leaves; F = 6 is refused. Notes what it was asked. */
function evaluator(asked: string[]): Pick<Evaluator, "evaluate" | "cost"> {
  return {
    evaluate: async (candidate: Candidate, span: ImageSpan, options): Promise<Evaluation> => {
      const [, fraction = 0] = (candidate.assignment.default?.format ?? "").split(",").map(Number);
      asked.push(`${candidate.assignment.default?.format} ${span.first}+${span.images}`);
      if (fraction === 6) throw diagnosticError("FORMAT", "assignment", "six cannot be", "take five");
      options?.onProgress?.(span.images);
      const fixed = 1 / (1 + Math.abs(fraction - 3));
      const accuracy = {
        ...{ float: 1, fixed, relative: fixed, top5: null, agreement: fixed, fixed95: [0, 1] as const },
        ...{ relative95: [0, 1] as const, ties: 0, mcnemar: { onlyFloat: 0, onlyFixed: 0, pValue: 1 } },
      };
      return {
        ...{ span, accuracy, floatRight: null, fixedRight: null, sameClass: null, agreement: null },
        error: { mae: 0.5, maxAbs: 1, sqnrDb: fraction },
        overflow: [
          { layer: "a", register: "sum", overflow: 2 },
          { layer: "b", register: "output", overflow: 7 },
        ],
        clippedConstants: 3,
        digest: "d",
      };
    },
    cost: () => COST,
  };
}

const GRID: Grid = {
  datapaths: ["intrinsic"],
  subunits: [ALL_LAYERS],
  roundings: ["nearest"],
  overflows: [null],
  wordLengths: [8],
  fractionLengths: [1, 2],
  images: 20,
  search: { first: 20, images: 5 },
};

function jobFor(grid: Grid, asked: string[], kept: SweepRecord[], known: readonly SweepRecord[] = []): SweepJob {
  return {
    entries: expandGrid(grid).entries,
    evaluator: evaluator(asked),
    candidateOf: ({ wordLength, fractionLength, layers }) => ({
      assignment: { default: { format: `${wordLength},${fractionLength}` } },
      layers,
    }),
    keyOf: async ({ subunit: _, ...point }: SweepPoint) => canonicalDigest(point),
    known,
    keep: async (record) => void kept.push(record),
  };
}

describe("a sweep", () => {
  it("runs each point once, keeps it at once, and reports what it gave", async () => {
    const [asked, kept]: [string[], SweepRecord[]] = [[], []];
    const progress: number[] = [];
    const job = { ...jobFor(GRID, asked, kept), onProgress: (images: number) => void progress.push(images) };
    const { records, refused } = await runSweep(job);
    expect(asked).toEqual(["8,1 0+20", "8,2 0+20"]);
    expect(records).toEqual(kept);
    expect(refused).toEqual([]);
    expect(progress).toEqual([20, 20, 40, 40]);
    expect(records[1]?.point).toMatchObject({ wordLength: 8, fractionLength: 2, images: 20 });
    expect(records[1]?.result).toMatchObject({
      accuracy: { fixed: 0.5 },
      overflow: { total: 9, compile: 3, worst: { layer: "b", register: "output", overflow: 7 } },
      cost: COST,
      digest: "d",
    });
    for (const record of kept) expect(readSweepRecord(JSON.parse(JSON.stringify(record)))).toEqual(record);
  });

  it("takes what is known and runs the rest: any part of an earlier sweep gives the same records", async () => {
    const grid: Grid = { ...GRID, fractionLengths: [0, 1, "best", 4] };
    const kept: SweepRecord[] = [];
    const whole = await runSweep(jobFor(grid, [], kept));
    const plain = (records: readonly SweepRecord[]) => records.map(({ seconds: _, ...rest }) => rest);
    for (let known = 0; known <= kept.length; known++) {
      const [asked, rest]: [string[], SweepRecord[]] = [[], []];
      const resumed = await runSweep(jobFor(grid, asked, rest, kept.slice(0, known)));
      expect(plain(resumed.records)).toEqual(plain(whole.records));
      // The refused one is asked again: it is in no journal.
      expect(asked.filter((text) => !text.startsWith("8,6"))).toHaveLength(kept.length - known);
      expect(plain([...kept.slice(0, known), ...rest])).toEqual(plain(kept));
    }
  });

  it("best chooses on images apart, and the choice has all images", async () => {
    const asked: string[] = [];
    const { records, refused } = await runSweep(jobFor({ ...GRID, fractionLengths: ["best"] }, asked, []));
    expect(asked).toEqual([...[0, 1, 2, 3, 4, 5, 6, 7].map((fraction) => `8,${fraction} 20+5`), "8,3 0+20"]);
    expect(records.at(-1)?.point).toEqual({
      ...{ datapath: "intrinsic", wordLength: 8, fractionLength: 3, rounding: "nearest", overflow: null },
      ...{ subunit: null, layers: null, images: 20 },
    });
    expect(refused.map(({ why }) => why)).toEqual(["six cannot be"]);
  });

  it("a subunit written in another way has the known result under its own name", async () => {
    const kept: SweepRecord[] = [];
    const named = (name: string): Grid => ({ ...GRID, fractionLengths: [1], subunits: [{ name, layers: ["a", "b"] }] });
    await runSweep(jobFor(named("a,b"), [], kept));
    const asked: string[] = [];
    const { records } = await runSweep(jobFor(named("[ab]*"), asked, [], kept));
    expect(asked).toEqual([]);
    expect(records[0]?.point.subunit).toBe("[ab]*");
    expect(records[0]?.key).toBe(kept[0]?.key);
  });

  it("stops where it is told, and at what is no matter of word lengths", async () => {
    const kept: SweepRecord[] = [];
    const controller = new AbortController();
    const keep = async (record: SweepRecord): Promise<void> => {
      kept.push(record);
      controller.abort();
    };
    const job = { ...jobFor(GRID, [], kept), keep, signal: controller.signal };
    await expect(runSweep(job)).rejects.toMatchObject({ name: "AbortError" });
    expect(kept).toHaveLength(1);
    const broken = { ...jobFor(GRID, [], []), keep: () => Promise.reject(new InvariantError("full")) };
    await expect(runSweep(broken)).rejects.toThrow("full");
  });

  it("in words: a row per point, what was tried, and what cannot be", async () => {
    const { records, refused } = await runSweep(jobFor({ ...GRID, fractionLengths: ["best"] }, [], []));
    const text = sweepReportText({
      ...{ schema: "macroscope/sweep/1", configuration: {}, request: {}, model: "made-up", weights: null },
      ...{ data: "formulas", floatBackend: "none", records, refused, resources: { seconds: 1, peakMemoryBytes: 1 } },
    });
    expect(text).toContain("made-up on formulas, 20 images, 1 points");
    expect(text).toMatch(/^intrinsic +8,3 +nearest +100\.00 % +1\.0000 /m);
    expect(text).toContain("7 more points were tried on images 20 to 24 alone");
    expect(text).toContain("not possible: intrinsic 8,6, six cannot be");
    expect(text).not.toContain("layers");
  });
});

describe("records of a journal", () => {
  it("with anything missing, added or of another kind are none", async () => {
    const kept: SweepRecord[] = [];
    await runSweep(jobFor({ ...GRID, fractionLengths: [1] }, [], kept));
    const text = JSON.stringify(kept[0]);
    const whole = JSON.parse(text);
    expect(readSweepRecord(whole)).not.toBeNull();
    const paths = (value: unknown): string[][] =>
      typeof value !== "object" || value === null
        ? []
        : Object.entries(value).flatMap(([name, field]) => [[name], ...paths(field).map((path) => [name, ...path])]);
    for (const path of paths(whole)) {
      for (const change of ["remove", "replace"] as const) {
        const forged = JSON.parse(text);
        const parent = path.slice(0, -1).reduce((value, name) => value[name], forged);
        const name = path.at(-1) ?? "";
        if (change === "replace") parent[name] = { odd: true };
        else if (Array.isArray(parent)) parent.pop();
        else delete parent[name];
        expect(readSweepRecord(forged), `${change} ${path.join(".")}`).toBeNull();
      }
    }
    expect(readSweepRecord({ ...whole, more: 1 })).toBeNull();
    for (const value of [null, 1, "x", []]) expect(readSweepRecord(value)).toBeNull();
  });

  it("an error without bounds, which JSON has no number for, is read as such", async () => {
    const kept: SweepRecord[] = [];
    await runSweep(jobFor({ ...GRID, fractionLengths: [1] }, [], kept));
    const whole = JSON.parse(JSON.stringify(kept[0]));
    whole.result.error.maxAbs = null;
    expect(readSweepRecord(whole)?.result.error.maxAbs).toBe(Number.POSITIVE_INFINITY);
  });
});
