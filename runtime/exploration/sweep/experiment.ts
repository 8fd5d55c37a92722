/** What the experiments of the TensorQuant paper have in common: points that are measured, entries made of results. */
import type { ExperimentEntry, ExperimentMeasure, ExperimentRow } from "../../results/experiment-report.ts";
import type { SweepPoint, SweepResult } from "../../results/sweep-report.ts";

/** Layers that are looked at on their own. */
export interface NamedLayers {
  readonly name: string;
  readonly layers: readonly string[];
}

/**
 * Results of points, in their order; null for one that cannot be. The same point is asked more than once: whoever measures
 * answers it from memory.
 */
export type MeasurePoints = (points: readonly SweepPoint[]) => Promise<readonly (SweepResult | null)[]>;

export interface ExperimentSetting {
  /** The network, as tables name it. */
  readonly model: string;
  readonly images: number;
  readonly subunits: readonly NamedLayers[];
  /** What intrinsic means: `tensorquant` computes as the paper's code does. */
  readonly intrinsic: string;
  /** In place of the experiment's own; null: those. */
  readonly wordLengths: readonly number[] | null;
  readonly measure: MeasurePoints;
}

/** A point with nearest rounding on the whole network, but for what is given. */
export function pointOf(
  { images }: Pick<ExperimentSetting, "images">,
  point: Pick<SweepPoint, "datapath" | "wordLength" | "fractionLength"> & Partial<SweepPoint>,
): SweepPoint {
  return { rounding: "nearest", overflow: null, subunit: null, layers: null, images, ...point };
}

/** Relative accuracy, or agreement with float where there are no labels; null for networks that do not classify. */
export function figureOf({ accuracy, agreement }: SweepResult): {
  readonly figure: number | null;
  readonly figure95: ExperimentEntry["figure95"];
} {
  if (accuracy !== null && accuracy.relative !== null) {
    return { figure: accuracy.relative, figure95: accuracy.relative95 };
  }
  return { figure: agreement?.share ?? null, figure95: agreement?.share95 ?? null };
}

export function measureOf(result: SweepResult | undefined): ExperimentMeasure {
  return result !== undefined && result.accuracy?.relative == null ? "agreement" : "relative accuracy";
}

export function entryOf(point: SweepPoint, result: SweepResult): ExperimentEntry {
  const { wordLength, fractionLength, subunit } = point;
  const fraction = fractionLength === "auto" ? Number.NaN : fractionLength;
  return { wordLength, fractionLength: fraction, ...figureOf(result), subunit, bottleneck: false };
}

/** W/2, as in Figures 3 and 4. */
export function halfOf(wordLength: number): number {
  return Math.floor(wordLength / 2);
}

/** The paper's fraction lengths where all layers are quantized at once: even ones below W, and W − 1. */
export function allFractions(wordLength: number): readonly number[] {
  const even = Array.from({ length: Math.ceil(wordLength / 2) }, (_, index) => 2 * index);
  return [...new Set([...even, wordLength - 1])];
}

/** The paper's fraction lengths for subunits: W/2 and two on either side of it. */
export function subunitFractions(wordLength: number): readonly number[] {
  const half = halfOf(wordLength);
  return [half - 2, half, half + 2].filter((fraction) => fraction >= 0 && fraction < wordLength);
}

/** The entry of the largest figure; of equal ones the first. Null where there is no figure. */
export function bestEntry(entries: readonly ExperimentEntry[]): ExperimentEntry | null {
  return entries.reduce<ExperimentEntry | null>(
    (best, entry) => (entry.figure !== null && entry.figure > (best?.figure ?? -1) ? entry : best),
    null,
  );
}

/** The entry of the least figure; of equal ones the first. Null where any has none. */
export function worstEntry(entries: readonly ExperimentEntry[]): ExperimentEntry | null {
  if (entries.some(({ figure }) => figure === null)) return null;
  return entries.reduce<ExperimentEntry | null>(
    (worst, entry) => ((entry.figure ?? 0) < (worst?.figure ?? Infinity) ? entry : worst),
    null,
  );
}

/** All layers at once: for each word length the best of some fraction lengths, the least of those that are equally good. */
export async function bestOfAll(
  setting: ExperimentSetting,
  name: string,
  datapath: string,
  wordLengths: readonly number[],
): Promise<ExperimentRow> {
  const points = wordLengths.flatMap((wordLength) =>
    allFractions(wordLength).map((fractionLength) => pointOf(setting, { datapath, wordLength, fractionLength })),
  );
  const results = await setting.measure(points);
  const entries = points.flatMap((point, index) => {
    const result = results[index];
    return result == null ? [] : [entryOf(point, result)];
  });
  return {
    name,
    source: "macroscope",
    entries: wordLengths.map((wordLength) => bestEntry(entries.filter((entry) => entry.wordLength === wordLength))),
  };
}

/**
 * One subunit at a time, the others in float: a format is as good as the subunit that takes it worst; for each word length the
 * best format.
 */
export async function bestOfSubunits(
  setting: ExperimentSetting,
  name: string,
  wordLengths: readonly number[],
): Promise<ExperimentRow> {
  const { subunits, intrinsic: datapath } = setting;
  const formats = wordLengths.flatMap((wordLength) =>
    subunitFractions(wordLength).map((fractionLength) => ({ wordLength, fractionLength })),
  );
  // Subunit by subunit: what float computes before it is kept meanwhile.
  const points = subunits.flatMap(({ name: subunit, layers }) =>
    formats.map((format) => pointOf(setting, { datapath, ...format, subunit, layers })),
  );
  const results = await setting.measure(points);
  const entries = points.flatMap((point, index) => {
    const result = results[index];
    return result == null ? [] : [entryOf(point, result)];
  });
  const best = (wordLength: number): ExperimentEntry | null =>
    bestEntry(
      formats
        .filter((format) => format.wordLength === wordLength)
        .flatMap(({ fractionLength }) => {
          const same = (entry: ExperimentEntry): boolean =>
            entry.wordLength === wordLength && entry.fractionLength === fractionLength;
          return worstEntry(entries.filter(same)) ?? [];
        }),
    );
  return { name, source: "macroscope", entries: wordLengths.map(best) };
}
