import type { ClassEntry } from "../../results/run-report.ts";
import { AXIS, type Chart, type Drawing, legendAbove, PAGE_WIDTHS } from "./chart.ts";
import { errorBars } from "./error-bars.ts";
import { PALETTE } from "./palette.ts";

/** Classes that are drawn: with more, the ones that lose most. */
const CLASSES = 30;

/** Accuracy by class with intervals; null for less than two classes. */
export function accuracyByClass(classes: readonly ClassEntry[]): Chart | null {
  if (classes.length < 2) return null;
  const loss = ({ fixed, float }: ClassEntry): number => (float ?? 1) - fixed;
  const shown = classes.toSorted((a, b) => loss(b) - loss(a)).slice(0, CLASSES);
  const cut = classes.length > shown.length;
  if (!cut) shown.sort((a, b) => a.class - b.class);
  return {
    id: "class-accuracy",
    title: "Accuracy by class",
    caption: cut
      ? `The ${CLASSES} of ${classes.length} classes that lose most against float, with 95 % intervals.`
      : "Share of the images of every class that are right, with 95 % intervals.",
    widths: PAGE_WIDTHS,
    draw: (width) => drawing(shown, width),
  };
}

function drawing(classes: readonly ClassEntry[], width: number): Drawing {
  const names = ["fixed point", "float32"];
  const { height, legend } = legendAbove(names, width);
  const { heat3, series2, ink } = PALETTE;
  const option: Drawing["option"] = {
    legend: { ...legend, itemWidth: 12, itemHeight: 12 },
    grid: { left: 4, right: 8, top: height + 8, bottom: 34, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    xAxis: {
      ...AXIS,
      type: "category",
      data: classes.map((entry) => `${entry.class}`),
      name: "class",
      nameLocation: "middle",
      nameGap: 28,
    },
    yAxis: { ...AXIS, type: "value", min: 0, max: 100, axisLabel: { ...AXIS.axisLabel, formatter: "{value} %" } },
    series: [
      {
        type: "bar",
        name: "fixed point",
        silent: true,
        barMaxWidth: 36,
        itemStyle: { color: heat3.light },
        data: classes.map(({ fixed }) => 100 * fixed),
      },
      {
        type: "scatter",
        name: "float32",
        silent: true,
        symbol: "diamond",
        symbolSize: 9,
        z: 5,
        itemStyle: { color: series2.light, opacity: 1 },
        data: classes.flatMap(({ float }, index) => (float === null ? [] : [[index, 100 * float]])),
      },
      errorBars(
        classes.map(({ fixed95: [low, high] }, index) => [index, 100 * low, 100 * high]),
        ink.light,
      ),
    ],
  };
  return { height: 250 + height, option };
}
