import type { LayerEntry, RegisterEntry, RunReport } from "../../results/run-report.ts";
import { formatOnly, writtenFormat } from "../text/format-text.ts";
import { NOTHING } from "../text/table.ts";
import { grouped, percent, significant } from "../text/wording.ts";
import { type Content, html, type Markup } from "./markup.ts";
import { type HtmlColumn, htmlTable } from "./table.ts";

/** Every layer of a run: work, time, energy, noise. */
export function layerTable({ layers, cycles }: RunReport): Markup {
  const onMachine = (show: (layer: LayerEntry) => string) => (layer: LayerEntry) =>
    cycles === null ? NOTHING : show(layer);
  const columns: readonly HtmlColumn<LayerEntry>[] = [
    { title: "layer", align: "left", cell: ({ name }) => name },
    { title: "kind", align: "left", cell: ({ kind }) => kind },
    { title: "MACs", align: "right", cell: ({ macs }) => (macs === 0 ? NOTHING : grouped(macs)) },
    { title: "cycles per image", align: "right", cell: onMachine((layer) => grouped(layer.cycles)) },
    {
      title: "utilization",
      align: "right",
      cell: onMachine(({ macs, utilization }) => (macs === 0 ? NOTHING : percent(utilization, 1))),
    },
    { title: "energy per image, nJ", align: "right", cell: onMachine(({ energyPj }) => significant(energyPj / 1000)) },
    { title: "SQNR, dB", align: "right", cell: ({ sqnrDb }) => decibels(sqnrDb) },
    { title: "SQNR of its own noise, dB", align: "right", cell: ({ noise }) => decibels(noise?.ownSqnrDb ?? null) },
    { title: "the same at the output, dB", align: "right", cell: ({ noise }) => decibels(noise?.outputSqnrDb ?? null) },
    { title: "overflows", align: "right", cell: ({ registers }) => overflowCell(sumOf(registers)) },
  ];
  return htmlTable("Layers, per image; overflows of all images", columns, layers);
}

function decibels(value: number | null): string {
  return value === null ? NOTHING : value.toFixed(1);
}

function sumOf(registers: LayerEntry["registers"]): number {
  return Object.values(registers).reduce((sum, { overflow }) => sum + overflow, 0);
}

function overflowCell(overflow: number): Content {
  return overflow === 0 ? "0" : html`<span class="alarm">${grouped(overflow)}</span>`;
}

interface RegisterRow {
  readonly layer: string;
  readonly register: string;
  readonly entry: RegisterEntry;
}

function registerRows({ layers }: RunReport): readonly RegisterRow[] {
  return layers.flatMap(({ name: layer, registers }) =>
    Object.entries(registers).map(([register, entry]) => ({ layer, register, entry })),
  );
}

/** Every register at which something was quantized; null where there is none. */
export function registerTable(report: RunReport): Markup | null {
  const rows = registerRows(report).filter(({ entry }) => entry.min !== null || entry.overflow > 0);
  if (rows.length === 0) return null;
  const number = (value: number | null, show: (value: number) => string): string =>
    value === null ? NOTHING : show(value);
  const columns: readonly HtmlColumn<RegisterRow>[] = [
    { title: "layer", align: "left", cell: ({ layer }) => layer },
    { title: "register", align: "left", cell: ({ register }) => register },
    { title: "format", align: "left", cell: ({ entry }) => entry.format },
    { title: "overflows", align: "right", cell: ({ entry }) => overflowCell(entry.overflow) },
    { title: "least value", align: "right", cell: ({ entry }) => number(entry.min, significant) },
    { title: "largest value", align: "right", cell: ({ entry }) => number(entry.max, significant) },
    { title: "unused high bits", align: "right", cell: ({ entry }) => number(entry.unusedHighBits, String) },
    { title: "unused low bits", align: "right", cell: ({ entry }) => number(entry.unusedLowBits, String) },
    { title: "values lost to zero", align: "right", cell: ({ entry }) => number(entry.flushedToZero, grouped) },
    { title: "mean error, last bits", align: "right", cell: ({ entry }) => number(entry.meanRoundingError, errorText) },
    {
      title: "expected error, last bits",
      align: "right",
      cell: ({ entry }) => number(entry.expectedRoundingError, errorText),
    },
  ];
  return htmlTable("Registers: values before the fit", columns, rows);
}

function errorText(value: number): string {
  return value === 0 ? "0" : value.toFixed(4);
}

/** Registers that overflowed, worst first, each with its first offender; null where none did. */
export function overflowTable(report: RunReport): Markup | null {
  const rows = registerRows(report)
    .filter(({ entry }) => entry.overflow > 0)
    .sort((a, b) => b.entry.overflow - a.entry.overflow);
  if (rows.length === 0) return null;
  const first =
    (key: string) =>
    ({ entry }: RegisterRow): string =>
      fieldText(entry.first?.[key]);
  const columns: readonly HtmlColumn<RegisterRow>[] = [
    { title: "layer", align: "left", cell: ({ layer }) => layer },
    { title: "register", align: "left", cell: ({ register }) => register },
    { title: "format", align: "left", cell: ({ entry }) => formatOnly(entry.format) },
    { title: "overflows", align: "right", cell: ({ entry }) => overflowCell(entry.overflow) },
    { title: "first in image", align: "right", cell: first("image") },
    { title: "element", align: "left", cell: first("element") },
    { title: "step", align: "right", cell: ({ entry }) => stepText(entry.first?.step) },
    { title: "cycle", align: "right", cell: first("cycle") },
    { title: "processing element", align: "left", cell: ({ entry }) => elementText(entry.first) },
    { title: "raw before → after", align: "right", cell: ({ entry }) => changeText(entry, (raw) => fieldText(raw)) },
    { title: "value before → after", align: "right", cell: ({ entry }) => changeText(entry, valueText(entry.format)) },
  ];
  return htmlTable("Overflows and their first offenders", columns, rows);
}

/** Numbers and texts as they are, lists as coordinates; nothing for anything else. */
function fieldText(field: unknown): string {
  if (typeof field === "number") return Number.isInteger(field) ? grouped(field) : significant(field);
  if (typeof field === "string") return field.slice(0, 200);
  if (!Array.isArray(field) || field.length > 8) return NOTHING;
  return `[${field.map((part) => String(typeof part === "number" ? part : "?")).join(", ")}]`;
}

/** Below zero: not a step of a sum. */
function stepText(step: unknown): string {
  return typeof step === "number" && step < 0 ? NOTHING : fieldText(step);
}

function elementText(first: RegisterEntry["first"]): string {
  const { row, column } = first ?? {};
  if (typeof row !== "number" || typeof column !== "number" || row < 0) return NOTHING;
  return `row ${row}, column ${column}`;
}

function changeText({ first }: RegisterEntry, show: (raw: unknown) => string): string {
  if (first === null || !("before" in first)) return NOTHING;
  return `${show(first.before)} → ${show(first.after)}`;
}

/** The value of a raw word; raws beyond the doubles stand as decimal strings. */
function valueText(format: string): (raw: unknown) => string {
  const written = writtenFormat(format);
  return (raw) => {
    const number = typeof raw === "number" ? raw : typeof raw === "string" ? Number(raw) : Number.NaN;
    return written === null || Number.isNaN(number) ? NOTHING : significant(number * 2 ** -written.fractionLength);
  };
}
