import { availableParallelism, cpus, loadavg, platform, totalmem } from "node:os";
import { type Column, tableText } from "../../runtime/report/text/table.ts";
import type { Rates } from "./measure.ts";
import type { Missing, Opponent } from "./opponents/opponent.ts";
import { TARGETS, type Target } from "./targets.ts";
import type { WorkerMemory } from "./worker-memory.ts";

/** One measured ratio. */
export interface Figure {
  /** Unique in a report. */
  readonly name: string;
  /** What was compared, in the words of its section. */
  readonly work: string;
  readonly ratio: number;
  /** The rates behind the ratio, in words. */
  readonly behind: string;
  readonly note: string;
}

export interface Section {
  readonly title: string;
  readonly figures: readonly Figure[];
}

/** A target with what was measured; `ratio` null where this run did not measure it. */
export interface Outcome extends Target {
  readonly ratio: number | null;
  readonly met: boolean;
  readonly behind: string;
}

export interface BenchReport {
  readonly schema: "macroscope/bench/2";
  readonly host: Host;
  readonly opponents: readonly (Pick<Opponent, "name" | "version"> | Missing)[];
  readonly rounds: number;
  /** Of one run of one contestant. */
  readonly seconds: number;
  readonly outcomes: readonly Outcome[];
  readonly sections: readonly Section[];
  readonly memory: WorkerMemory | null;
  /** Units per second, heat by heat and round by round: MACs, images or loop turns as the names say. */
  readonly rates: readonly Rates[];
}

export interface Host {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGigabytes: number;
  readonly platform: string;
  readonly node: string;
  readonly v8: string;
  /** Runnable threads of the last minute when the benchmark began: above 1, something else was running. */
  readonly loadAtStart: number;
}

export function describeHost(): Host {
  return {
    processor: cpus()[0]?.model ?? "unknown processor",
    processors: availableParallelism(),
    memoryGigabytes: Math.round(totalmem() / 1e9),
    platform: `${platform()} ${process.arch}`,
    node: process.version,
    v8: process.versions.v8,
    loadAtStart: loadavg()[0] ?? 0,
  };
}

/** Every target with the figure that was measured for it. */
export function outcomesOf(sections: readonly Section[]): readonly Outcome[] {
  const figures = new Map(sections.flatMap((section) => section.figures.map((figure) => [figure.name, figure])));
  return TARGETS.map((target) => {
    const figure = figures.get(target.figure);
    return {
      ...target,
      ratio: figure?.ratio ?? null,
      met: figure !== undefined && figure.ratio >= target.least,
      behind: figure?.behind ?? "",
    };
  });
}

/** Targets that were measured and missed. */
export function misses({ outcomes }: BenchReport): readonly Outcome[] {
  return outcomes.filter(({ ratio, met }) => ratio !== null && !met);
}

const OUTCOME_COLUMNS: readonly Column<Outcome>[] = [
  { title: "work", align: "left", cell: ({ work }) => work },
  { title: "ratio", align: "right", cell: ({ ratio }) => (ratio === null ? "not run" : significant(ratio)) },
  { title: "least", align: "right", cell: ({ least }) => String(least) },
  { title: "aim", align: "right", cell: ({ aim }) => (aim === null ? "" : String(aim)) },
  { title: "met", align: "left", cell: metText },
  { title: "from", align: "left", cell: ({ behind }) => behind },
];

function metText({ ratio, met, aim }: Outcome): string {
  if (ratio === null) return "";
  if (!met) return "NO";
  return aim !== null && ratio >= aim ? "aim" : "yes";
}

const FIGURE_COLUMNS: readonly Column<Figure>[] = [
  { title: "work", align: "left", cell: ({ work }) => work },
  { title: "ratio", align: "right", cell: ({ ratio }) => significant(ratio) },
  { title: "from", align: "left", cell: ({ behind }) => behind },
  { title: "with", align: "left", cell: ({ note }) => note },
];

const OUTCOME_TITLE = "What must be seen";

type Render = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]) => string;

/** The report for the terminal. */
export function benchText(report: BenchReport): string {
  return parts(report, (title) => `${title}:`, tableText).join("\n\n");
}

/** The report as a Markdown file. */
export function benchMarkdown(report: BenchReport): string {
  const table: Render = (columns, rows) =>
    markdownTable(
      columns.map(({ title }) => title),
      rows.map((row) => columns.map(({ cell }) => cell(row))),
    );
  return `# Benchmark\n\n${parts(report, (title) => `## ${title}`, table).join("\n\n")}\n`;
}

function parts(report: BenchReport, heading: (title: string) => string, table: Render): string[] {
  const { outcomes, sections, memory } = report;
  return [
    hostText(report),
    heading(OUTCOME_TITLE),
    table(OUTCOME_COLUMNS, outcomes),
    ...sections
      .filter(({ figures }) => figures.length > 0)
      .flatMap(({ title, figures }) => [heading(title), table(FIGURE_COLUMNS, figures)]),
    ...(memory === null ? [] : [memoryText(memory)]),
  ];
}

function hostText({ host, opponents, rounds, seconds }: BenchReport): string {
  const { processor, processors, memoryGigabytes, node, v8, loadAtStart } = host;
  const versions = opponents.map((opponent) =>
    "missing" in opponent ? `${opponent.name}: left out, ${opponent.missing}` : `${opponent.name}: ${opponent.version}`,
  );
  return [
    `${processor}, ${processors} processors, ${memoryGigabytes} GB, ${host.platform}, Node.js ${node}, V8 ${v8}; load at the start ${loadAtStart.toFixed(1)}${loadAtStart > 1 ? ": something else was running, take the ratios as rough" : ""}.`,
    `Medians of ${rounds} rounds of about ${seconds} s each, contestants in turn; ratios are taken round by round.`,
    `${versions.join("; ")}.`,
  ].join("\n");
}

function memoryText({ pools, megabytesPerWorker, sharedMegabytes }: WorkerMemory): string {
  const each = pools.map(({ workers, residentMegabytes }) => `${workers}: ${residentMegabytes.toFixed(0)} MB`);
  return (
    `Memory of a process with LeNet and n workers: ${each.join(", ")}; ${megabytesPerWorker.toFixed(0)} MB for each ` +
    `further worker. The workers share the constants, ${sharedMegabytes.toFixed(1)} MB.`
  );
}

export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** A positive number with three significant digits, `k`, `M` and `G` above a thousand. */
export function significant(value: number): string {
  if (value >= 1e9) return `${significant(value / 1e9)} G`;
  if (value >= 1e6) return `${significant(value / 1e6)} M`;
  if (value >= 1e4) return `${significant(value / 1e3)} k`;
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
