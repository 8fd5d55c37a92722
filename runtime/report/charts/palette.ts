/** The colours of charts and pages. Charts are drawn with the light ones; a page puts the reader's in their place. */

export interface Colour {
  readonly light: string;
  readonly dark: string;
}

export type ColourName =
  | "ink"
  | "muted"
  | "line"
  | "surface"
  | "panel"
  | "accent"
  | "alarm"
  | "onAlarm"
  | "good"
  | "range"
  | "rangeEdge"
  | "series1"
  | "series2"
  | "series3"
  | "series4"
  | "series5"
  | "series6"
  | "series7"
  | "series8"
  | "heat0"
  | "heat1"
  | "heat2"
  | "heat3"
  | "heat4"
  | "heat5"
  | "onHeatWeak"
  | "onHeatStrong";

/** Every light colour is another one, so that each can be found in a drawing again. */
export const PALETTE: Readonly<Record<ColourName, Colour>> = {
  ink: { light: "#1d2330", dark: "#e6e9ef" },
  muted: { light: "#566072", dark: "#a5aebd" },
  line: { light: "#d5dbe4", dark: "#39424f" },
  surface: { light: "#ffffff", dark: "#14181f" },
  panel: { light: "#f4f6f9", dark: "#1c222b" },
  accent: { light: "#0a5cad", dark: "#7cbcff" },
  alarm: { light: "#b42318", dark: "#ff8a7c" },
  onAlarm: { light: "#fffffc", dark: "#1d0a07" },
  good: { light: "#1a7f5a", dark: "#5fd3a6" },
  range: { light: "#d9ecdf", dark: "#1e3a2e" },
  rangeEdge: { light: "#2f7d52", dark: "#6cc795" },
  series1: { light: "#0b62b0", dark: "#6cb6ff" },
  series2: { light: "#c2410c", dark: "#ff9d5c" },
  series3: { light: "#0f7a5a", dark: "#4fd1a5" },
  series4: { light: "#8a3ea8", dark: "#d0a2f7" },
  series5: { light: "#956008", dark: "#e5c04b" },
  series6: { light: "#be185d", dark: "#ff8fb8" },
  series7: { light: "#0e7490", dark: "#5fd0e6" },
  series8: { light: "#475569", dark: "#b3bdcc" },
  heat0: { light: "#edf3fa", dark: "#1b2530" },
  heat1: { light: "#cbdff2", dark: "#213c57" },
  heat2: { light: "#9cc4e8", dark: "#2a5680" },
  heat3: { light: "#62a0d6", dark: "#316a9d" },
  heat4: { light: "#2871b3", dark: "#8cc0ea" },
  heat5: { light: "#0e4a82", dark: "#c4dff6" },
  onHeatWeak: { light: "#1d2331", dark: "#e6e9ee" },
  onHeatStrong: { light: "#fffffe", dark: "#0b1622" },
};

/** Colours of curves, in the order in which they are given out. */
export const SERIES_COLOURS: readonly string[] = [
  PALETTE.series1.light,
  PALETTE.series2.light,
  PALETTE.series3.light,
  PALETTE.series4.light,
  PALETTE.series5.light,
  PALETTE.series6.light,
  PALETTE.series7.light,
  PALETTE.series8.light,
];

/** The colour of the curve with this index; they repeat after eight. */
export function seriesColour(index: number): string {
  return SERIES_COLOURS[index % SERIES_COLOURS.length] ?? PALETTE.ink.light;
}

/** Fill and text of a cell of a heat map, from pale to strong. */
export const HEAT_COLOURS: readonly { readonly fill: string; readonly text: string }[] = [
  { fill: PALETTE.heat0.light, text: PALETTE.onHeatWeak.light },
  { fill: PALETTE.heat1.light, text: PALETTE.onHeatWeak.light },
  { fill: PALETTE.heat2.light, text: PALETTE.onHeatWeak.light },
  { fill: PALETTE.heat3.light, text: PALETTE.onHeatWeak.light },
  { fill: PALETTE.heat4.light, text: PALETTE.onHeatStrong.light },
  { fill: PALETTE.heat5.light, text: PALETTE.onHeatStrong.light },
];

/** `--series-1` for `series1`, `--on-alarm` for `onAlarm`. */
export function colourVariable(name: string): string {
  return `--${name.replace(/([A-Z]|[0-9]+$)/g, "-$1").toLowerCase()}`;
}
