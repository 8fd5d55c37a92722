/** The experiments of the TensorQuant paper, for any network: each measures points and lays them out as the paper does. */

import { PAPER_ROWS, type PaperRow, type PaperRows, paperTopology } from "../../report/paper-tables.ts";
import {
  EXPERIMENT_NAMES,
  type ExperimentName,
  type ExperimentReport,
  type ExperimentRow,
  type ExperimentTable,
} from "../../results/experiment-report.ts";
import type { SweepResult } from "../../results/sweep-report.ts";
import {
  bestOfAll,
  bestOfSubunits,
  type ExperimentSetting,
  entryOf,
  halfOf,
  measureOf,
  pointOf,
} from "./experiment.ts";
import { minimalSubunits } from "./minimal-subunits.ts";

interface Experiment {
  /** One line, for help. */
  readonly summary: string;
  readonly usesSubunits: boolean;
  run(setting: ExperimentSetting): Promise<readonly ExperimentTable[]>;
}

export const EXPERIMENTS: Readonly<Record<ExperimentName, Experiment>> = {
  "rounding-methods": {
    summary: "Figures 3 and 4: rounding methods over the word length W at F = W/2, intrinsic and extrinsic",
    usesSubunits: false,
    run: roundingMethods,
  },
  "intrinsic-extrinsic": {
    summary: "section 4.1.2: where words are rounded, inside layers or between them, over W at F = W/2",
    usesSubunits: false,
    run: intrinsicExtrinsic,
  },
  "best-fraction": {
    summary: "Tables 2, 3 and 4: the best fraction length for each word length",
    usesSubunits: true,
    run: bestFraction,
  },
  subunits: {
    summary: "Table 1: all layers at once against one subunit at a time",
    usesSubunits: true,
    run: allAgainstSubunits,
  },
  "minimal-subunits": {
    summary: "Tables 5 and 6: the least format of each subunit for 100, 99 and 90 %, and the bottleneck",
    usesSubunits: true,
    run: minimalSubunits,
  },
};

export function isExperimentName(name: string): name is ExperimentName {
  return (EXPERIMENT_NAMES as readonly string[]).includes(name);
}

export async function runExperiment(name: ExperimentName, setting: ExperimentSetting): Promise<ExperimentReport> {
  let some: SweepResult | undefined;
  const measure: ExperimentSetting["measure"] = async (points) => {
    const results = await setting.measure(points);
    some ??= results.find((result) => result !== null) ?? undefined;
    return results;
  };
  const tables = await EXPERIMENTS[name].run({ ...setting, measure });
  return { name, measure: measureOf(some), tables };
}

/** Of Figures 3 and 4, and what the paper's code most likely computed where it says stochastic. */
const METHODS = ["nearest", "zero", "down", "stochastic", "up"] as const;

const FIGURE_WORDS = [4, 8, 12, 16, 20, 24, 28, 32];

async function roundingMethods(setting: ExperimentSetting): Promise<readonly ExperimentTable[]> {
  const wordLengths = setting.wordLengths ?? FIGURE_WORDS;
  const of = async (datapath: string, title: string): Promise<ExperimentTable> => {
    const rows: ExperimentRow[] = [];
    for (const rounding of METHODS) {
      rows.push(await rowAtHalf(setting, rounding, { datapath, rounding }, wordLengths));
    }
    return {
      paper: "Figures 3, 4",
      title,
      rowTitle: "Rounding",
      columns: bitColumns(wordLengths),
      form: "figure",
      rows,
      notes: [
        "F = W/2. The paper's curves have no numbers; its code rounded up where the paper says stochastic (an integer division), so `up` stands beside it.",
      ],
    };
  };
  return [
    await of(setting.intrinsic, `${setting.model}, intrinsic (${setting.intrinsic})`),
    await of("extrinsic", `${setting.model}, extrinsic`),
  ];
}

async function intrinsicExtrinsic(setting: ExperimentSetting): Promise<readonly ExperimentTable[]> {
  const wordLengths = setting.wordLengths ?? [4, 6, 8, 10, 12, 14, 16, 18, 20];
  const datapaths = [...new Set([setting.intrinsic, "tensorquant", "intrinsic", "wide", "extrinsic"])];
  const rows: ExperimentRow[] = [];
  for (const datapath of datapaths) rows.push(await rowAtHalf(setting, datapath, { datapath }, wordLengths));
  return [
    {
      paper: "Section 4.1.2",
      title: `${setting.model}, where words are rounded`,
      rowTitle: "Datapath",
      columns: bitColumns(wordLengths),
      form: "figure",
      rows,
      notes: [
        "Nearest rounding, F = W/2. tensorquant: products and the whole sum; intrinsic: products and every addition; wide: the whole sum alone; extrinsic: the layer's output alone.",
      ],
    },
  ];
}

async function bestFraction(setting: ExperimentSetting): Promise<readonly ExperimentTable[]> {
  const { model, intrinsic } = setting;
  const table = (
    paper: string,
    title: string,
    wordLengths: readonly number[],
    row: ExperimentRow,
    own: keyof PaperRows,
  ): ExperimentTable => ({
    paper,
    title,
    rowTitle: "Topology",
    columns: bitColumns(wordLengths),
    form: "figure and fraction",
    rows: [row, ...paperRows(model, own, wordLengths, "")],
    notes: [BEST_NOTE],
  });
  const words = (own: readonly number[]): readonly number[] => setting.wordLengths ?? own;
  const table4 = words([4, 8, 12, 16, 20]);
  const table3 = words([4, 6, 8, 10, 12]);
  const table2 = words([8, 10, 12, 14, 16]);
  return [
    table(
      "Table 4",
      `${model}, intrinsic (${intrinsic}), all layers`,
      table4,
      await bestOfAll(setting, model, intrinsic, table4),
      "all",
    ),
    table(
      "Table 3",
      `${model}, extrinsic, all layers`,
      table3,
      await bestOfAll(setting, model, "extrinsic", table3),
      "extrinsic",
    ),
    table(
      "Table 2",
      `${model}, intrinsic (${intrinsic}), one subunit at a time`,
      table2,
      await bestOfSubunits(setting, model, table2),
      "subunits",
    ),
  ];
}

const BEST_NOTE =
  "Entries: the best figure at this word length, and the least fraction length that gives it on these images, as in the paper; F of all layers: even ones and W − 1, of subunits: W/2 − 2, W/2, W/2 + 2 (the paper's grids).";

async function allAgainstSubunits(setting: ExperimentSetting): Promise<readonly ExperimentTable[]> {
  const { model, intrinsic } = setting;
  const wordLengths = setting.wordLengths ?? [8, 12, 16, 20];
  const rows = [
    await bestOfAll(setting, `${model} (all)`, intrinsic, wordLengths),
    ...paperRows(model, "all", wordLengths, " (all)"),
    await bestOfSubunits(setting, `${model} (single)`, wordLengths),
    ...paperRows(model, "single", wordLengths, " (single)"),
  ];
  return [
    {
      paper: "Table 1",
      title: `${model}, intrinsic (${intrinsic}): all layers at once against one subunit at a time`,
      rowTitle: "Topology",
      columns: bitColumns(wordLengths),
      form: "figure and fraction",
      rows,
      notes: [BEST_NOTE, "Single: the figure of the subunit that takes the format worst."],
    },
  ];
}

function bitColumns(wordLengths: readonly number[]): readonly string[] {
  return wordLengths.map((wordLength) => `${wordLength} bit`);
}

async function rowAtHalf(
  setting: ExperimentSetting,
  name: string,
  fields: { readonly datapath: string; readonly rounding?: string },
  wordLengths: readonly number[],
): Promise<ExperimentRow> {
  const points = wordLengths.map((wordLength) =>
    pointOf(setting, { wordLength, fractionLength: halfOf(wordLength), ...fields }),
  );
  const results = await setting.measure(points);
  return {
    name,
    source: "macroscope",
    entries: points.map((point, index) => {
      const result = results[index];
      return result == null ? null : entryOf(point, result);
    }),
  };
}

/** The paper's own row, where the network is one of the paper's and the table has it. */
function paperRows(
  model: string,
  own: keyof PaperRows,
  wordLengths: readonly number[],
  suffix: string,
): readonly ExperimentRow[] {
  const topology = paperTopology(model);
  const row: PaperRow | null = topology === null ? null : PAPER_ROWS[topology][own];
  if (row === null) return [];
  const entries = wordLengths.map((wordLength) => {
    const found = row[wordLength];
    if (found === undefined) return null;
    const { relative: figure, fraction: fractionLength } = found;
    return { wordLength, fractionLength, figure, figure95: null, subunit: null, bottleneck: false };
  });
  return [{ name: `paper: ${topology}${suffix}`, source: "paper", entries }];
}
