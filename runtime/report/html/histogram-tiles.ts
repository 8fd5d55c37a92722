import type { LayerEntry, RunReport } from "../../results/run-report.ts";
import type { Chart } from "../charts/chart.ts";
import { type ObservedRegister, valueHistogram } from "../charts/value-histogram.ts";
import { figure } from "./figure.ts";
import { html, type Markup } from "./markup.ts";

/** Histograms on a page; the result file has all. */
const TILES = 24;

/** Values against formats, for the registers that deserve it most; null where no histogram was taken. */
export function histogramTiles(
  { layers }: RunReport,
  prefix: string,
): { readonly body: Markup; readonly charts: readonly Chart[] } | null {
  const registers = layers.flatMap((layer) =>
    Object.entries(layer.registers).map(([register, entry]) => ({ layer, register, entry })),
  );
  const drawable = registers
    .map((place, order) => ({ ...place, order, chart: valueHistogram(tile(place), order) }))
    .filter((place) => place.chart !== null);
  if (drawable.length === 0) return null;
  const chosen = drawable
    .toSorted((a, b) => b.entry.overflow - a.entry.overflow || b.layer.energyPj - a.layer.energyPj || a.order - b.order)
    .slice(0, TILES)
    .sort((a, b) => a.order - b.order);
  const charts = chosen.map(({ chart }) => chart).filter((chart) => chart !== null);
  const rest =
    drawable.length > TILES
      ? html`<p class="note">${TILES} of ${drawable.length} registers: those that overflowed, then those of the layers that take most energy.</p>`
      : null;
  const body = html`<h3>Values against formats</h3>
<p class="note">Share of the observed values by magnitude, before the fit: a bar at n counts those from 2ⁿ⁻¹ to 2ⁿ.</p>
<ul class="key"><li><i class="ground-series-1"></i>above zero</li><li><i class="ground-series-7"></i>below zero</li><li><i class="ground-series-8"></i>rounded to zero</li><li><i class="ground-alarm"></i>beyond the format</li><li><i class="ground-range"></i>what the format holds</li></ul>
<div class="tiles">${charts.map((chart) => figure(chart, prefix))}</div>${rest}`;
  return { body, charts };
}

function tile({
  layer,
  register,
  entry,
}: {
  layer: LayerEntry;
  register: string;
  entry: ObservedRegister["entry"];
}): ObservedRegister {
  return { layer: layer.name, register, entry };
}
