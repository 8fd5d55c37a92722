import type { ClassEntry, HistogramEntry, LayerEntry, RegisterEntry, RunReport } from "../../results/run-report.ts";
import { histogramTotal } from "../overflow-rate.ts";
import { formatOnly, integerBits, writtenFormat } from "./format-text.ts";
import { type Column, NOTHING, tableText } from "./table.ts";
import { grouped, percent, percentRange, significant, wrapped } from "./wording.ts";

/** What `run --histograms` prints more: values by octave for every register, noise by layer, accuracy by class. */
export function evidenceText(report: RunReport): string {
  return [histogramTable(report), noiseTable(report), classTable(report)].filter((part) => part !== "").join("\n\n");
}

interface RegisterRow {
  readonly layer: string;
  readonly name: string;
  readonly entry: RegisterEntry;
  readonly histogram: HistogramEntry;
}

function histogramTable({ layers, observedImages }: RunReport): string {
  const rows = layers.flatMap(({ name: layer, registers }) =>
    Object.entries(registers)
      .flatMap(([name, entry]) => (entry.histogram === null ? [] : [{ name, entry, histogram: entry.histogram }]))
      .map((row, index): RegisterRow => ({ ...row, layer: index === 0 ? layer : "" })),
  );
  if (rows.length === 0) return "";
  const pictures = alignedPictures(rows);
  const number = (value: number | null): string =>
    value === null ? NOTHING : value === 0 ? "0" : Number(value.toFixed(4)).toString();
  const columns: readonly Column<RegisterRow>[] = [
    { title: "layer", align: "left", cell: ({ layer }) => layer },
    { title: "register", align: "left", cell: ({ name }) => name },
    { title: "format", align: "left", cell: ({ entry }) => formatOnly(entry.format) },
    { title: "too large│format│too small", align: "left", cell: (row) => pictures.get(row) ?? "" },
    { title: "zero", align: "right", cell: ({ histogram }) => percent(histogram.zero / histogramTotal(histogram), 1) },
    {
      title: "low bits 0",
      align: "right",
      cell: ({ entry }) => (entry.unusedLowBits === null ? NOTHING : String(entry.unusedLowBits)),
    },
    { title: "mean error", align: "right", cell: ({ entry }) => number(entry.meanRoundingError) },
    { title: "if uniform", align: "right", cell: ({ entry }) => number(entry.expectedRoundingError) },
  ];
  const images = observedImages === 1 ? "the first image" : `the first ${grouped(observedImages)} images`;
  return `Values by octave, first bit on the left, ${images}; each step of height is twice as many\n${tableText(columns, rows)}`;
}

/** What `run --formulas` prints more: the closed form of the array's cycles, layer by layer. Load and store run beside it. */
export function formulasText({ layers }: RunReport): string {
  const shown = layers.filter(({ formula }) => formula !== "");
  if (shown.length === 0) return "No machine computes these layers: they have no cycles.";
  const width = Math.max(...shown.map(({ name }) => name.length));
  return [
    "Cycles of the array per image, closed forms; its loads and stores run beside it",
    ...shown.map(({ name, formula }) => wrapped(`${name.padEnd(width)}  ${formula}`)),
  ].join("\n");
}

/** Octaves that a written format holds, lowest and highest; every register of a run has one. */
function octavesOf(text: string): { lowest: number; highest: number } {
  const format = writtenFormat(text) ?? { wordLength: 1, fractionLength: 0, signed: false };
  const highest = integerBits(format);
  return { lowest: Math.min(highest, 1 - format.fractionLength), highest };
}

const HEIGHTS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/** A character per octave, higher ones on the left; bars mark the ends of the format, and left bars stand in one column. */
function alignedPictures(rows: readonly RegisterRow[]): ReadonlyMap<RegisterRow, string> {
  const parts = rows.map((row) => ({ row, ...pictureParts(row) }));
  const widest = Math.max(...parts.map(({ tooLarge }) => tooLarge.length));
  return new Map(
    parts.map(({ row, tooLarge, inside, tooSmall }) => [row, `${tooLarge.padStart(widest)}│${inside}│${tooSmall}`]),
  );
}

function pictureParts({ entry, histogram }: RegisterRow): { tooLarge: string; inside: string; tooSmall: string } {
  const { lowest, highest } = octavesOf(entry.format);
  const counts = new Map<number, number>();
  for (const { integerBits: bits, negative, positive } of histogram.octaves) {
    // The raw −1 has no bits besides its sign: it is shown with the last bit.
    const octave = Math.max(bits, lowest);
    counts.set(octave, (counts.get(octave) ?? 0) + negative + positive);
  }
  const lost = new Map(histogram.underflow.map((lost) => [lost.integerBits, lost.count]));
  const all = histogramTotal(histogram);
  const bar = (count: number | undefined, empty: string): string => {
    if (count === undefined) return empty;
    const height = Math.max(0, Math.ceil(HEIGHTS.length - 1 + Math.log2(count / all)));
    return HEIGHTS[height] ?? "█";
  };
  const range = (from: number, to: number, show: (octave: number) => string): string =>
    Array.from({ length: Math.max(0, from - to + 1) }, (_, index) => show(from - index)).join("");
  const top = Math.max(highest, ...counts.keys());
  const bottom = Math.min(lowest, ...lost.keys());
  return {
    tooLarge: range(top, highest + 1, (octave) => bar(counts.get(octave), " ")),
    inside: range(highest, lowest, (octave) => bar(counts.get(octave), "·")),
    tooSmall: range(lowest - 1, bottom, (octave) => bar(lost.get(octave), " ")).trimEnd(),
  };
}

function noiseTable({ layers }: RunReport): string {
  const rows = layers.filter(({ noise }) => noise !== null);
  if (rows.length === 0) return "";
  const decibels = (value: number | null | undefined): string => value?.toFixed(1) ?? NOTHING;
  const columns: readonly Column<LayerEntry>[] = [
    { title: "layer", align: "left", cell: ({ name }) => name },
    { title: "with all before", align: "right", cell: ({ sqnrDb }) => decibels(sqnrDb) },
    { title: "its own", align: "right", cell: ({ noise }) => decibels(noise?.ownSqnrDb) },
    { title: "its own at the output", align: "right", cell: ({ noise }) => decibels(noise?.outputSqnrDb) },
    {
      title: "gain of its noise power",
      align: "right",
      cell: ({ noise }) => (typeof noise?.gain === "number" ? significant(noise.gain) : NOTHING),
    },
  ];
  return `SQNR in dB, of the observed images\n${tableText(columns, rows)}`;
}

/** Classes of a network with more are shown worst first, so many of them. */
const SHOWN_CLASSES = 20;

function classTable({ classes }: RunReport): string {
  if (classes === null || classes.length === 0) return "";
  const few = classes.length <= SHOWN_CLASSES;
  const rows = few ? classes : classes.toSorted((a, b) => a.fixed - b.fixed).slice(0, SHOWN_CLASSES);
  const columns: readonly Column<ClassEntry>[] = [
    { title: "class", align: "right", cell: (entry) => String(entry.class) },
    { title: "images", align: "right", cell: ({ images }) => grouped(images) },
    { title: "float", align: "right", cell: ({ float }) => (float === null ? NOTHING : percent(float)) },
    { title: "fixed", align: "right", cell: ({ fixed }) => percent(fixed) },
    { title: "95 %", align: "right", cell: ({ fixed95 }) => percentRange(fixed95) },
  ];
  const which = few ? "" : `, the ${SHOWN_CLASSES} worst of ${grouped(classes.length)}`;
  return `Accuracy by class${which}\n${tableText(columns, rows)}`;
}
