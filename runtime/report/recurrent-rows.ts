/** The layers of one recurrent layer as one: what its steps took together, and the least and the greatest of their registers. */
import { DATAPATH_REGISTERS } from "../../isa/program/datapath.ts";
import type { HistogramEntry, LayerEntry, RegisterEntry } from "../results/run-report.ts";
import { histogramTotal } from "./overflow-rate.ts";
import { formatOnly, writtenFormat } from "./text/format-text.ts";

/** A row of a report: a layer, or a recurrent layer as a whole. */
export interface LayerRow {
  readonly name: string;
  /** In program order; one, or those of the recurrent layer. The last one gives its output. */
  readonly parts: readonly LayerEntry[];
  /** Steps that the parts belong to; 0 for a layer that is not recurrent. */
  readonly steps: number;
  /** Of all parts: work, cycles and energy summed, utilization from the sums, SQNR of the last part. */
  readonly whole: Pick<
    LayerEntry,
    "macs" | "cycles" | "energyPj" | "utilization" | "sqnrDb" | "doubleRounding" | "registers"
  >;
}

/** One row for every layer, or with `joined` one for all parts of a recurrent layer, where the first of them stands. */
export function layerRows(layers: readonly LayerEntry[], joined: boolean): readonly LayerRow[] {
  const groups = new Map<string, LayerEntry[]>();
  const rows = layers.flatMap((layer): { readonly name: string; readonly parts: LayerEntry[] }[] => {
    const owner = joined ? layer.recurrent?.layer : undefined;
    if (owner === undefined) return [{ name: layer.name, parts: [layer] }];
    const known = groups.get(owner);
    known?.push(layer);
    if (known !== undefined) return [];
    const parts = [layer];
    groups.set(owner, parts);
    return [{ name: owner, parts }];
  });
  return rows.map(({ name, parts }) => {
    const [only] = parts;
    if (only !== undefined && only.name === name) return { name, parts, steps: 0, whole: only };
    const steps = new Set(parts.flatMap(({ recurrent }) => recurrent?.step ?? [])).size;
    return { name, parts, steps, whole: wholeOf(parts) };
  });
}

/** The same as layers for pages and charts: a recurrent layer has the kind `recurrent`, and else what its last part has. */
export function joinedLayers(layers: readonly LayerEntry[]): readonly LayerEntry[] {
  return layerRows(layers, true).flatMap(({ name, parts, steps, whole }): readonly LayerEntry[] => {
    const last = parts.at(-1);
    return last === undefined || steps === 0 ? parts : [{ ...last, ...whole, name, kind: "recurrent" }];
  });
}

function wholeOf(parts: readonly LayerEntry[]): LayerRow["whole"] {
  const cycles = sum(parts, (part) => part.cycles);
  return {
    macs: sum(parts, (part) => part.macs),
    cycles,
    energyPj: sum(parts, (part) => part.energyPj),
    // macs / (cycles · R · C), of which every part says macs / (R · C) as utilization · cycles.
    utilization: cycles === 0 ? 0 : sum(parts, (part) => part.utilization * part.cycles) / cycles,
    sqnrDb: parts.at(-1)?.sqnrDb ?? null,
    doubleRounding: parts.some(({ doubleRounding }) => doubleRounding),
    registers: Object.fromEntries(
      DATAPATH_REGISTERS.flatMap((name) => {
        const entries = parts.flatMap(({ registers }) => registers[name] ?? []);
        return entries.length === 0 ? [] : [[name, registerOf(entries)] as const];
      }),
    ),
  };
}

/** At least one entry. Errors are means over all values, each in last bits of its own register. */
function registerOf(entries: readonly RegisterEntry[]): RegisterEntry {
  const histograms = entries.flatMap(({ histogram }) => histogram ?? []);
  const energies = entries.flatMap(({ energyPj }) => energyPj ?? []);
  return {
    format: joinedFormat(entries.map(({ format }) => format)),
    overflow: sum(entries, ({ overflow }) => overflow),
    first: entries.find(({ first }) => first !== null)?.first ?? null,
    min: extreme(entries, "min", Math.min),
    max: extreme(entries, "max", Math.max),
    unusedHighBits: extreme(entries, "unusedHighBits", Math.min),
    unusedLowBits: extreme(entries, "unusedLowBits", Math.min),
    flushedToZero: extreme(entries, "flushedToZero", (a, b) => a + b),
    meanRoundingError: meanOf(entries, "meanRoundingError"),
    expectedRoundingError: meanOf(entries, "expectedRoundingError"),
    histogram: histograms.length === 0 ? null : histogramOf(histograms),
    ...(energies.length > 0 && { energyPj: sum(energies, (energy) => energy) }),
  };
}

function sum<Item>(items: readonly Item[], amount: (item: Item) => number): number {
  return items.reduce((total, item) => total + amount(item), 0);
}

type Figure = "min" | "max" | "unusedHighBits" | "unusedLowBits" | "flushedToZero";

/** Null where no entry has the figure. */
function extreme(
  entries: readonly RegisterEntry[],
  figure: Figure,
  join: (a: number, b: number) => number,
): number | null {
  const found = entries.flatMap((entry) => entry[figure] ?? []);
  return found.length === 0 ? null : found.reduce((a, b) => join(a, b));
}

function meanOf(
  entries: readonly RegisterEntry[],
  error: "meanRoundingError" | "expectedRoundingError",
): number | null {
  const seen = entries.filter((entry) => entry[error] !== null && entry.histogram !== null);
  const values = sum(seen, countOf);
  return values === 0 ? null : sum(seen, (entry) => (entry[error] ?? 0) * countOf(entry)) / values;
}

function countOf({ histogram }: RegisterEntry): number {
  return histogram === null ? 0 : histogramTotal(histogram);
}

function histogramOf(histograms: readonly HistogramEntry[]): HistogramEntry {
  const octaves = new Map<number, { negative: number; positive: number }>();
  const underflow = new Map<number, number>();
  for (const histogram of histograms) {
    for (const { integerBits, negative, positive } of histogram.octaves) {
      const known = octaves.get(integerBits) ?? { negative: 0, positive: 0 };
      octaves.set(integerBits, { negative: known.negative + negative, positive: known.positive + positive });
    }
    for (const { integerBits, count } of histogram.underflow) {
      underflow.set(integerBits, (underflow.get(integerBits) ?? 0) + count);
    }
  }
  const ascending = <Value>(map: ReadonlyMap<number, Value>): (readonly [number, Value])[] =>
    [...map].sort(([a], [b]) => a - b);
  return {
    octaves: ascending(octaves).map(([integerBits, counts]) => ({ integerBits, ...counts })),
    zero: sum(histograms, ({ zero }) => zero),
    underflow: ascending(underflow).map(([integerBits, count]) => ({ integerBits, count })),
  };
}

/** Between the least and the greatest of several formats. */
const TO = "–";

/** Whether a register's text stands for several formats: `16,13–16,15 nearest saturate`. */
export function joinsFormats(format: string): boolean {
  return formatOnly(format).includes(TO);
}

/** `16,13 nearest saturate` where all are alike, else `16,13–16,15 nearest saturate`: least and greatest by word, then fraction. */
function joinedFormat(formats: readonly string[]): string {
  const ends = [...new Set(formats.map(formatOnly))].sort(byLength);
  const modes = [...new Set(formats.map((format) => format.slice(formatOnly(format).length).trim()))];
  const [least = "", greatest = least] = [ends[0], ends.at(-1)];
  const format = least === greatest ? least : `${least}${TO}${greatest}`;
  return [format, modes.join(" or ")].join(" ").trim();
}

function byLength(a: string, b: string): number {
  const [first, second] = [writtenFormat(a), writtenFormat(b)];
  if (first === null || second === null) return a < b ? -1 : 1;
  return first.wordLength - second.wordLength || first.fractionLength - second.fractionLength || (a < b ? -1 : 1);
}
