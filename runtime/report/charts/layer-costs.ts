import type { RunReport } from "../../results/run-report.ts";
import { horizontalBars } from "./bars.ts";
import { type Chart, withoutCommonParts } from "./chart.ts";
import { PALETTE } from "./palette.ts";

/** Layers of their own row; the rest of a large network share one. */
const ROWS = 40;

/** Where cycles and energy go, layer by layer; null for a result without a machine. */
export function layerCosts({ layers, cycles, energy }: RunReport): Chart | null {
  if (cycles === null || energy === null || layers.length === 0) return null;
  const names = withoutCommonParts(layers.map(({ name }) => name));
  const all = layers.map((layer, index) => ({
    name: names[index] ?? layer.name,
    cycles: share(layer.cycles, cycles.perImage),
    energy: share(layer.energyPj, energy.perImagePj),
  }));
  const weight = (layer: (typeof all)[number]): number => Math.max(layer.cycles, layer.energy);
  const shown = new Set(
    all.toSorted((a, b) => weight(b) - weight(a)).slice(0, all.length > ROWS + 1 ? ROWS : ROWS + 1),
  );
  const rest = all.filter((layer) => !shown.has(layer));
  const sum = (key: "cycles" | "energy"): number => rest.reduce((total, layer) => total + layer[key], 0);
  const rows = [
    ...all.filter((layer) => shown.has(layer)),
    ...(rest.length === 0 ? [] : [{ name: `${rest.length} others`, cycles: sum("cycles"), energy: sum("energy") }]),
  ];
  return horizontalBars({
    id: "layer-costs",
    title: "Cycles and energy by layer",
    caption: `Share of each layer in the cycles and in the energy of one image, in the order of the network.${
      rest.length === 0 ? "" : ` The ${ROWS} that cost most have rows of their own.`
    }`,
    rows: rows.map(({ name }) => name),
    groups: [
      { name: "cycles", colour: PALETTE.series1.light, values: rows.map((row) => row.cycles) },
      { name: "energy", colour: PALETTE.series2.light, values: rows.map((row) => row.energy) },
    ],
    stacked: false,
    label: (value) => `${(100 * value).toFixed(1)} %`,
    share: true,
  });
}

function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}
