import type { NamedResult } from "../../results/result.ts";
import type { RunReport } from "../../results/run-report.ts";
import { type AccuracyCurve, accuracyCurves } from "./accuracy-curves.ts";
import type { Chart } from "./chart.ts";

/**
 * Runs of one network on the same images with one format for all layers, as curves over word length; null where less
 * than two word lengths are among them.
 */
export function runCurves(results: readonly NamedResult[]): Chart | null {
  const runs = results.map(({ result }) => result).filter((result) => result.schema === "macroscope/run/1");
  const points = runs.flatMap((run) => {
    const uniform = uniformFormat(run);
    return uniform === null || run.accuracy === null ? [] : [{ ...uniform, run, accuracy: run.accuracy }];
  });
  const [first] = points;
  if (first === undefined) return null;
  const same = points.filter(
    ({ run }) => run.model === first.run.model && run.data === first.run.data && run.images === first.run.images,
  );
  if (new Set(same.map(({ wordLength }) => wordLength)).size < 2) return null;
  const curves = new Map<string, AccuracyCurve["points"]>();
  for (const { name, wordLength, accuracy } of same) {
    const point = { wordLength, value: accuracy.fixed, interval: accuracy.fixed95 };
    curves.set(name, [...(curves.get(name) ?? []), point]);
  }
  return accuracyCurves({
    id: "accuracy",
    title: "Accuracy over word length",
    caption: `The runs of ${first.run.model} on ${first.run.data} with one format for all layers; bars are 95 % intervals.`,
    unit: "share",
    axis: "accuracy, %",
    float: first.accuracy.float,
    curves: [...curves]
      .slice(0, 8)
      .map(([name, found], index) => ({ name, colour: index, dash: index, points: found })),
  });
}

/** The format of all layers and the way of computing, from the configuration; null where layers have their own. */
function uniformFormat({ configuration }: RunReport): { name: string; wordLength: number } | null {
  const { default: entry, layers } = record(record(configuration).assignment);
  const { datapath, format, rounding } = record(entry);
  if (Object.keys(record(layers)).length > 0 || typeof format !== "string") return null;
  const match = /^([0-9]{1,2}),/.exec(format);
  if (match === null) return null;
  const name = [datapath, rounding].filter((part) => typeof part === "string").join(", ");
  return { name: name === "" ? "runs" : name, wordLength: Number(match[1]) };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
