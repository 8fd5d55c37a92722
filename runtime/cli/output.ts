import type { Command } from "commander";
import { printable, printableJson, printableTexts } from "../../isa/printable.ts";
import { withMovedPaths } from "../configuration-paths.ts";
import { realFolderOf, requireWritable, writeFileAtomically } from "../files.ts";
import { onPage } from "../report/page-width.ts";
import { writeResultPage } from "./result-pages.ts";

/** Where a command's two results go: `--json` file or `-`, and the text for people on the other side. */
export interface Output {
  /** Value of `--json`; undefined without it. */
  readonly json?: string | undefined;
  /** Value of `--report`; undefined without it. */
  readonly report?: string | undefined;
}

/** The option that every command has. */
export function addJsonOption(command: Command, what: string): Command {
  return command.option("--json <file>", `write ${what} as JSON; - for standard output`);
}

/** The option of every command whose result can be shown as a page; `emit` writes it. */
export function addReportOption(command: Command): Command {
  return command.option("--report <file>", "write the result as one HTML page with charts");
}

/** The stream for people: standard output, or standard error where JSON takes standard output. */
export function textStream({ json }: Output): NodeJS.WriteStream {
  return json === "-" ? process.stderr : process.stdout;
}

/** Refuses files that cannot be written, before the work whose result they shall hold. */
export async function requireOutputs(...files: readonly (string | undefined)[]): Promise<void> {
  for (const file of files) if (file !== undefined && file !== "-") await requireWritable(file);
}

/**
 * Writes the JSON, and the page where one is wanted, and prints the text for people: made from the result after every name in it
 * was made printable.
 */
export async function emit<Result>(output: Output, result: Result, text: (shown: Result) => string): Promise<void> {
  await writeJson(output, result);
  if (output.report !== undefined) {
    const placed = withMovedPaths(result, process.cwd(), await realFolderOf(output.report));
    await writeResultPage(output.report, JSON.parse(jsonText(placed)));
  }
  const stream = textStream(output);
  stream.write(`${onPage(stream.columns, () => text(printableTexts(result)))}\n`);
}

/**
 * Writes the machine-readable result where `--json` says. Paths of its configuration start at the file's folder; on standard output,
 * which may end up anywhere, they are absolute.
 */
export async function writeJson({ json }: Output, result: unknown): Promise<void> {
  if (json === undefined) return;
  const folder = json === "-" ? null : await realFolderOf(json);
  const text = `${jsonText(withMovedPaths(result, process.cwd(), folder))}\n`;
  if (json === "-") process.stdout.write(text);
  else await writeFileAtomically(json, text);
}

/** A line on standard error beside the result. */
export function note(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}

function jsonText(result: unknown): string {
  return printableJson(JSON.stringify(result, jsonValue, 2));
}

/** Big integers become numbers where a double holds them exactly, else decimal strings. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  return value > -(2n ** 53n) && value < 2n ** 53n ? Number(value) : value.toString();
}
