import type { NamedResult, Result } from "../../results/result.ts";
import type { Chart } from "../charts/chart.ts";
import { runCurves } from "../charts/run-curves.ts";
import { NOTHING } from "../text/table.ts";
import { grouped, percent, percentRange, significant } from "../text/wording.ts";
import { figure } from "./figure.ts";
import { html, type Markup } from "./markup.ts";
import { type HtmlColumn, htmlTable } from "./table.ts";

interface Entry extends NamedResult {
  readonly id: string;
  readonly heading: string;
}

/** Several results side by side, with links to their sections. */
export function overview(entries: readonly Entry[]): { readonly body: Markup; readonly charts: readonly Chart[] } {
  const chart = runCurves(entries);
  const columns: readonly HtmlColumn<Entry>[] = [
    { title: "result", align: "left", cell: ({ id, name }) => html`<a href="#${id}">${name}</a>` },
    { title: "what", align: "left", cell: ({ heading }) => heading },
    { title: "accuracy", align: "right", cell: ({ result }) => figuresOf(result).accuracy },
    { title: "95 %", align: "right", cell: ({ result }) => figuresOf(result).interval },
    { title: "overflows", align: "right", cell: ({ result }) => figuresOf(result).overflow },
    { title: "cycles", align: "right", cell: ({ result }) => figuresOf(result).cycles },
    { title: "energy, µJ", align: "right", cell: ({ result }) => figuresOf(result).energy },
  ];
  const body = html`<nav aria-label="Results">${htmlTable("Results at a glance", columns, entries)}</nav>
${chart === null ? null : figure(chart, "overview")}`;
  return { body, charts: chart === null ? [] : [chart] };
}

type Figures = Readonly<Record<"accuracy" | "interval" | "overflow" | "cycles" | "energy", string>>;

const UNKNOWN: Figures = { accuracy: NOTHING, interval: NOTHING, overflow: NOTHING, cycles: NOTHING, energy: NOTHING };

function figuresOf(result: Result): Figures {
  if (result.schema === "macroscope/run/1") {
    const { accuracy, overflow, cycles, energy } = result;
    return {
      accuracy: accuracy === null ? NOTHING : percent(accuracy.fixed),
      interval: accuracy === null ? NOTHING : percentRange(accuracy.fixed95),
      overflow: grouped(overflow.total),
      cycles: cycles === null ? NOTHING : grouped(cycles.perImage),
      energy: energy === null ? NOTHING : significant(energy.perImagePj / 1e6),
    };
  }
  if (result.schema !== "macroscope/bits/1" || result.chosen === null) return UNKNOWN;
  const { cost, search, final } = result.chosen;
  const { accuracy, overflow } = final ?? search;
  return {
    accuracy: accuracy === null ? NOTHING : percent(accuracy.fixed),
    interval: accuracy === null ? NOTHING : percentRange(accuracy.fixed95),
    overflow: grouped(overflow),
    cycles: cost === null ? NOTHING : grouped(cost.cyclesPerImage),
    energy: cost === null ? NOTHING : significant(cost.energyPjPerImage / 1e6),
  };
}
