import { type Diagnostic, DiagnosticError, formatDiagnostic } from "../../isa/diagnostic.ts";
import { printable } from "../../isa/printable.ts";
import { FileError } from "../files.ts";
import { FaultError } from "../session/fault-error.ts";

export { FaultError, faultText } from "../session/fault-error.ts";

/** Exit codes of every command. */
export const EXIT = {
  done: 0,
  /** The check or comparison answered no. */
  no: 1,
  /** Wrong usage or bad input. */
  usage: 2,
  /** The simulated machine faulted. */
  fault: 3,
  missingTool: 69,
  bug: 70,
  io: 74,
  interrupted: 130,
} as const;

/** Thrown by a command that has said all there is to say, and whose answer is no: the command line ends with code 1. */
export class AnsweredNo extends Error {
  constructor() {
    super("the answer is no");
    this.name = "AnsweredNo";
  }
}

/** What to print for an error, one line per diagnostic, and the code to end with. */
export function explainError(error: unknown): { lines: readonly string[]; exitCode: number } {
  if (error instanceof DiagnosticError) {
    return { lines: grouped(error.diagnostics).map(formatDiagnostic), exitCode: EXIT.usage };
  }
  if (error instanceof AnsweredNo) return { lines: [], exitCode: EXIT.no };
  if (error instanceof FaultError) return { lines: [printable(error.message)], exitCode: EXIT.fault };
  if (error instanceof FileError) return { lines: [printable(`error[IO] ${error.message}`)], exitCode: EXIT.io };
  if (error instanceof Error && error.name === "AbortError")
    return { lines: ["interrupted"], exitCode: EXIT.interrupted };
  return { lines: bugLines(error), exitCode: EXIT.bug };
}

/** Places of one cause up to which each has a line of its own. */
const FEW_PLACES = 3;

/** One cause at many places is said once: with its first place, and how many more there are. */
function grouped(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const causes = new Map<string, Map<string, Diagnostic>>();
  for (const diagnostic of diagnostics) {
    const { code, what, hint, where } = diagnostic;
    const key = JSON.stringify([code, what, hint]);
    causes.set(key, (causes.get(key) ?? new Map<string, Diagnostic>()).set(where, diagnostic));
  }
  return [...causes.values()].flatMap((places) => {
    const [first, ...more] = places.values();
    if (first === undefined || more.length < FEW_PLACES) return [...places.values()];
    return [{ ...first, where: `${first.where} and ${more.length} more` }];
  });
}

/** The diagnostic on the first line, where it happened behind it. */
function bugLines(error: unknown): string[] {
  const { name, message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  const what = (name === "InvariantError" ? message : `${name}: ${message}`).replace(/\s*\n\s*/g, " ");
  const hint = "this is a bug of macroscope, please report the command and its input";
  return [`error[BUG] macroscope: ${what}; ${hint}`, ...stack.split("\n").filter((line) => /^\s+at /.test(line))].map(
    printable,
  );
}
