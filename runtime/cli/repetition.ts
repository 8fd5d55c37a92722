/** Options as they were written, to be written again in a command that repeats a result. */
import type { Command } from "commander";
import { shellQuoted } from "../report/shell.ts";

/** Collects the texts of a command's options while it is parsed; the latest of each, in the order of the options. */
export function recordOptions(command: Command): ReadonlyMap<string, string | null> {
  const written = new Map<string, string | null>();
  for (const option of command.options) {
    command.on(`option:${option.name()}`, (text: unknown) =>
      written.set(option.long ?? option.name(), typeof text === "string" ? text : null),
    );
  }
  return written;
}

/** Those of the options that another command has too, but for the names left out, as words of a shell. */
export function repeatedOptions(
  written: ReadonlyMap<string, string | null>,
  other: Command,
  leftOut: readonly string[],
): string[] {
  const known = new Set(other.options.map(({ long }) => long));
  return [...written]
    .filter(([name]) => known.has(name) && !leftOut.includes(name))
    .flatMap(([name, text]) => (text === null ? [name] : [name, shellQuoted(text)]));
}
