/** The one place that knows the chart library: the parts that are used, and an option turned into SVG text. */
import {
  BarChart,
  type BarSeriesOption,
  CustomChart,
  type CustomSeriesOption,
  LineChart,
  type LineSeriesOption,
  ScatterChart,
  type ScatterSeriesOption,
} from "echarts/charts";
import {
  GridComponent,
  type GridComponentOption,
  LegendComponent,
  type LegendComponentOption,
} from "echarts/components";
import { type ComposeOption, init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { printableLines } from "../../../isa/printable.ts";

use([BarChart, CustomChart, LineChart, ScatterChart, GridComponent, LegendComponent, SVGRenderer]);

export type ChartSeries = BarSeriesOption | CustomSeriesOption | LineSeriesOption | ScatterSeriesOption;

export type ChartOption = ComposeOption<ChartSeries | GridComponentOption | LegendComponentOption>;

/** An option drawn without a browser. Sizes in pixels. */
export function drawOption(option: ChartOption, width: number, height: number): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption({ animation: false, ...guarded(option) });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

/**
 * The option with every text printable, and changed where it is a name of `Object.prototype`, by a character without width: the
 * library keeps widths of texts in plain objects, and a layer called `__proto__` would reach the prototype of all objects.
 */
function guarded<Value>(value: Value): Value {
  return guardedValue(value) as Value;
}

/** To be removed from the drawing. */
export const WORD_JOINER = "\u2060";

function guardedValue(value: unknown): unknown {
  if (typeof value === "string") {
    const shown = printableLines(value);
    return shown in Object.prototype ? shown + WORD_JOINER : shown;
  }
  if (Array.isArray(value)) return value.map(guardedValue);
  if (typeof value === "function") return (...given: unknown[]) => guardedValue(value(...given));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, guardedValue(item)]));
}
