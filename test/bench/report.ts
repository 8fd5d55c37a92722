import { availableParallelism, cpus, loadavg, platform } from "node:os";

/** One answer of the benchmark. */
export interface Figure {
  readonly question: string;
  readonly ratio: number;
  /** The least ratio the project holds itself to; null where the figure only informs. */
  readonly target: number | null;
  /** The rates behind the ratio, in words. */
  readonly behind: string;
}

export interface BenchReport {
  readonly schema: "macroscope/bench/1";
  readonly host: {
    readonly processor: string;
    readonly processors: number;
    readonly platform: string;
    readonly node: string;
    /** Runnable threads of the last minute when the benchmark began: above 1, something else was running. */
    readonly loadAtStart: number;
  };
  readonly workload: string;
  readonly rounds: number;
  readonly figures: readonly Figure[];
  /** Units per second, round by round: images, MACs or loop turns as the names say. */
  readonly rates: Readonly<Record<string, readonly number[]>>;
}

export function describeHost(): BenchReport["host"] {
  return {
    processor: cpus()[0]?.model ?? "unknown processor",
    processors: availableParallelism(),
    platform: `${platform()} ${process.arch}`,
    node: process.version,
    loadAtStart: loadavg()[0] ?? 0,
  };
}

export function misses({ figures }: BenchReport): readonly Figure[] {
  return figures.filter(({ ratio, target }) => target !== null && !(ratio >= target));
}

/** The report as a Markdown table. */
export function benchText(report: BenchReport): string {
  const { host, workload, rounds, figures } = report;
  const rows = figures.map(({ question, ratio, target, behind }) => [
    question,
    significant(ratio),
    target === null ? "" : `≥ ${target}`,
    target === null ? "" : ratio >= target ? "yes" : "NO",
    behind,
  ]);
  return [
    `${host.processor}, ${host.processors} processors, ${host.platform}, Node.js ${host.node}, load ${host.loadAtStart.toFixed(1)}`,
    `${workload}; medians of ${rounds} interleaved rounds`,
    "",
    markdownTable(["question", "ratio", "target", "met", "from"], rows),
  ].join("\n");
}

export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** A positive number with three significant digits, `k` and `M` above a thousand. */
export function significant(value: number): string {
  if (value >= 1e6) return `${significant(value / 1e6)} M`;
  if (value >= 1e4) return `${significant(value / 1e3)} k`;
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
