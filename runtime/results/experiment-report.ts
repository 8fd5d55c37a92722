/** The experiments of the TensorQuant paper as results: its tables, in its layout. */
import type { IntervalEntry } from "./run-report.ts";

export const EXPERIMENT_NAMES = [
  "rounding-methods",
  "intrinsic-extrinsic",
  "best-fraction",
  "subunits",
  "minimal-subunits",
] as const;
export type ExperimentName = (typeof EXPERIMENT_NAMES)[number];

export interface ExperimentReport {
  readonly name: ExperimentName;
  /** `relative accuracy`, or `agreement` where images have no labels. */
  readonly measure: ExperimentMeasure;
  readonly tables: readonly ExperimentTable[];
}

/** What the entries' figure is: accuracy over that of float, or the share of images to which both give the same class. */
export type ExperimentMeasure = "relative accuracy" | "agreement";

export interface ExperimentTable {
  /** Where the paper has it: `Table 4`. */
  readonly paper: string;
  readonly title: string;
  /** Above the rows' names: `Topology`. */
  readonly rowTitle: string;
  /** `8 bit`, or `99%`. */
  readonly columns: readonly string[];
  /** How an entry is written: `0.90, 4` (figure, fraction length), `0.90`, or `12,6` (word length, fraction length). */
  readonly form: "figure and fraction" | "figure" | "format";
  readonly rows: readonly ExperimentRow[];
  /** Sentences below the table. */
  readonly notes: readonly string[];
}

export interface ExperimentRow {
  readonly name: string;
  readonly source: "macroscope" | "paper";
  /** One per column; null where there is none. */
  readonly entries: readonly (ExperimentEntry | null)[];
}

export interface ExperimentEntry {
  readonly wordLength: number;
  readonly fractionLength: number;
  /** Of the report's measure; null in a row of formats of the paper. */
  readonly figure: number | null;
  readonly figure95: IntervalEntry | null;
  /** Of all subunits, the one that gave this figure; null for the whole network. */
  readonly subunit: string | null;
  /** Whether the subunit decides the word of the whole network (the paper's rule). */
  readonly bottleneck: boolean;
}
