/** Tables 5 and 6 of the paper: for each subunit the least format that keeps 100, 99 and 90 % of float, the rest in float. */

import { PAPER_SUBUNITS, PAPER_THRESHOLDS, type PaperSubunit, paperTopology } from "../../report/paper-tables.ts";
import type { ExperimentEntry, ExperimentRow, ExperimentTable } from "../../results/experiment-report.ts";
import { type ExperimentSetting, entryOf, figureOf, type NamedLayers, pointOf } from "./experiment.ts";

const WORDS = [4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24];

/** Even fraction lengths below W, the least first. */
function fractionsOf(wordLength: number): readonly number[] {
  return Array.from({ length: Math.ceil(wordLength / 2) }, (_, index) => 2 * index);
}

export async function minimalSubunits(setting: ExperimentSetting): Promise<readonly ExperimentTable[]> {
  const { model, intrinsic, subunits } = setting;
  const rows: ExperimentRow[] = [];
  for (const subunit of subunits) {
    rows.push({ name: subunit.name, source: "macroscope", entries: await leastFormats(setting, subunit) });
  }
  const marked = markBottlenecks(rows);
  const topology = paperTopology(model);
  const paper = topology === null ? [] : (PAPER_SUBUNITS[topology] ?? []).map(paperRow);
  const table = topology === "ResNet 50" ? "Table 6" : topology === "Inception V3" ? "Table 5" : "Tables 5, 6";
  return [
    {
      paper: table,
      title: `${model}, intrinsic (${intrinsic}), one subunit at a time`,
      rowTitle: "Subunit",
      columns: PAPER_THRESHOLDS.map((threshold) => `${Math.round(100 * threshold)}%`),
      form: "format",
      rows: besides(marked, markBottlenecks(paper)),
      notes: [
        "Entries: the least word length and then the least fraction length whose figure reaches the column's; W and F even.",
        "Bottleneck (*): the subunit with the most bits, of those the one with the most fraction bits.",
        ...(await verified(setting, marked)),
      ],
    },
  ];
}

/** One entry for each threshold; formats in ascending order until the highest is reached. */
async function leastFormats(
  setting: ExperimentSetting,
  { name, layers }: NamedLayers,
): Promise<readonly (ExperimentEntry | null)[]> {
  const found = PAPER_THRESHOLDS.map((): ExperimentEntry | null => null);
  for (const wordLength of setting.wordLengths ?? WORDS) {
    for (const fractionLength of fractionsOf(wordLength)) {
      const format = { datapath: setting.intrinsic, wordLength, fractionLength };
      const point = pointOf(setting, { ...format, subunit: name, layers });
      const [result] = await setting.measure([point]);
      if (result == null) continue;
      const { figure } = figureOf(result);
      for (const [index, threshold] of PAPER_THRESHOLDS.entries()) {
        if (found[index] === null && figure !== null && figure >= threshold) found[index] = entryOf(point, result);
      }
      if (found.every((entry) => entry !== null)) return found;
    }
  }
  return found;
}

/** The paper's rule, column by column: most bits, of those the most fraction bits. A subunit that no format satisfies decides alone. */
export function markBottlenecks(rows: readonly ExperimentRow[]): readonly ExperimentRow[] {
  const bottlenecks = PAPER_THRESHOLDS.map((_, column) => {
    const entries = rows.map(({ entries }) => entries[column] ?? null);
    if (entries.includes(null)) return null;
    return entries.reduce(
      (most, entry) => (most === null || (entry !== null && exceeds(entry, most)) ? entry : most),
      null,
    );
  });
  return rows.map((row) => ({
    ...row,
    entries: row.entries.map((entry, column) => {
      const bottleneck = bottlenecks[column];
      if (entry === null || bottleneck == null) return entry;
      return { ...entry, bottleneck: !exceeds(bottleneck, entry) };
    }),
  }));
}

function exceeds(a: ExperimentEntry, b: ExperimentEntry): boolean {
  return a.wordLength > b.wordLength || (a.wordLength === b.wordLength && a.fractionLength > b.fractionLength);
}

/** What the bottleneck's format for the highest threshold does to the whole network. */
async function verified(setting: ExperimentSetting, rows: readonly ExperimentRow[]): Promise<readonly string[]> {
  const bottleneck = rows.map(({ entries }) => entries[0]).find((entry) => entry?.bottleneck);
  if (bottleneck == null) return ["No format that was tried keeps 100 % in every subunit."];
  const { wordLength, fractionLength } = bottleneck;
  const [result] = await setting.measure([
    pointOf(setting, { datapath: setting.intrinsic, wordLength, fractionLength }),
  ]);
  if (result == null) return [];
  const { figure, figure95 } = figureOf(result);
  const interval = figure95 === null ? "" : ` (95 %: ${figure95[0].toFixed(3)} … ${figure95[1].toFixed(3)})`;
  return [
    `All layers at once at the bottleneck's ${wordLength},${fractionLength}: ${figure === null ? "no figure" : figure.toFixed(3)}${interval}.`,
  ];
}

function paperRow({ name, formats }: PaperSubunit): ExperimentRow {
  return {
    name: `paper: ${name}`,
    source: "paper",
    entries: formats.map(([wordLength, fractionLength]) => ({
      wordLength,
      fractionLength,
      figure: null,
      figure95: null,
      subunit: null,
      bottleneck: false,
    })),
  };
}

/** Each of the paper's rows behind ours of the same name, the others at the end. */
function besides(own: readonly ExperimentRow[], paper: readonly ExperimentRow[]): readonly ExperimentRow[] {
  const nameOf = ({ name }: ExperimentRow): string => name.replace(/^paper: /, "");
  const rows = own.flatMap((row) => [row, ...paper.filter((each) => nameOf(each) === row.name)]);
  return [...rows, ...paper.filter((row) => !rows.includes(row))];
}
