import { AXIS, type Chart, type Drawing, exactNumber, isNarrow, legendAbove, PAGE_WIDTHS, textWidth } from "./chart.ts";
import type { ChartOption, ChartSeries } from "./echarts.ts";
import { errorBars } from "./error-bars.ts";
import { PALETTE, seriesColour } from "./palette.ts";

/** A figure with its 95 % interval at one word length. */
export interface CurvePoint {
  readonly wordLength: number;
  readonly value: number;
  readonly interval: readonly [low: number, high: number] | null;
}

export interface AccuracyCurve {
  /** E.g. `tensorquant, nearest`. */
  readonly name: string;
  /** Number of its colour, and of its symbol and dashes: curves that share a property share one of them. */
  readonly colour: number;
  readonly dash: number;
  readonly points: readonly CurvePoint[];
}

export interface AccuracyCurves {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  /** What the values are: shares are shown in percent, `dB` as they are. */
  readonly unit: "share" | "dB";
  readonly axis: string;
  /** The figure of the float network, null where there is none. */
  readonly float: number | null;
  readonly curves: readonly AccuracyCurve[];
}

/** Most of the distance between two word lengths that curves may be moved apart, so that their intervals stay readable. */
const SPREAD = 0.3;

/** A figure over word length, one curve per way of computing, with intervals. */
export function accuracyCurves(data: AccuracyCurves): Chart {
  const { id, title, caption } = data;
  return { id, title, caption, widths: PAGE_WIDTHS, draw: (width) => drawing(data, width) };
}

function drawing({ unit, axis, float, curves }: AccuracyCurves, width: number): Drawing {
  const scale = unit === "share" ? 100 : 1;
  const wordLengths = [...new Set(curves.flatMap(({ points }) => points.map(({ wordLength }) => wordLength)))].sort(
    (a, b) => a - b,
  );
  const [first = 0, last = 0] = [wordLengths[0], wordLengths.at(-1)];
  const step = curves.length < 2 ? 0 : Math.min(0.06, SPREAD / (curves.length - 1));
  const series: ChartSeries[] = curves.flatMap(({ name, colour: hue, dash, points }, index) => {
    const shift = (index - (curves.length - 1) / 2) * step;
    const colour = seriesColour(hue);
    const sorted = points.toSorted((a, b) => a.wordLength - b.wordLength);
    const line: ChartSeries = {
      type: "line",
      name,
      silent: true,
      symbol: SYMBOLS[dash % SYMBOLS.length] ?? "circle",
      symbolSize: 8,
      showAllSymbol: true,
      lineStyle: { color: colour, width: 2, type: DASHES[dash % DASHES.length] ?? "solid" },
      itemStyle: { color: colour },
      data: sorted.map(({ wordLength, value }) => [wordLength + shift, scale * value]),
    };
    const bars = sorted.flatMap(({ wordLength, interval }) =>
      interval === null ? [] : [[wordLength + shift, scale * interval[0], scale * interval[1]] as const],
    );
    return bars.length === 0 ? [line] : [line, errorBars(bars, colour)];
  });
  if (float !== null) series.push(floatLine(scale * float, first - 0.5, last + 0.5));
  const names = [...curves.map(({ name }) => name), ...(float === null ? [] : [FLOAT])];
  const { height, legend } = legendAbove(names, width);
  const narrow = isNarrow(width);
  const option: ChartOption = {
    legend,
    grid: {
      left: 4,
      right: 12,
      top: height + 26,
      bottom: 34,
      outerBoundsMode: "same",
      outerBoundsContain: "axisLabel",
    },
    xAxis: {
      ...AXIS,
      type: "value",
      name: "word length, bits",
      nameLocation: "middle",
      nameGap: 28,
      min: first - 0.5,
      max: last + 0.5,
      splitLine: { show: false },
      axisLine: { ...AXIS.axisLine, onZero: false },
      axisTick: { ...AXIS.axisTick, customValues: wordLengths },
      axisLabel: {
        ...AXIS.axisLabel,
        customValues: thinned(wordLengths, width),
        formatter: (value: number) => `${value}`,
      },
    },
    yAxis: {
      ...AXIS,
      type: "value",
      scale: true,
      axisLabel: { ...AXIS.axisLabel, formatter: exactNumber },
      ...(unit === "share" ? { max: ({ max }: { max: number }) => (max > 99 ? 100 : null) } : {}),
      name: axis,
      nameTextStyle: { ...AXIS.nameTextStyle, align: "left", padding: [0, 0, 0, -20] },
    },
    series,
  };
  return { height: (narrow ? 260 : 380) + height, option };
}

const SYMBOLS = ["circle", "rect", "triangle", "diamond"] as const;

const DASHES: readonly ("solid" | number[])[] = ["solid", [7, 4], [2, 3], [10, 3, 2, 3]];

const FLOAT = "float32";

function floatLine(value: number, from: number, to: number): ChartSeries {
  return {
    type: "line",
    name: FLOAT,
    silent: true,
    symbol: "none",
    lineStyle: { color: PALETTE.muted.light, width: 1.5, type: "dashed" },
    itemStyle: { color: PALETTE.muted.light },
    data: [
      [from, value],
      [to, value],
    ],
  };
}

/** Labels that find room: all word lengths, or every second, third … */
function thinned(values: readonly number[], width: number): number[] {
  const room = Math.max(2, Math.floor((width - 60) / (textWidth("00") + 10)));
  const [first = 0, last = 0] = [values[0], values.at(-1)];
  const every = Math.max(1, Math.ceil((last - first + 1) / room));
  return values.filter((value) => (value - first) % every === 0);
}
