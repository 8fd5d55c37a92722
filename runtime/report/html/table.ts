import { NOTHING } from "../text/table.ts";
import { type Content, html, type Markup } from "./markup.ts";

export interface HtmlColumn<Row> {
  readonly title: string;
  readonly align: "left" | "right";
  readonly cell: (row: Row) => Content;
}

/** Rows of a table; more are cut off and said to be. */
const ROWS = 2000;

/** A table in a box of its own, in which it scrolls; a column in which no row has anything to say is left out. */
export function htmlTable<Row>(caption: string, columns: readonly HtmlColumn<Row>[], rows: readonly Row[]): Markup {
  const shown = rows.slice(0, ROWS);
  const filled = columns
    .map((column) => ({ ...column, cells: shown.map(column.cell) }))
    .filter(({ cells }) => cells.some((cell) => cell !== NOTHING && cell !== "" && cell !== null));
  const head = filled.map(({ title, align }) => html`<th scope="col" class="${align}">${title}</th>`);
  const body = shown.map((_row, index) => {
    const cells = filled.map(({ align, cells }, column) =>
      column === 0
        ? html`<th scope="row" class="${align}">${cells[index] ?? null}</th>`
        : html`<td class="${align}">${cells[index] ?? null}</td>`,
    );
    return html`<tr>${cells}</tr>\n`;
  });
  const cut =
    rows.length > ROWS
      ? html`<p class="note">The first ${ROWS} of ${rows.length} rows; the result file has all.</p>`
      : null;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption>
<thead><tr>${head}</tr></thead>
<tbody>${body}</tbody></table></div>${cut}`;
}
