import type { EnergyEntry } from "../../results/run-report.ts";
import { significant } from "../text/wording.ts";
import { horizontalBars } from "./bars.ts";
import type { Chart } from "./chart.ts";
import { PALETTE } from "./palette.ts";

/** Components of their own row. */
const ROWS = 20;

/** Which part of the machine the energy of an image goes to, the largest first. */
export function energyComponents({ byComponent, totalPj, table }: EnergyEntry): Chart | null {
  const sorted = Object.entries(byComponent)
    .filter(([, pj]) => pj > 0)
    .sort(([, a], [, b]) => b - a);
  if (sorted.length === 0 || totalPj <= 0) return null;
  const rest = sorted.slice(ROWS).reduce((sum, [, pj]) => sum + pj, 0);
  const rows = [...sorted.slice(0, ROWS), ...(rest > 0 ? [["others", rest] as const] : [])];
  return horizontalBars({
    id: "energy-components",
    title: "Energy by component",
    caption: `Share of every component in the energy, from the counted actions and the table ${table}.`,
    rows: rows.map(([name]) => words(name)),
    groups: [{ name: "energy", colour: PALETTE.series2.light, values: rows.map(([, pj]) => pj / totalPj) }],
    stacked: false,
    label: (value) => `${significant(100 * value)} %`,
    share: true,
  });
}

/** `weight scratchpad` for `weightScratchpad`. */
function words(name: string): string {
  return name === "dram"
    ? "DRAM"
    : name.replace(/([a-z])([A-Z])/g, (_all, a: string, b: string) => `${a} ${b.toLowerCase()}`);
}
