import Table from "cli-table3";

/** A column of a table for people. */
export interface Column<Row> {
  readonly title: string;
  readonly align: "left" | "right";
  readonly cell: (row: Row) => string;
  /** Widest the column may become; longer cells are wrapped at blanks. */
  readonly maxWidth?: number;
}

const GAP = "  ";

const BORDERLESS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: GAP,
};

/** Rows under their titles, without borders; a column in which no row has anything to say is left out. */
export function tableText<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const filled = columns
    .map((column) => ({ ...column, cells: rows.map(column.cell) }))
    .filter(({ cells }) => cells.some((cell) => cell !== NOTHING && cell !== ""));
  const table = new Table({
    head: filled.map(({ title }) => title),
    colAligns: filled.map(({ align }) => align),
    colWidths: filled.map(({ title, cells, maxWidth = Number.POSITIVE_INFINITY }) =>
      Math.max(title.length, Math.min(maxWidth, Math.max(...cells.map(({ length }) => length)))),
    ),
    wordWrap: true,
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 0 },
    chars: BORDERLESS,
  });
  for (const index of rows.keys()) table.push(filled.map(({ cells }) => cells[index] ?? ""));
  return table.toString().replace(/ +$/gm, "");
}

/** Stands where there is nothing to show. */
export const NOTHING = "–";
