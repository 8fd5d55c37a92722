import type { BitsReport, MeasuredAssignment, Objective, TargetKind, Trial } from "../../results/bits-report.ts";
import type { CandidateCost } from "../../results/evaluation.ts";
import { BETTER } from "../text/bits-text.ts";
import { significant } from "../text/wording.ts";
import {
  AXIS,
  type Chart,
  type Drawing,
  exactNumber,
  isNarrow,
  legendAbove,
  PAGE_WIDTHS,
  shortNumber,
} from "./chart.ts";
import type { ChartSeries } from "./echarts.ts";
import { PALETTE } from "./palette.ts";

/** The cost that an objective looks at, and its unit. */
const COSTS: Readonly<Record<Objective, { readonly axis: string; readonly of: (cost: CandidateCost) => number }>> = {
  bits: { axis: "stored bits", of: ({ storedBits }) => storedBits },
  energy: { axis: "energy of one image, nJ", of: ({ energyPjPerImage }) => energyPjPerImage / 1000 },
  dsp: { axis: "DSP blocks", of: ({ dspBlocks }) => dspBlocks },
  weighted: { axis: "stored bits", of: ({ storedBits }) => storedBits },
};

const FIGURES: Readonly<Record<TargetKind, string>> = {
  relative: "relative accuracy",
  agreement: "same class as float",
  "top1-drop": "lost accuracy, points",
  sqnr: "SQNR, dB",
  "mean-error": "mean error",
  "largest-error": "largest error",
};

/** How far on either side of the target a decision lies, in the figure's unit; errors are compared by their ratio. */
const AROUND: Readonly<Record<TargetKind, (target: number) => number>> = {
  relative: () => 0.03,
  agreement: () => 0.03,
  "top1-drop": () => 3,
  sqnr: () => 6,
  "mean-error": (target) => target,
  "largest-error": (target) => target,
};

/**
 * What the axis of the figure shows: what is near the target or better than it, so that far misses do not press together what is
 * decided. The bad end lies as far behind the target as the best figure lies before it, and a few points at least.
 */
export function decisionRange(kind: TargetKind, target: number, figures: readonly number[]): readonly [number, number] {
  const higher = BETTER[kind] === "higher";
  const least = AROUND[kind](target) || 1;
  const finite = figures.filter(Number.isFinite);
  const gain = finite.reduce((most, figure) => Math.max(most, higher ? figure - target : target - figure), 0);
  const loss = Math.max(least, gain);
  return higher
    ? [target - loss, target + 1.1 * Math.max(gain, least / 4)]
    : [target - 1.1 * Math.max(gain, least / 4), target + loss];
}

/** Candidates that are drawn: more would hide each other. */
const TRIALS = 5000;

type Point = readonly [cost: number, figure: number];

/** Every candidate of a search: what it costs against what it keeps, the front among them and what was chosen; null without costs. */
export function paretoFront(report: BitsReport): Chart | null {
  const { axis, of } = COSTS[report.objective];
  const point = ({ cost, figure }: Trial): Point[] => (cost === null ? [] : [[of(cost), figure]]);
  const front = report.front
    .slice(0, TRIALS)
    .flatMap((index) => report.trials[index] ?? [])
    .flatMap(point);
  const drawn = report.trials.slice(0, TRIALS);
  const kept = drawn.filter(({ verdict }) => verdict === "kept").flatMap(point);
  const missed = drawn.filter(({ verdict }) => verdict === "missed").flatMap(point);
  const measured = (assignment: MeasuredAssignment | null): Point[] =>
    assignment?.cost ? [[of(assignment.cost), assignment.search.figure]] : [];
  if (kept.length + missed.length === 0) return null;
  const { kind, value } = report.target;
  return {
    id: "pareto-front",
    title: `What accuracy costs: ${axis} against ${FIGURES[kind]}`,
    caption:
      "Every point is a candidate, measured on the images of the search; those on the line are bettered by none in both. " +
      "Triangles at the edge lie beyond it. " +
      `The dashed line is the target, ${significant(value)}.`,
    widths: PAGE_WIDTHS,
    draw: (width) =>
      drawing(
        {
          axes: [axis, FIGURES[kind]],
          target: value,
          range: decisionRange(
            kind,
            value,
            [...kept, ...measured(report.uniform)].map(([, figure]) => figure),
          ),
          missed,
          kept,
          front: front.toSorted(([a], [b]) => a - b),
          uniform: measured(report.uniform),
          chosen: measured(report.chosen),
        },
        width,
      ),
  };
}

interface Points {
  readonly axes: readonly [cost: string, figure: string];
  readonly target: number;
  /** Of the figure. */
  readonly range: readonly [low: number, high: number];
  readonly missed: readonly Point[];
  readonly kept: readonly Point[];
  readonly front: readonly Point[];
  readonly uniform: readonly Point[];
  readonly chosen: readonly Point[];
}

function drawing({ axes, target, range: [low, high], ...points }: Points, width: number): Drawing {
  const isNear = ([, figure]: Point): boolean => figure >= low && figure <= high;
  const near = (all: readonly Point[]): readonly Point[] => all.filter(isNear);
  const beyond = [points.missed, points.kept].flat().filter((point) => !isNear(point));
  const edge = beyond.map(([cost, figure]): Point => [cost, figure < low ? low : high]);
  const [missed, kept, front] = [near(points.missed), near(points.kept), near(points.front)];
  const [uniform, chosen] = [near(points.uniform), near(points.chosen)];
  const { muted, series1, series2, series4, good } = PALETTE;
  const costs = [...missed, ...kept, ...edge, ...uniform, ...chosen].map(([cost]) => cost);
  const [least, most] = [Math.min(...costs), Math.max(...costs)];
  const room = most > least ? 0.04 * (most - least) : Math.max(1, Math.abs(most)) * 0.05;
  const [from, to] = [Math.max(0, least - room), most + room];
  const scatter = (
    name: string,
    colour: string,
    symbol: string,
    size: number,
    points: readonly Point[],
  ): ChartSeries => ({
    type: "scatter",
    name,
    silent: true,
    symbol,
    symbolSize: size,
    itemStyle: { color: colour, opacity: 1, borderColor: PALETTE.surface.light, borderWidth: size > 10 ? 1.5 : 0 },
    z: size,
    data: points.map((point) => [...point]),
  });
  const all: ChartSeries[] = [
    scatter("far beyond the edge", muted.light, "triangle", 7, edge),
    scatter("target missed", muted.light, "circle", 5, missed),
    scatter("target kept", series1.light, "circle", 6, kept),
    {
      type: "line",
      name: "front",
      silent: true,
      symbol: "circle",
      symbolSize: 7,
      showAllSymbol: true,
      lineStyle: { color: series4.light, width: 1.5 },
      itemStyle: { color: series4.light },
      z: 8,
      data: front.map((point) => [...point]),
    },
    scatter("best uniform format", series2.light, "rect", 12, uniform),
    scatter("chosen", good.light, "diamond", 18, chosen),
  ];
  const series = all.filter(({ data }) => Array.isArray(data) && data.length > 0);
  const { height, legend } = legendAbove([...series.map(({ name }) => String(name)), "target"], width);
  series.push({
    type: "line",
    name: "target",
    silent: true,
    symbol: "none",
    lineStyle: { color: muted.light, width: 1.5, type: "dashed" },
    itemStyle: { color: muted.light },
    data: [
      [from, target],
      [to, target],
    ],
  });
  const narrow = isNarrow(width);
  const option: Drawing["option"] = {
    legend,
    grid: {
      left: 4,
      right: 20,
      top: height + 26,
      bottom: 34,
      outerBoundsMode: "same",
      outerBoundsContain: "axisLabel",
    },
    xAxis: {
      ...AXIS,
      type: "value",
      min: from,
      max: to,
      splitNumber: narrow ? 3 : 6,
      name: axes[0],
      nameLocation: "middle",
      nameGap: 28,
      axisLine: { ...AXIS.axisLine, onZero: false },
      splitLine: { show: false },
      axisLabel: { ...AXIS.axisLabel, showMinLabel: false, showMaxLabel: false, formatter: shortNumber },
    },
    yAxis: {
      ...AXIS,
      type: "value",
      scale: true,
      min: low,
      max: high,
      name: axes[1],
      nameTextStyle: { ...AXIS.nameTextStyle, align: "left", padding: [0, 0, 0, -20] },
      axisLabel: { ...AXIS.axisLabel, showMinLabel: false, showMaxLabel: false, formatter: exactNumber },
    },
    series,
  };
  return { height: (narrow ? 260 : 380) + height, option };
}
