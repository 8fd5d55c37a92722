/** The tables of an experiment for people: in the terminal and as Markdown. */
import type {
  ExperimentEntry,
  ExperimentReport,
  ExperimentRow,
  ExperimentTable,
} from "../../results/experiment-report.ts";
import { type Column, NOTHING, tableText } from "./table.ts";

export function experimentText({ measure, tables }: ExperimentReport): string {
  return tables
    .map((table) => `${headline(table, measure)}\n${textTable(table)}\n${table.notes.join("\n")}`)
    .join("\n\n");
}

/** The same as Markdown: the bottleneck is bold, the paper's rows are in italics. */
export function experimentMarkdown({ measure, tables }: ExperimentReport): string {
  return tables
    .map((table) => `${headline(table, measure)}\n\n${markdownTable(table)}\n\n${table.notes.join("\n")}`)
    .join("\n\n");
}

function headline({ paper, title }: ExperimentTable, measure: string): string {
  return `${paper}. ${title}; ${measure}.`;
}

function textTable(table: ExperimentTable): string {
  const cells = cellRows(
    table,
    (entry, text) => (entry.bottleneck ? `${text} *` : text),
    (name) => name,
  );
  const columns = [table.rowTitle, ...table.columns].map(
    (title, index): Column<readonly string[]> => ({
      title,
      align: index === 0 ? "left" : "right",
      cell: (row) => row[index] ?? "",
    }),
  );
  return tableText(columns, cells);
}

function markdownTable(table: ExperimentTable): string {
  const cells = cellRows(
    table,
    (entry, text) => (entry.bottleneck ? `**${text}** *bottleneck*` : text),
    (name, { source }) => (source === "paper" ? `*${name}*` : name),
  );
  const line = (row: readonly string[]): string => `| ${row.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
  const header = [table.rowTitle, ...table.columns];
  return [line(header), line(header.map((_, index) => (index === 0 ? "---" : "---:"))), ...cells.map(line)].join("\n");
}

/** A row of texts for each row, and one below it for intervals where it has any. */
function cellRows(
  table: ExperimentTable,
  mark: (entry: ExperimentEntry, text: string) => string,
  nameOf: (name: string, row: ExperimentRow) => string,
): readonly (readonly string[])[] {
  return table.rows.flatMap((row) => {
    const entries = row.entries.map((entry) =>
      entry === null ? NOTHING : mark(entry, entryText(entry, table.form, row.source)),
    );
    const cells = [[nameOf(row.name, row), ...entries]];
    const hasIntervals = table.form !== "format" && row.entries.some((entry) => entry?.figure95 != null);
    if (hasIntervals) cells.push(["95 %", ...row.entries.map((entry) => intervalText(entry))]);
    return cells;
  });
}

type Source = ExperimentRow["source"];

const ENTRY_TEXTS: Readonly<Record<ExperimentTable["form"], (entry: ExperimentEntry, source: Source) => string>> = {
  figure: ({ figure }, source) => figureText(figure, source),
  "figure and fraction": ({ figure, fractionLength }, source) => `${figureText(figure, source)}, ${fractionLength}`,
  format: ({ wordLength, fractionLength }) => `${wordLength},${fractionLength}`,
};

/** An entry as the paper's tables have it. */
export function entryText(entry: ExperimentEntry, form: ExperimentTable["form"], source: Source): string {
  return ENTRY_TEXTS[form](entry, source);
}

/** The paper gives two decimals. */
const DECIMALS: Readonly<Record<Source, number>> = { macroscope: 3, paper: 2 };

function figureText(figure: number | null, source: Source): string {
  return figure === null ? NOTHING : figure.toFixed(DECIMALS[source]);
}

export function intervalText(entry: ExperimentEntry | null): string {
  const interval = entry?.figure95;
  return interval == null ? "" : `${interval[0].toFixed(3)} … ${interval[1].toFixed(3)}`;
}
