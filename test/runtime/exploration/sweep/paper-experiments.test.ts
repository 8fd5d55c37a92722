/** The paper's experiments on a made-up network, whose figures follow from the format alone. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ExperimentSetting } from "../../../../runtime/exploration/sweep/experiment.ts";
import { allFractions, subunitFractions } from "../../../../runtime/exploration/sweep/experiment.ts";
import { markBottlenecks } from "../../../../runtime/exploration/sweep/minimal-subunits.ts";
import { EXPERIMENTS, runExperiment } from "../../../../runtime/exploration/sweep/paper-experiments.ts";
import { PAPER_ROWS, PAPER_SUBUNITS, type PaperRow, paperTopology } from "../../../../runtime/report/paper-tables.ts";
import { experimentMarkdown, experimentText } from "../../../../runtime/report/text/experiment-text.ts";
import { EXPERIMENT_NAMES, type ExperimentRow } from "../../../../runtime/results/experiment-report.ts";
import type { Accuracy } from "../../../../runtime/results/run-report.ts";
import type { SweepPoint, SweepResult } from "../../../../runtime/results/sweep-report.ts";

function resultOf(relative: number | null): SweepResult {
  const accuracy: Accuracy = {
    float: 1,
    fixed: relative ?? 0,
    relative,
    top5: null,
    agreement: relative,
    fixed95: [0, 1],
    relative95: relative === null ? null : [relative - 0.01, relative + 0.01],
    ties: 0,
    mcnemar: null,
  };
  return {
    accuracy: relative === null ? null : accuracy,
    agreement: { share: 0.5, share95: [0.4, 0.6], top5: null, ties: 0 },
    error: { mae: 0, maxAbs: 0, sqnrDb: null },
    overflow: { total: 0, compile: 0, worst: null },
    cost: null,
    digest: null,
  };
}

/** Bits before and behind the point that each subunit needs; what is missing costs 0.02 a bit. */
const NEEDS: Readonly<Record<string, readonly [integer: number, fraction: number]>> = {
  first: [3, 4],
  middle: [5, 6],
  last: [4, 2],
};

function lossOf(name: string, { wordLength, fractionLength }: SweepPoint): number {
  const [integer, fraction] = NEEDS[name] ?? [0, 0];
  const bits = Number(fractionLength);
  return 0.02 * (Math.max(0, integer - (wordLength - bits)) + Math.max(0, fraction - bits));
}

function setting(asked: SweepPoint[], fields: Partial<ExperimentSetting> = {}): ExperimentSetting {
  return {
    model: "made-up",
    images: 10,
    subunits: Object.keys(NEEDS).map((name) => ({ name, layers: [`${name}/a`, `${name}/b`] })),
    intrinsic: "tensorquant",
    wordLengths: null,
    measure: async (points) => {
      asked.push(...points);
      return points.map((point) => {
        const names = point.subunit === null ? Object.keys(NEEDS) : [point.subunit];
        return resultOf(Math.max(0, 1 - names.reduce((sum, name) => sum + lossOf(name, point), 0)));
      });
    },
    ...fields,
  };
}

const named = (rows: readonly ExperimentRow[], name: string): ExperimentRow => {
  const row = rows.find((each) => each.name === name);
  if (row === undefined) throw new Error(`no row ${name}`);
  return row;
};

const formats = (row: ExperimentRow): unknown =>
  row.entries.map((entry) => (entry === null ? null : [entry.wordLength, entry.fractionLength]));

describe("the grids of the paper", () => {
  it("fraction lengths of all layers are the even ones and W − 1, of subunits W/2 and two beside it", () => {
    expect(allFractions(4)).toEqual([0, 2, 3]);
    expect(allFractions(5)).toEqual([0, 2, 4]);
    expect(subunitFractions(8)).toEqual([2, 4, 6]);
    expect(subunitFractions(2)).toEqual([1]);
  });
});

describe("minimal formats by subunit", () => {
  it("are the shortest words that reach each threshold, and the bottleneck has the most bits", async () => {
    const asked: SweepPoint[] = [];
    const { tables } = await runExperiment("minimal-subunits", setting(asked));
    const [table] = tables;
    expect(table?.columns).toEqual(["100%", "99%", "90%"]);
    const rows = table?.rows ?? [];
    expect(formats(named(rows, "first"))).toEqual([
      [8, 4],
      [8, 4],
      [4, 0],
    ]);
    expect(formats(named(rows, "middle"))).toEqual([
      [12, 6],
      [12, 6],
      [6, 2],
    ]);
    expect(formats(named(rows, "last"))).toEqual([
      [6, 2],
      [6, 2],
      [4, 0],
    ]);
    const marks = rows.map(({ name, entries }) => [name, entries.map((entry) => entry?.bottleneck)]);
    expect(marks).toEqual([
      ["first", [false, false, false]],
      ["middle", [true, true, true]],
      ["last", [false, false, false]],
    ]);
    expect(asked.at(-1)).toMatchObject({ wordLength: 12, fractionLength: 6, subunit: null, layers: null });
    expect(table?.notes.at(-1)).toBe("All layers at once at the bottleneck's 12,6: 1.000 (95 %: 0.990 … 1.010).");
    // Nothing is asked behind the format that is enough.
    expect(asked.filter(({ subunit, wordLength }) => subunit === "last" && wordLength > 6)).toEqual([]);
  });

  it("of equal word lengths the one with more fraction bits is the bottleneck, and a subunit that fails leaves none", () => {
    const entry = (wordLength: number, fractionLength: number) => {
      const figures = { figure: 1, figure95: null, subunit: null };
      return { wordLength, fractionLength, ...figures, bottleneck: false };
    };
    const rows: ExperimentRow[] = [
      { name: "a", source: "macroscope", entries: [entry(12, 4), entry(8, 4), null] },
      { name: "b", source: "macroscope", entries: [entry(12, 6), entry(8, 4), entry(8, 4)] },
    ];
    const marks = markBottlenecks(rows).map(({ entries }) => entries.map((each) => each?.bottleneck));
    expect(marks).toEqual([
      [false, true, undefined],
      [true, true, false],
    ]);
  });

  it("the paper's own rows have the bottleneck that the paper's rule gives", () => {
    const bottleneck = (topology: "Inception V3" | "ResNet 50") =>
      (PAPER_SUBUNITS[topology] ?? []).reduce((most, each) => {
        const [[w = 0, f = 0] = [], [mostW = 0, mostF = 0] = []] = [each.formats[0], most.formats[0]];
        return w > mostW || (w === mostW && f > mostF) ? each : most;
      }).name;
    expect(bottleneck("Inception V3")).toBe("Mixed_7a");
    expect(bottleneck("ResNet 50")).toBe("resnet_v1_50/conv1");
  });
});

describe("best fraction lengths", () => {
  it("all layers lose what all subunits lose; one at a time what the worst of them does", async () => {
    const asked: SweepPoint[] = [];
    const { tables } = await runExperiment("subunits", setting(asked, { wordLengths: [8, 12] }));
    const rows = tables[0]?.rows ?? [];
    const figures = ({ entries }: ExperimentRow) =>
      entries.map((entry) => [entry?.figure?.toFixed(2), entry?.fractionLength]);
    expect(figures(named(rows, "made-up (all)"))).toEqual([
      ["0.94", 4],
      ["1.00", 6],
    ]);
    expect(figures(named(rows, "made-up (single)"))).toEqual([
      ["0.94", 4],
      ["1.00", 6],
    ]);
    expect(named(rows, "made-up (single)").entries[0]?.subunit).toBe("middle");
    expect(new Set(asked.map(({ rounding }) => rounding))).toEqual(new Set(["nearest"]));
  });

  it("asks for the points of one subunit in a row, so that float before it is computed once", async () => {
    const asked: SweepPoint[] = [];
    await runExperiment("best-fraction", setting(asked));
    const order = asked.map(({ subunit }) => subunit).filter((name) => name !== null);
    const changes = order.filter((name, index) => index > 0 && name !== order[index - 1]);
    expect(changes).toEqual(["middle", "last"]);
  });
});

describe("every experiment", () => {
  it.each(EXPERIMENT_NAMES)("%s has a row of entries for every column, in text and Markdown", async (name) => {
    for (const model of ["made-up", "lenet5", "inception_v1", "inception_v3", "resnet50", "resnet152"]) {
      const asked: SweepPoint[] = [];
      const report = await runExperiment(name, setting(asked, { model }));
      expect(report.measure).toBe("relative accuracy");
      for (const { rows, columns } of report.tables) {
        expect(rows.length).toBeGreaterThan(0);
        for (const { entries } of rows) expect(entries).toHaveLength(columns.length);
      }
      for (const { wordLength, fractionLength } of asked) {
        expect(fractionLength).toBeGreaterThanOrEqual(0);
        expect(fractionLength).toBeLessThan(wordLength);
      }
      const markdown = experimentMarkdown(report)
        .split("\n")
        .filter((line) => line.startsWith("|"));
      expect(markdown.length).toBeGreaterThan(2);
      expect(experimentText(report)).toContain(report.tables[0]?.title);
      expect(EXPERIMENTS[name].usesSubunits).toBe(asked.some(({ subunit }) => subunit !== null));
    }
  });

  it("a network of the paper's has the paper's rows beside its own, with its own entries", async () => {
    const { tables } = await runExperiment("best-fraction", setting([], { model: "lenet5" }));
    expect(tables.map(({ paper, rows }) => [paper, rows.length])).toEqual([
      ["Table 4", 2],
      ["Table 3", 1],
      ["Table 2", 1],
    ]);
    expect(experimentText({ name: "best-fraction", measure: "relative accuracy", tables })).toMatch(
      /paper: LeNet +0\.40, 3 +0\.90, 4 +1\.00, 6 +1\.00, 8 +1\.00, 8/,
    );
  });

  it("without labels its figures are the agreement with float, and it says so", async () => {
    const measure: ExperimentSetting["measure"] = async (points) => points.map(() => resultOf(null));
    const report = await runExperiment("intrinsic-extrinsic", setting([], { measure }));
    expect(report.measure).toBe("agreement");
    expect(report.tables[0]?.rows[0]?.entries[0]?.figure).toBe(0.5);
  });
});

describe("the paper's tables", () => {
  it.each([
    ["lenet5", "LeNet"],
    ["lenet-mnist", "LeNet"],
    ["lenet-fashion", null],
    ["googlenet-imagenet", "Inception V1"],
    ["inception_v1", "Inception V1"],
    ["resnet50", "ResNet 50"],
    ["resnet20-cifar10", null],
  ] as const)("a model named %s is %s", (model, topology) => {
    expect(paperTopology(model)).toBe(topology);
  });

  it("hold shares and fraction lengths that are below the word length", () => {
    const rows = Object.values(PAPER_ROWS).flatMap((each): readonly (PaperRow | null)[] => Object.values(each));
    expect(rows.filter((row) => row !== null)).toHaveLength(13);
    fc.assert(
      fc.property(fc.constantFrom(...rows.filter((row) => row !== null)), (row) => {
        for (const [wordLength, { relative, fraction }] of Object.entries(row)) {
          expect(relative).toBeGreaterThanOrEqual(0);
          expect(relative).toBeLessThanOrEqual(1);
          expect(fraction).toBeLessThan(Number(wordLength));
        }
      }),
    );
  });
});
