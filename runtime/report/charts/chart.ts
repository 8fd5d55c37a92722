/** What a chart is, and the parts that all of them share. */
import { printable } from "../../../isa/printable.ts";
import type { ChartOption } from "./echarts.ts";
import { PALETTE } from "./palette.ts";

/** A picture of data: for a page in several widths, for a file in the first of them. */
export interface Chart {
  /** Lower-case words with hyphens, unique in its report; names the SVG file. */
  readonly id: string;
  readonly title: string;
  /** What is drawn and how to read it, in sentences. */
  readonly caption: string;
  /** Pixels, the largest first. */
  readonly widths: readonly number[];
  readonly draw: (width: number) => Drawing;
}

export interface Drawing {
  /** Pixels. */
  readonly height: number;
  readonly option: ChartOption;
}

/** A chart across the page, and the same for a phone. */
export const PAGE_WIDTHS: readonly number[] = [960, 358];

/** One of many small charts side by side. */
export const TILE_WIDTHS: readonly number[] = [300];

/** Widths below this are a phone's. */
export function isNarrow(width: number): boolean {
  return width < 600;
}

export const FONT_SIZE = 12;

/** Pixels of a text, as far as one can know without its font; wide scripts count twice. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += isWide(character) ? FONT_SIZE : 0.58 * FONT_SIZE;
  return Math.ceil(width);
}

/** Whether a character takes the room of two Latin ones, as those of East Asian scripts do. */
function isWide(character: string): boolean {
  return (character.codePointAt(0) ?? 0) >= 0x1100 && character !== "…";
}

/**
 * At most `length` characters, of which those of wide scripts count twice: the middle gives way, because the ends of
 * layers' names say most.
 */
export function shortened(text: string, length: number): string {
  // Far beyond what is shown, only the ends matter.
  const bounded = text.length > 4 * length ? `${text.slice(0, 2 * length)}${text.slice(-2 * length)}` : text;
  const characters = [...printable(bounded.replace(/\s+/g, " "))];
  const places = (part: readonly string[]): number =>
    part.reduce((sum, character) => sum + (isWide(character) ? 2 : 1), 0);
  if (bounded === text && places(characters) <= length) return characters.join("");
  const head = take(characters, Math.floor((length - 1) / 3));
  const tail = take(characters.toReversed(), length - 1 - places(head)).reverse();
  return `${head.join("")}…${tail.join("")}`;
}

/** As many characters from the beginning as find room. */
function take(characters: readonly string[], room: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const character of characters) {
    used += isWide(character) ? 2 : 1;
    if (used > room) break;
    taken.push(character);
  }
  return taken;
}

interface AxisText {
  readonly color: string;
  readonly fontSize: number;
}

interface AxisLine {
  readonly lineStyle: { readonly color: string };
}

export interface AxisLook {
  readonly axisLine: AxisLine;
  readonly axisTick: AxisLine;
  readonly axisLabel: AxisText;
  readonly splitLine: AxisLine;
  readonly nameTextStyle: AxisText;
}

/** Names without the folders that all of them begin and end with; names of less than two layers stay. */
export function withoutCommonParts(names: readonly string[]): readonly string[] {
  if (names.length < 2) return names;
  const parts = names.map((name) => name.split("/"));
  const room = Math.min(...parts.map(({ length }) => length)) - 1;
  const common = (at: (path: readonly string[], depth: number) => string | undefined): number => {
    let depth = 0;
    while (depth < room && new Set(parts.map((path) => at(path, depth))).size === 1) depth++;
    return depth;
  };
  const head = common((path, depth) => path[depth]);
  const tail = Math.min(
    room - head,
    common((path, depth) => path[path.length - 1 - depth]),
  );
  return parts.map((path) => path.slice(head, path.length - tail).join("/"));
}

const AXIS_TEXT: AxisText = { color: PALETTE.muted.light, fontSize: FONT_SIZE };

const AXIS_LINE: AxisLine = { lineStyle: { color: PALETTE.line.light } };

/** How axes look, to be spread into those of a chart. */
export const AXIS: AxisLook = {
  axisLine: AXIS_LINE,
  axisTick: AXIS_LINE,
  axisLabel: AXIS_TEXT,
  splitLine: AXIS_LINE,
  nameTextStyle: AXIS_TEXT,
};

/** Height of one row of a legend, in pixels. */
const LEGEND_ROW = 22;

/** A legend above the chart, and the height that it takes at this width. */
export function legendAbove(
  names: readonly string[],
  width: number,
): { height: number; legend: NonNullable<ChartOption["legend"]> } {
  let rows = 1;
  let used = 0;
  for (const name of names) {
    const item = textWidth(name) + 48;
    if (used > 0 && used + item > width - 8) {
      rows++;
      used = 0;
    }
    used += item;
  }
  return {
    height: rows * LEGEND_ROW + 8,
    legend: {
      type: "plain",
      top: 0,
      left: 0,
      right: 0,
      itemWidth: 18,
      itemHeight: 10,
      itemGap: 8,
      padding: 0,
      selectedMode: false,
      data: [...names],
      // The distance between items: a larger gap would part the rows as well.
      formatter: (name: string) => `${name}\u2003`,
      textStyle: { color: PALETTE.ink.light, fontSize: FONT_SIZE },
    },
  };
}

/** Letters of a layer's name on an axis. */
function nameLength(width: number): number {
  return isNarrow(width) ? 16 : 34;
}

/** Pixels left of an axis for the longest of these names as it is shown. */
export function nameRoom(names: readonly string[], width: number): number {
  const shown = names.map((name) => textWidth(shortened(name, nameLength(width))));
  return Math.ceil(1.08 * shown.reduce((most, pixels) => Math.max(most, pixels), 0)) + 14;
}

/** Figures on axes, whose neighbours may differ in late digits only. */
export function exactNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** `1.2k`, `34M`: numbers on axes. */
export function shortNumber(value: number): string {
  const magnitude = Math.abs(value);
  for (const [factor, unit] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (magnitude >= factor) return `${Number((value / factor).toPrecision(3))}${unit}`;
  }
  return String(Number(value.toPrecision(3)));
}

/** The axis of named rows, the first one on top. Names may be the same once shortened: rows are told apart by number. */
export function rowAxis(
  rows: readonly string[],
  width: number,
  fontSize: number = FONT_SIZE,
): NonNullable<ChartOption["yAxis"]> {
  return {
    type: "category",
    inverse: true,
    data: rows.map((_name, index) => index),
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: {
      ...AXIS.axisLabel,
      color: PALETTE.ink.light,
      interval: 0,
      fontSize,
      formatter: (_value: string, index: number) => shortened(rows[index] ?? "", nameLength(width)),
    },
  };
}
