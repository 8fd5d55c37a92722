import type { LayerDifference } from "../../results/compare-report.ts";
import { horizontalBars } from "./bars.ts";
import { type Chart, withoutCommonParts } from "./chart.ts";
import { PALETTE } from "./palette.ts";

/** Layers that are drawn; the table goes on. */
const ROWS = 60;

/** Which share of each layer's elements differs between two computations; null where nothing was counted. */
export function layerDifferences(layers: readonly LayerDifference[], image: number, number: number): Chart | null {
  const counted = layers.filter(({ elements }) => elements > 0);
  if (counted.length === 0) return null;
  const names = withoutCommonParts(counted.map(({ layer }) => layer ?? "input"));
  const rows = counted.map(({ elements, different }, index) => ({
    name: names[index] ?? "",
    share: different / elements,
  }));
  const shown = rows.slice(0, ROWS);
  return horizontalBars({
    id: `differences-${number}`,
    title: "How the difference spreads",
    caption: `Share of the elements of every layer that differ, image ${image}.${
      rows.length > ROWS ? ` The first ${ROWS} of ${rows.length} layers.` : ""
    }`,
    rows: shown.map(({ name }) => name),
    groups: [{ name: "different", colour: PALETTE.series2.light, values: shown.map(({ share }) => share) }],
    stacked: false,
    label: (value) => `${Number((100 * value).toPrecision(3))} %`,
    share: true,
  });
}
