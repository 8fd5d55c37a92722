/** A page of results: one file, readable offline, without scripts and without anything to be fetched. */
import { createHash } from "node:crypto";
import type { BitsReport } from "../../results/bits-report.ts";
import type { CompareReport } from "../../results/compare-report.ts";
import type { NamedResult, Result } from "../../results/result.ts";
import type { ResultSchema } from "../../results/result-schemas.ts";
import type { RunReport } from "../../results/run-report.ts";
import type { SweepReport } from "../../results/sweep-report.ts";
import type { Chart } from "../charts/chart.ts";
import { bitsSection } from "./bits-section.ts";
import { compareSection } from "./compare-section.ts";
import { html, Markup } from "./markup.ts";
import { overview } from "./overview.ts";
import { runSection } from "./run-section.ts";
import type { Section } from "./section.ts";
import { STYLE } from "./style.ts";
import { sweepSection } from "./sweep-section.ts";

const SECTIONS: {
  readonly [Schema in ResultSchema]: (
    result: Extract<Result, { schema: Schema }>,
    prefix: string,
    file: string | null,
  ) => Section;
} = {
  "macroscope/run/1": (result: RunReport, prefix, file) => runSection(result, prefix, file),
  "macroscope/sweep/1": (result: SweepReport, prefix, file) => sweepSection(result, prefix, file),
  "macroscope/bits/1": (result: BitsReport, prefix, file) => bitsSection(result, prefix, file),
  "macroscope/compare/1": (result: CompareReport, prefix, file) => compareSection(result, prefix, file),
};

export interface Page {
  /** The whole HTML file. */
  readonly html: string;
  /** Its charts by the names of the files they would have, without a folder. */
  readonly charts: ReadonlyMap<string, Chart>;
}

/** One or several results as a page. `version` is that of the program that writes it. */
export function reportPage(results: readonly NamedResult[], version: string): Page {
  const sections = results.map((named, index) => ({ ...named, id: `result-${index + 1}`, ...sectionOf(named, index) }));
  const [first] = sections;
  const above = results.length > 1 ? overview(sections) : null;
  const title = sections.length === 1 && first !== undefined ? first.heading : `${sections.length} results`;
  const body = html`<header><h1>${title}</h1>
<p class="subtitle">${sections.length === 1 && first !== undefined ? first.subtitle : sections.map(({ name }) => name).join(", ")}</p></header>
<main>${above?.body ?? null}
${sections.map(
  (section) => html`<section id="${section.id}">${
    sections.length === 1
      ? null
      : html`<h2>${section.heading}</h2><p class="subtitle">${section.name}: ${section.subtitle}</p>`
  }
${section.body}</section>
`,
)}</main>
<footer><p>Written by macroscope ${version}. Intervals are 95 % intervals: Wilson’s for shares, a paired bootstrap for relative accuracy.</p></footer>`;
  const charts = new Map((above?.charts ?? []).map((chart) => [`overview-${chart.id}.svg`, chart]));
  for (const { id, charts: own } of sections) {
    const prefix = sections.length === 1 ? "" : `${id}-`;
    for (const chart of own) charts.set(`${prefix}${chart.id}.svg`, chart);
  }
  return { html: document(title, body), charts };
}

function sectionOf({ result, file }: NamedResult, index: number): Section {
  const render = SECTIONS[result.schema] as (result: Result, prefix: string, file: string | null) => Section;
  return render(result, `r${index + 1}`, file);
}

function document(title: string, body: Markup): string {
  const hash = createHash("sha256").update(STYLE).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title} – macroscope</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
${body}
</body>
</html>
`.text;
}
