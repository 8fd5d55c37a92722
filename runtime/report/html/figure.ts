import { type Chart, isNarrow } from "../charts/chart.ts";
import { pageSvg } from "../charts/svg.ts";
import { html, Markup } from "./markup.ts";

/** A chart with its title and how to read it, once for every width it is drawn in; the page shows the one that fits. */
export function figure(chart: Chart, prefix: string): Markup {
  const drawings = chart.widths.map((width, index) => {
    const svg = new Markup(pageSvg(chart, width, `${prefix}-${chart.id}-${index}`));
    const kind = chart.widths.length === 1 ? "any" : isNarrow(width) ? "narrow" : "wide";
    return html`<div class="chart ${kind}">${svg}</div>\n`;
  });
  return html`<figure id="${prefix}-${chart.id}"><figcaption><strong>${chart.title}</strong> ${chart.caption}</figcaption>
${drawings}</figure>
`;
}
