import { printable } from "./printable.ts";

/**
 * Errors of the two kinds that are not the simulated machine's own (those are `Fault` values, see sim/fault.ts).
 *
 * - `Diagnostic`: what the user gave is wrong. Collected into one `DiagnosticError`, so that a user sees all of them.
 * - `InvariantError`: a bug of macroscope itself.
 */
export interface Diagnostic {
  /** Stable upper-case code a script may match, e.g. `FORMAT`, `MODEL_SHARD`, `UNKNOWN_LAYER`. */
  readonly code: string;
  /** Where: a file, a file and a field, a node, an option. */
  readonly where: string;
  /** What was found and what was expected. */
  readonly what: string;
  /** What to try. */
  readonly hint: string;
}

/** One line as the command prints it: `error[CODE] where: what; hint`. Names in it are printable. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { code, where, what, hint } = diagnostic;
  return printable(`error[${code}] ${where}: ${what}; ${hint}`);
}

/** Thrown at the border of a stage with everything that stage found wrong. */
export class DiagnosticError extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(formatDiagnostic).join("\n"));
    this.name = "DiagnosticError";
    this.diagnostics = diagnostics;
  }
}

/** Shorthand for the common case of a single diagnostic. */
export function diagnosticError(code: string, where: string, what: string, hint: string): DiagnosticError {
  return new DiagnosticError([{ code, where, what, hint }]);
}

/** A broken promise inside macroscope: never the user's fault. */
export class InvariantError extends Error {
  constructor(message: string) {
    super(`${message} (a bug of macroscope: please report the command and its input)`);
    this.name = "InvariantError";
  }
}

/** The candidate nearest to `name` by edit distance, for hints; undefined where nothing is near. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(name.length / 2)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
