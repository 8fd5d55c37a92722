import type {
  Accuracy,
  AgreementEntry,
  InputEntry,
  LayerEntry,
  RegisterEntry,
  RunReport,
  TableEntry,
} from "../../results/run-report.ts";
import { equalizedText } from "../equalized-text.ts";
import { overflowCountText, overflowShare, shareText } from "../overflow-rate.ts";
import { joinsFormats, type LayerRow, layerRows } from "../recurrent-rows.ts";
import { type Column, NOTHING, tableText } from "./table.ts";
import { grouped, percent, percentRange, significant, wrapped } from "./wording.ts";

/**
 * The report for people: what came out, a row per layer, every register, totals, and what to look at first. A recurrent layer is
 * one row, unless `steps` asks for all its parts.
 */
export function runReportText(report: RunReport, { steps = false }: { readonly steps?: boolean } = {}): string {
  const rows = layerRows(report.layers, !steps);
  return [
    heading(report),
    accuracyText(report),
    layerTable(report, rows),
    functionTables(rows),
    registerTable(report, rows),
    totals(report),
    wrapped(`Look first: ${report.advice}`),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function heading(report: RunReport): string {
  const { model, weights, data, images, input, machine, engine, floatBackend, layers } = report;
  const { calibratedImages, equalized = [] } = report;
  const drawn = data.startsWith("random:") ? `drawn images (${data})` : data;
  return [
    `${model}${weights === null ? "" : `, weights ${weights},`} on ${drawn}, ${grouped(images)} ${images === 1 ? "image" : "images"}`,
    `input      ${inputText(input)}`,
    ...(input.classes === null ? [] : [`classes    ${input.classes}`]),
    `machine    ${machine ?? `none: float32${layers.length === 0 ? ", nothing is quantized" : " inside the layers, quantized between them"}`}`,
    ...(calibratedImages === undefined ? [] : [`formats    ${calibrationText(calibratedImages)}`]),
    ...(equalized.length === 0 ? [] : [`equalized  ${equalizedText(equalized)}`]),
    ...(engine === null ? [] : [`engine     ${engine}`]),
    `float      ${floatBackend ?? "no float reference: a program file holds no float network"}`,
  ].join("\n");
}

function calibrationText(images: number): string {
  const shown = images === 1 ? "the first image" : `the first ${grouped(images)} images`;
  return `automatic ones calibrated on ${shown}; the result holds the ranges`;
}

/** `28 × 28 × 1, × 1/256: 0 … 0.9961`. */
function inputText({ shape, preparation, range, layout }: InputEntry): string {
  const values = range === null ? "" : `: ${significant(range[0])} … ${significant(range[1])}`;
  const order = layout === null || layout === "declared" ? "" : ` · ${layout}`;
  return `${shape.join(" × ")}, ${preparation}${values}${order}`;
}

function accuracyText({ accuracy, accuracyMissing, agreement, error }: RunReport): string {
  const lines = accuracy === null ? unlabelledLines(accuracyMissing, agreement) : accuracyLines(accuracy);
  if (error !== null) {
    const sqnr = error.sqnrDb === null ? "" : `, SQNR ${error.sqnrDb.toFixed(1)} dB`;
    lines.push(
      `error      mean ${significant(error.mae)}, largest ${significant(error.maxAbs)}${sqnr} (last layer, against float)`,
    );
  }
  return lines.join("\n");
}

function unlabelledLines(missing: string | null, agreement: AgreementEntry | null): string[] {
  const lines = [`accuracy   unknown: ${missing ?? "no labels"}`];
  if (agreement === null) return lines;
  const { share, share95, top5, ties } = agreement;
  const five = top5 === null ? "" : ` · float's class in top-5 ${percent(top5)}`;
  lines.push(
    `agreement  same class as float ${percent(share)} (95 %: ${percentRange(share95)})${five} · ties ${grouped(ties)}`,
  );
  return lines;
}

function accuracyLines(accuracy: Accuracy): string[] {
  const { relative, relative95, mcnemar } = accuracy;
  const float = accuracy.float === null ? "" : `float ${percent(accuracy.float)} · `;
  const lines = [`accuracy   ${float}fixed ${percent(accuracy.fixed)} (95 %: ${percentRange(accuracy.fixed95)})`];
  if (relative !== null) {
    const interval = relative95 === null ? "" : ` (95 %: ${relative95[0].toFixed(4)} … ${relative95[1].toFixed(4)})`;
    const test = mcnemar === null ? "" : ` · McNemar p = ${significant(mcnemar.pValue)}`;
    const pairs =
      mcnemar === null
        ? ""
        : `: only float right ${grouped(mcnemar.onlyFloat)}, only fixed ${grouped(mcnemar.onlyFixed)}`;
    lines.push(`relative   ${relative.toFixed(4)}${interval}${test}${pairs}`);
  }
  const parts = [
    accuracy.agreement === null ? "" : `same class as float ${percent(accuracy.agreement)}`,
    accuracy.top5 === null ? "" : `top-5 ${percent(accuracy.top5)}`,
    `ties ${grouped(accuracy.ties)}`,
  ];
  lines.push(`agreement  ${parts.filter((part) => part !== "").join(" · ")}`);
  return lines;
}

function layerTable(report: RunReport, rows: readonly LayerRow[]): string {
  const { cycles, observedImages } = report;
  if (rows.length === 0) return "";
  const onMachine =
    (show: (layer: LayerRow["whole"]) => string) =>
    ({ whole }: LayerRow) =>
      cycles === null && whole.cycles === 0 ? NOTHING : show(whole);
  const columns: readonly Column<LayerRow>[] = [
    { title: "layer", align: "left", cell: ({ name, whole }) => name + (whole.doubleRounding ? " *" : "") },
    { title: "format", align: "left", cell: ({ whole }) => formatsText(whole), maxWidth: 22 },
    { title: "MACs", align: "right", cell: ({ whole: { macs } }) => (macs === 0 ? NOTHING : grouped(macs)) },
    { title: "cycles", align: "right", cell: onMachine((layer) => grouped(layer.cycles)) },
    {
      title: "utilization",
      align: "right",
      cell: onMachine(({ macs, utilization }) => (macs === 0 ? NOTHING : percent(utilization, 1))),
    },
    { title: "energy nJ", align: "right", cell: onMachine((layer) => significant(layer.energyPj / 1000)) },
    { title: "SQNR dB", align: "right", cell: ({ whole: { sqnrDb } }) => sqnrDb?.toFixed(1) ?? NOTHING },
    { title: "output range", align: "right", cell: ({ parts }) => rangeText(parts.at(-1)?.registers.output) },
    { title: "overflows", align: "left", cell: ({ whole }) => overflowText(whole, report), maxWidth: 24 },
  ];
  const twice = rows.some(({ whole }) => whole.doubleRounding)
    ? "\n* input loaded in another format than its producer wrote: rounded twice"
    : "";
  const ranges = observedImages === 0 ? "" : `; output ranges of ${observedText(observedImages)}`;
  return `Layers, per image; overflows of all images${ranges}\n${tableText(columns, rows)}${twice}${recurrentNotes(rows)}`;
}

/** What a row of a recurrent layer stands for; nothing without one. */
function recurrentNotes(rows: readonly LayerRow[]): string {
  return rows
    .filter(({ steps, name, parts: [first] }) => steps > 0 || first?.name !== name)
    .map(({ name, steps, parts }) => {
      const layers = `${grouped(parts.length)} ${parts.length === 1 ? "layer" : "layers"}`;
      const all = `${name} is ${layers} of ${grouped(steps)} ${steps === 1 ? "step" : "steps"}: sums of all`;
      return `\n${wrapped(`${all}; SQNR and output range of the last, ${parts.at(-1)?.name ?? name}; --steps shows each`)}`;
    })
    .join("");
}

interface TableRow {
  readonly name: string;
  /** The one of largest error in last places, of `count`. */
  readonly table: TableEntry;
  readonly count: number;
}

/** Size and error of every look-up table, of a recurrent layer the coarsest one; nothing for a network without. */
function functionTables(layers: readonly LayerRow[]): string {
  const rows = layers.flatMap(({ name, parts }): TableRow[] => {
    const tables = parts.flatMap(({ table }) => table ?? []);
    const [table] = tables.toSorted((a, b) => b.largestErrorLastPlaces - a.largestErrorLastPlaces);
    return table === undefined ? [] : [{ name, table, count: tables.length }];
  });
  if (rows.length === 0) return "";
  const columns: readonly Column<TableRow>[] = [
    {
      title: "layer",
      align: "left",
      cell: ({ name, count }) => (count === 1 ? name : `${name}, worst of ${grouped(count)}`),
    },
    { title: "entries", align: "right", cell: ({ table }) => grouped(table.entries) },
    { title: "bits", align: "right", cell: ({ table }) => grouped(table.entries * table.wordLength) },
    { title: "for inputs", align: "right", cell: ({ table }) => inputsText(table) },
    { title: "between entries", align: "left", cell: ({ table }) => betweenText(table) },
    { title: "largest error", align: "right", cell: ({ table }) => significant(table.largestError) },
    { title: "SQNR dB", align: "right", cell: ({ table: { sqnrDb } }) => sqnrDb?.toFixed(1) ?? NOTHING },
    { title: "entries clipped", align: "right", cell: ({ table }) => grouped(table.clipped) },
  ];
  return `Functions by look-up table; errors against the function, cut to the output's range\n${tableText(columns, rows)}`;
}

/** `−4.5 … 8`. */
function inputsText({ range: { min, max } }: TableEntry): string {
  return `${significant(min)} … ${significant(max)}`;
}

/** How many neighbouring words share an entry, or lie on the line between two. */
function betweenText({ droppedBits, interpolated }: TableEntry): string {
  if (droppedBits === 0) return "every word";
  return interpolated ? `line, ${droppedBits} bits` : `step, ${droppedBits} bits`;
}

/** `16,8`, or the most frequent format and the registers that differ: `16,8; accumulator 26,8`. */
function formatsText({ registers }: Pick<LayerEntry, "registers">): string {
  const formats = Object.entries(registers).map(([name, { format }]) => ({ name, format: firstWord(format) }));
  const count = (wanted: string): number => formats.filter(({ format }) => format === wanted).length;
  const usual = formats.reduce(
    (best, { format }) => (count(format) > count(best) ? format : best),
    formats[0]?.format ?? "",
  );
  const others = formats.filter(({ format }) => format !== usual).map(({ name, format }) => `${name} ${format}`);
  return [usual, ...others].join("; ");
}

function firstWord(text: string): string {
  return text.split(" ")[0] ?? text;
}

function overflowText({ registers }: Pick<LayerEntry, "registers">, report: RunReport): string {
  const parts = Object.entries(registers).filter(([, { overflow }]) => overflow > 0);
  return parts.length === 0
    ? "0"
    : parts.map(([name, entry]) => `${name} ${overflowCountText(entry, name, report)}`).join(", ");
}

interface RegisterRow {
  readonly layer: string;
  readonly name: string;
  readonly entry: RegisterEntry;
}

function registerTable(report: RunReport, layers: readonly LayerRow[]): string {
  const { images, observedImages, cycles } = report;
  const rows = layers.flatMap(({ name: layer, whole: { registers } }) =>
    Object.entries(registers)
      // A register at which nothing was quantized has nothing to show.
      .filter(([, { min, overflow }]) => min !== null || overflow > 0)
      .map(([name, entry], index): RegisterRow => ({ layer: index === 0 ? layer : "", name, entry })),
  );
  if (rows.length === 0) return "";
  const modes = [...new Set(rows.map(({ entry }) => entry.format.replace(/^\S+ /, "")))];
  const oneMode = modes.length === 1;
  const number = (value: number | null, show: (value: number) => string): string =>
    value === null ? NOTHING : show(value);
  const columns: readonly Column<RegisterRow>[] = [
    { title: "layer", align: "left", cell: ({ layer }) => layer },
    { title: "register", align: "left", cell: ({ name }) => name },
    { title: "format", align: "left", cell: ({ entry }) => (oneMode ? firstWord(entry.format) : entry.format) },
    { title: "overflows", align: "right", cell: ({ entry }) => grouped(entry.overflow) },
    { title: "share", align: "right", cell: ({ name, entry }) => overflowRate(entry, name, report) },
    { title: "range before the fit", align: "right", cell: ({ entry }) => rangeText(entry) },
    { title: "unused bits", align: "right", cell: ({ entry }) => number(entry.unusedHighBits, String) },
    { title: "lost to zero", align: "right", cell: ({ entry }) => number(entry.flushedToZero, grouped) },
    {
      title: "mean error",
      align: "right",
      cell: ({ entry }) => number(entry.meanRoundingError, (value) => (value === 0 ? "0" : value.toFixed(4))),
    },
  ];
  const common = oneMode ? `, all ${modes[0]}` : "";
  const perFilter = rows.some(({ entry }) => firstWord(entry.format).includes("…"))
    ? "\n… weights have a binary point per filter; ranges, of products and sums too, are those of words at the least F"
    : "";
  const joined = rows.some(({ entry }) => joinsFormats(entry.format))
    ? "\n– least and greatest format of a recurrent layer's registers of that name; its unused bits are the least of any"
    : "";
  const counted = `overflows of ${images === 1 ? "the image" : `all ${grouped(images)} images`}`;
  const heading = wrapped(`Registers${common}; ${counted}; ${seenText(observedImages, cycles !== null)}`);
  return `${heading}\n${tableText(columns, rows)}${perFilter}${joined}`;
}

/** Of the values written; nothing where none overflowed. */
function overflowRate(entry: RegisterEntry, name: string, report: RunReport): string {
  const share = entry.overflow === 0 ? null : overflowShare(entry, name, report);
  return share === null ? NOTHING : shareText(share);
}

/** A network that the machine computes in parts is not observed. */
function seenText(observedImages: number, canObserve: boolean): string {
  if (observedImages === 0) return `ranges, losses and errors not taken${canObserve ? ": --observe 1 takes them" : ""}`;
  return `ranges, losses and errors (in last bits) of ${observedText(observedImages)}`;
}

function observedText(images: number): string {
  return images === 1 ? "the first image" : `the first ${grouped(images)} images`;
}

function rangeText(entry: RegisterEntry | undefined): string {
  if (entry === undefined || entry.min === null || entry.max === null) return NOTHING;
  return `${significant(entry.min)} … ${significant(entry.max)}`;
}

/** Energy components that are named; the others are added up. */
const NAMED_COMPONENTS = 4;

function totals({ cycles, energy, overflow, digest, notModelled, resources }: RunReport): string {
  const lines: string[] = [];
  if (cycles !== null) {
    const microseconds = significant((1e6 * cycles.perImage) / cycles.clockHz);
    lines.push(
      `cycles     ${grouped(cycles.perImage)} per image = ${microseconds} µs, ${grouped(cycles.imagesPerSecond)} images/s`,
    );
    for (const [unit, { busy, stalls, idle }] of Object.entries(cycles.byUnit)) {
      const share = (count: number): string => percent(count / cycles.total, 1);
      const causes = Object.entries(stalls).map(([cause, count]) => `waits for ${cause} ${share(count)}`);
      lines.push(`  ${unit.padEnd(9)}${[`busy ${share(busy)}`, ...causes, `idle ${share(idle)}`].join(" · ")}`);
    }
  }
  if (energy !== null) {
    const [low, high] = energy.perImageSpreadPj;
    const microjoules = (pj: number): string => significant(pj / 1e6);
    const range = `${microjoules(low)} … ${microjoules(high)}`;
    lines.push(
      `energy     ${microjoules(energy.perImagePj)} µJ per image (${range} by the sources' spread, ${energy.table})`,
      `  ${componentsText(energy.byComponent, energy.totalPj)}`,
    );
  }
  lines.push(
    `overflows  ${grouped(overflow.total)} while running, ${grouped(overflow.compile)} words clipped at compile time`,
  );
  if (digest !== null) lines.push(`digest     ${digest}`);
  if (notModelled.length > 0) lines.push(wrapped(`not modelled: ${notModelled.join("; ")}`));
  lines.push(
    `took       ${significant(resources.seconds)} s, peak memory ${grouped(resources.peakMemoryBytes / 2 ** 20)} MiB`,
  );
  return lines.join("\n");
}

function componentsText(byComponent: Readonly<Record<string, number>>, totalPj: number): string {
  const sorted = Object.entries(byComponent).sort(([, a], [, b]) => b - a);
  const rest = sorted.slice(NAMED_COMPONENTS).reduce((sum, [, pj]) => sum + pj, 0);
  return [...sorted.slice(0, NAMED_COMPONENTS), ["others", rest] as const]
    .map(([component, pj]) => `${component} ${percent(pj / totalPj, 1)}`)
    .join(" · ");
}
