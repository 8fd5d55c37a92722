import { Command, CommanderError } from "commander";
import { type Diagnostic, DiagnosticError } from "../../isa/diagnostic.ts";
import { addAssemblerCommands } from "./commands/assembler.ts";
import { addBitsCommand } from "./commands/bits.ts";
import { addCompareCommand } from "./commands/compare.ts";
import { addCompileCommand } from "./commands/compile.ts";
import { addExportCommand } from "./commands/export.ts";
import { addQuantizeCommand } from "./commands/quantize.ts";
import { addReportCommand } from "./commands/report.ts";
import { addRunCommand } from "./commands/run.ts";
import { addSweepCommand } from "./commands/sweep.ts";
import { EXIT, explainError } from "./exit-codes.ts";
import { VERSION } from "./version.ts";

/** Every command with its options; parsing it runs the command. */
export function commandLine(): Command {
  const program = new Command("macroscope")
    .description("Hardware-accelerator simulator with a cycle-level fixed-point datapath")
    .version(VERSION)
    .exitOverride()
    // What commander would print is thrown as well, and printed as a diagnostic.
    .configureOutput({ outputError: () => undefined })
    .configureHelp({ helpWidth: 110 });
  addRunCommand(program);
  addSweepCommand(program);
  addBitsCommand(program);
  addCompareCommand(program);
  addQuantizeCommand(program);
  addCompileCommand(program);
  addExportCommand(program);
  addAssemblerCommands(program);
  addReportCommand(program);
  return program;
}

/** Runs one command line (without program name), prints what went wrong, and returns the exit code. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const program = commandLine();
  try {
    await program.parseAsync(args, { from: "user" });
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    const { lines, exitCode } = explainError(
      error instanceof CommanderError ? usageError(error, args, program) : error,
    );
    for (const line of lines) process.stderr.write(`${line}\n`);
    return exitCode;
  }
}

/** Usage that commander refuses, in the form of every other diagnostic. */
function usageError(error: CommanderError, args: readonly string[], program: Command): DiagnosticError {
  const names = program.commands.map((command) => command.name());
  const command = args.find((arg) => names.includes(arg));
  const place = command === undefined ? "macroscope" : `macroscope ${command}`;
  const [, suggestion] = /\(Did you mean (.+?)\?\)/.exec(error.message) ?? [];
  const [, option] = /option '(--?[A-Za-z-]+)/.exec(error.message) ?? [];
  const known = error.code !== "commander.unknownOption" && option !== undefined;
  const help: Diagnostic = {
    code: "USAGE",
    where: known ? `${place} ${option}` : place,
    what: error.message.replace(/^error: /, "").replace(/\s*\(Did you mean .*/s, ""),
    hint: suggestion === undefined ? `see ${place} --help` : `did you mean ${suggestion}?`,
  };
  if (error.code !== "commander.help") return new DiagnosticError([help]);
  return new DiagnosticError([{ ...help, what: "found no command", hint: `use ${names.join(", ")}` }]);
}
