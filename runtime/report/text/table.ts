import Table from "cli-table3";
import { pageWidth } from "../page-width.ts";

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

/** A column with its texts, and characters that they take. */
interface FilledColumn {
  readonly title: string;
  readonly align: "left" | "right";
  readonly cells: readonly string[];
  readonly width: number;
}

/**
 * Rows under their titles, without borders; a column in which no row has anything to say is left out. What the page has no room for
 * stands below, between columns, with the columns that name the rows before it.
 */
export function tableText<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const filled = columns
    .map((column) => ({ ...column, cells: rows.map(column.cell) }))
    .filter(({ cells }) => cells.some((cell) => cell !== NOTHING && cell !== ""))
    .map(({ title, align, cells, maxWidth = Number.POSITIVE_INFINITY }): FilledColumn => {
      const longest = cells.reduce((most, { length }) => Math.max(most, length), 0);
      return { title, align, cells, width: Math.max(title.length, Math.min(maxWidth, longest)) };
    });
  return brokenColumns(filled, pageWidth())
    .map((part) => partText(part, rows.length))
    .join("\n\n");
}

const widthOf = (columns: readonly FilledColumn[]): number =>
  columns.reduce((sum, { width }) => sum + width, 0) + GAP.length * Math.max(0, columns.length - 1);

/** Columns that name a row: those at the left of its first numbers, at most two. */
const NAMING_COLUMNS = 2;

/** Parts that fit the page, each as full as can be; one column that does not fit has a part of its own. */
function brokenColumns(columns: readonly FilledColumn[], page: number): readonly (readonly FilledColumn[])[] {
  if (widthOf(columns) <= page) return [columns];
  const firstNumber = columns.findIndex(({ align }) => align === "right");
  const naming = columns.slice(0, Math.min(NAMING_COLUMNS, firstNumber < 0 ? 1 : firstNumber));
  const names = widthOf(naming) <= page / 2 ? naming : [];
  const parts: FilledColumn[][] = [];
  let part: FilledColumn[] = [];
  for (const column of columns.slice(names.length)) {
    if (part.length > 0 && widthOf([...names, ...part, column]) > page) {
      parts.push(part);
      part = [];
    }
    part.push(column);
  }
  return [...parts, part].map((own) => [...names, ...own]);
}

function partText(filled: readonly FilledColumn[], rows: number): string {
  const table = new Table({
    head: filled.map(({ title }) => title),
    colAligns: filled.map(({ align }) => align),
    colWidths: filled.map(({ width }) => width),
    wordWrap: true,
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 0 },
    chars: BORDERLESS,
  });
  for (let index = 0; index < rows; index++) table.push(filled.map(({ cells }) => cells[index] ?? ""));
  return table.toString().replace(/ +$/gm, "");
}

/** Stands where there is nothing to show. */
export const NOTHING = "–";
