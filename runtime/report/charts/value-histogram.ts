import type { HistogramEntry, RegisterEntry } from "../../results/run-report.ts";
import { integerBits, writtenFormat } from "../text/format-text.ts";
import { AXIS, type Chart, type Drawing, shortened, TILE_WIDTHS } from "./chart.ts";
import type { ChartSeries } from "./echarts.ts";
import { PALETTE } from "./palette.ts";

/** A register of a run. */
export interface ObservedRegister {
  readonly layer: string;
  readonly register: string;
  readonly entry: RegisterEntry;
}

/** Octaves that are drawn around the format and the values. */
const OCTAVES = 40;

const HEIGHT = 190;

/** Values of one register against its format; null where none were observed. `number` tells the charts of a report apart. */
export function valueHistogram({ layer, register, entry }: ObservedRegister, number: number): Chart | null {
  const { histogram } = entry;
  if (histogram === null || histogram.octaves.length === 0) return null;
  const bins = binsOf(histogram);
  const format = writtenFormat(entry.format);
  const range = format === null ? null : { low: 1 - format.fractionLength, high: integerBits(format) };
  return {
    id: `values-${number}`,
    title: `${shortened(layer, 26)}: ${register}`,
    caption: captionOf(entry.format, bins, histogram),
    widths: TILE_WIDTHS,
    draw: () => drawing(bins, range),
  };
}

interface Bin {
  readonly octave: number;
  readonly positive: number;
  readonly negative: number;
  readonly flushed: number;
  readonly total: number;
}

function binsOf({ octaves, zero, underflow }: HistogramEntry): readonly Bin[] {
  const numbers = [...octaves, ...underflow].map((octave) => octave.integerBits);
  const last = Math.max(...numbers);
  const first = Math.max(Math.min(...numbers), last - OCTAVES + 1);
  const bins = Array.from({ length: last - first + 1 }, (_, index) => ({
    octave: first + index,
    positive: 0,
    negative: 0,
    flushed: 0,
  }));
  // What lies below the lowest octave that is drawn is counted there.
  const bin = (octave: number): (typeof bins)[number] | undefined => bins[Math.max(0, octave - first)];
  for (const { integerBits: octave, negative, positive } of octaves) {
    const found = bin(octave);
    if (found !== undefined)
      Object.assign(found, { positive: found.positive + positive, negative: found.negative + negative });
  }
  let flushedToZero = 0;
  for (const { integerBits: octave, count } of underflow) {
    const found = bin(octave);
    if (found !== undefined) found.flushed += count;
    flushedToZero += count;
  }
  const seen = bins.reduce((sum, { positive, negative }) => sum + positive + negative, 0);
  const total = Math.max(1, seen + Math.max(zero, flushedToZero));
  return bins.map((entry) => ({ ...entry, total }));
}

function captionOf(format: string, bins: readonly Bin[], { zero }: HistogramEntry): string {
  const total = bins[0]?.total ?? 1;
  return `${format}; zero: ${percentText(zero / total)} of ${total.toLocaleString("en-US")} values.`;
}

function percentText(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}

function drawing(bins: readonly Bin[], range: { low: number; high: number } | null): Drawing {
  const [firstBin = 0, lastBin = 0] = [bins[0]?.octave, bins.at(-1)?.octave];
  const last = range === null ? lastBin : Math.max(lastBin, Math.min(range.high, lastBin + OCTAVES / 2));
  const first = range === null ? firstBin : Math.min(firstBin, Math.max(range.low, firstBin - OCTAVES / 2));
  const octaves = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const binAt = new Map(bins.map((bin) => [bin.octave, bin]));
  const values = (share: (bin: Bin) => number): number[] =>
    octaves.map((octave) => {
      const bin = binAt.get(octave);
      return bin === undefined ? 0 : (100 * share(bin)) / bin.total;
    });
  const highest = range?.high ?? last;
  // Two series per sign, so that what does not fit has a colour of its own.
  const fits = (octave: number): boolean => octave <= highest;
  const bars = (name: string, colour: string, share: (bin: Bin) => number): ChartSeries => ({
    type: "bar",
    name,
    silent: true,
    stack: "values",
    barWidth: "78%",
    barMinHeight: 2,
    itemStyle: { color: colour },
    // A bar of no height would still be drawn with the least one.
    data: values(share).map((value) => (value === 0 ? "-" : value)),
  });
  const option: Drawing["option"] = {
    grid: { left: 34, right: 6, top: 8, bottom: 34 },
    xAxis: {
      ...AXIS,
      type: "category",
      data: octaves.map((octave) => `${octave}`),
      name: "values below 2ⁿ",
      nameLocation: "middle",
      nameGap: 20,
      axisLine: { show: false },
      axisTick: { show: false },
      position: "bottom",
    },
    yAxis: {
      ...AXIS,
      type: "value",
      splitNumber: 4,
      axisLabel: { ...AXIS.axisLabel, formatter: (value: number) => `${Number(Math.abs(value).toPrecision(3))}%` },
    },
    series: [
      ...(range === null ? [] : [rangeSeries(range, octaves)]),
      bars("above zero", PALETTE.series1.light, (bin) => (fits(bin.octave) ? bin.positive : 0)),
      bars("above zero, does not fit", PALETTE.alarm.light, (bin) => (fits(bin.octave) ? 0 : bin.positive)),
      bars("rounded to zero", PALETTE.series8.light, ({ flushed }) => flushed),
      bars("below zero", PALETTE.series7.light, (bin) => (fits(bin.octave) ? -bin.negative : 0)),
      bars("below zero, does not fit", PALETTE.alarm.light, (bin) => (fits(bin.octave) ? 0 : -bin.negative)),
    ],
  };
  return { height: HEIGHT, option };
}

/** The octaves that the format holds, shaded over the whole height. */
function rangeSeries({ low, high }: { low: number; high: number }, octaves: readonly number[]): ChartSeries {
  const [first = 0, last = 0] = [octaves[0], octaves.at(-1)];
  const [from, to] = [Math.max(low, first), Math.min(high, last)];
  return {
    type: "custom",
    silent: true,
    z: 0,
    data: from > to ? [] : [[from - first, to - first]],
    encode: { x: [0, 1], y: [] },
    renderItem: (parameters, api) => {
      const box = parameters.coordSys as unknown as { x: number; y: number; width: number; height: number };
      const step = box.width / octaves.length;
      const [start, end] = [Number(api.value(0)), Number(api.value(1))];
      return {
        type: "rect",
        shape: { x: box.x + start * step, y: box.y, width: (end - start + 1) * step, height: box.height },
        style: { fill: PALETTE.range.light },
      };
    },
  };
}
