import type { ExperimentReport, ExperimentTable } from "../../results/experiment-report.ts";
import { entryText, intervalText } from "../text/experiment-text.ts";
import { NOTHING } from "../text/table.ts";
import { type Content, html, type Markup } from "./markup.ts";
import { type HtmlColumn, htmlTable } from "./table.ts";

/** The tables of an experiment in the paper's layout, its own rows beside ours. */
export function experimentTables({ measure, tables }: ExperimentReport): Markup {
  return html`${tables.map((table) => experimentTable(table, measure))}`;
}

function experimentTable(table: ExperimentTable, measure: string): Markup {
  const { paper, title, rowTitle, columns, rows, notes } = table;
  type Row = (typeof rows)[number];
  const all: readonly HtmlColumn<Row>[] = [
    { title: rowTitle, align: "left", cell: ({ name }) => name },
    { title: "of", align: "left", cell: ({ source }) => (source === "paper" ? html`<em>paper</em>` : source) },
    ...columns.map(
      (column, index): HtmlColumn<Row> => ({
        title: column,
        align: "right",
        cell: (row) => entryCell(table, row, index),
      }),
    ),
  ];
  return html`<h3>${paper}. ${title}</h3>
<p class="note">${measure}; bold: the bottleneck, whose format the whole network needs.</p>
${htmlTable(`${paper}. ${title}`, all, rows)}
${notes.map((note) => html`<p class="note">${note}</p>`)}`;
}

/** The entry as the paper writes it, its interval below it. */
function entryCell(
  { form }: ExperimentTable,
  { entries, source }: ExperimentTable["rows"][number],
  index: number,
): Content {
  const entry = entries[index] ?? null;
  if (entry === null) return NOTHING;
  const text = entryText(entry, form, source);
  const interval = form === "format" ? "" : intervalText(entry);
  const written = entry.bottleneck ? html`<strong>${text}</strong>` : text;
  return interval === "" ? written : html`${written}<br><small>${interval}</small>`;
}
