import type { CycleEntry } from "../../results/run-report.ts";
import { horizontalBars } from "./bars.ts";
import type { Chart } from "./chart.ts";
import { PALETTE, seriesColour } from "./palette.ts";
import { ownEntry } from "./registers.ts";

/** What every unit does with its cycles: works, waits for another (by cause), has nothing left to do. */
export function unitTime({ byUnit, total }: CycleEntry): Chart | null {
  const units = Object.entries(byUnit);
  if (units.length === 0 || total <= 0) return null;
  const causes = [...new Set(units.flatMap(([, { stalls }]) => Object.keys(stalls)))];
  const values = (cycles: (unit: (typeof units)[number][1]) => number): number[] =>
    units.map(([, unit]) => cycles(unit) / total);
  return horizontalBars({
    id: "unit-time",
    title: "What the units do with their cycles",
    caption:
      "Per unit: cycles in which it works, cycles in which it waits, by what it waits for, and cycles in which it has nothing to do.",
    rows: units.map(([name]) => name),
    groups: [
      { name: "busy", colour: PALETTE.series3.light, values: values(({ busy }) => busy) },
      ...causes.map((cause, index) => ({
        name: `waits for ${cause}`,
        colour: WAITING[index] ?? seriesColour(index),
        values: values(({ stalls }) => ownEntry(stalls, cause) ?? 0),
      })),
      { name: "idle", colour: PALETTE.line.light, values: values(({ idle }) => idle) },
    ],
    stacked: true,
    label: null,
    share: true,
  });
}

const WAITING: readonly string[] = [
  PALETTE.series2.light,
  PALETTE.series5.light,
  PALETTE.series6.light,
  PALETTE.series4.light,
  PALETTE.series7.light,
  PALETTE.series8.light,
];
