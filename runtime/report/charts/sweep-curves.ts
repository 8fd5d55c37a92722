import type { SweepRecord } from "../../results/sweep-report.ts";
import { type AccuracyCurve, accuracyCurves, type CurvePoint } from "./accuracy-curves.ts";
import type { Chart } from "./chart.ts";

/** A way of computing: all that a point says but for its format. */
export interface SweepCurve {
  readonly name: string;
  readonly rounding: string;
  /** The name without the rounding. */
  readonly way: string;
  /** The best record of every word length, ascending. */
  readonly best: readonly SweepRecord[];
}

/** Curves that find room in one chart. */
const CURVES = 8;

/** Points grouped by datapath, rounding, overflow and layers; of several fraction lengths the best at each word length. */
export function sweepCurves(all: readonly SweepRecord[]): readonly SweepCurve[] {
  const records = all.filter((record) => !isTrial(record));
  const several = (of: (record: SweepRecord) => string | null): boolean => new Set(records.map(of)).size > 1;
  const withOverflow = several(({ point }) => point.overflow);
  const withSubunit = several(({ point }) => point.subunit);
  const withImages = several(({ point }) => `${point.images}`);
  const curves = new Map<string, { rounding: string; way: string; best: Map<number, SweepRecord> }>();
  for (const record of records) {
    const { datapath, rounding, overflow, subunit, images, wordLength } = record.point;
    const rest = [
      ...(withOverflow ? [overflow ?? "own overflow"] : []),
      ...(withSubunit ? [subunit ?? "all layers"] : []),
      ...(withImages ? [`${images} images`] : []),
    ];
    const name = [datapath, rounding, ...rest].join(", ");
    const curve = curves.get(name) ?? { rounding, way: [datapath, ...rest].join(", "), best: new Map() };
    curves.set(name, curve);
    const known = curve.best.get(wordLength);
    if (known === undefined || figureOf(record) > figureOf(known)) curve.best.set(wordLength, record);
  }
  return [...curves].map(([name, { rounding, way, best }]) => ({
    name,
    rounding,
    way,
    best: [...best.values()].sort((a, b) => a.point.wordLength - b.point.wordLength),
  }));
}

/** Whether a point was only tried, on images of its own, to choose a fraction length. */
export function isTrial({ point }: SweepRecord): boolean {
  return (point.first ?? 0) > 0;
}

/** Accuracy; without labels the share of equal classes; for networks that do not classify the SQNR. */
export function figureOf({ result }: SweepRecord): number {
  return result.accuracy?.fixed ?? result.agreement?.share ?? result.error.sqnrDb ?? Number.NEGATIVE_INFINITY;
}

/** Figure over word length; null without a figure. Curves beyond those that find room are left to the table. */
export function sweepChart(records: readonly SweepRecord[]): Chart | null {
  const curves = sweepCurves(records);
  const measure = measureOf(records);
  const shown = curves.slice(0, CURVES);
  const roundings = [...new Set(shown.map(({ rounding }) => rounding))];
  const ways = [...new Set(shown.map(({ way }) => way))];
  const drawn = shown
    .map(({ name, rounding, way, best }): AccuracyCurve => {
      // With one rounding only, the ways take the colours.
      const [colour, dash] =
        roundings.length > 1 ? [roundings.indexOf(rounding), ways.indexOf(way)] : [ways.indexOf(way), 0];
      return { name, colour, dash, points: best.flatMap(measure.pointOf) };
    })
    .filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return null;
  const points = curves.reduce((sum, { best }) => sum + best.length, 0);
  return accuracyCurves({
    id: "accuracy",
    title: `${measure.title} over word length`,
    caption: [
      "One curve per way of computing, moved apart a little; bars are 95 % intervals.",
      points < records.filter((record) => !isTrial(record)).length
        ? "At every word length the best of its fraction lengths."
        : "",
      curves.length > CURVES ? `The first ${CURVES} of ${curves.length} curves; the table has all.` : "",
    ]
      .filter((part) => part !== "")
      .join(" "),
    unit: measure.unit,
    axis: measure.axis,
    float: records.find(({ result }) => result.accuracy?.float != null)?.result.accuracy?.float ?? null,
    curves: drawn,
  });
}

interface Measure {
  readonly title: string;
  readonly axis: string;
  readonly unit: "share" | "dB";
  readonly pointOf: (record: SweepRecord) => CurvePoint[];
}

/** What all records can be compared by: accuracy, else agreement, else noise. */
function measureOf(records: readonly SweepRecord[]): Measure {
  if (records.some(({ result }) => result.accuracy !== null)) {
    return {
      title: "Accuracy",
      axis: "accuracy, %",
      unit: "share",
      pointOf: ({ point: { wordLength }, result: { accuracy } }) =>
        accuracy === null ? [] : [{ wordLength, value: accuracy.fixed, interval: accuracy.fixed95 }],
    };
  }
  if (records.some(({ result }) => result.agreement !== null)) {
    return {
      title: "Agreement with float",
      axis: "same class as float, %",
      unit: "share",
      pointOf: ({ point: { wordLength }, result: { agreement } }) =>
        agreement === null ? [] : [{ wordLength, value: agreement.share, interval: agreement.share95 }],
    };
  }
  return {
    title: "Signal-to-quantization-noise ratio",
    axis: "SQNR, dB",
    unit: "dB",
    pointOf: ({ point: { wordLength }, result: { error } }) =>
      error.sqnrDb === null ? [] : [{ wordLength, value: error.sqnrDb, interval: null }],
  };
}
