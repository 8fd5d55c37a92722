/**
 * Results as files hold them, checked before anything is drawn: files are hostile. Only what pages show is looked at;
 * fields that are not known here are kept and ignored, so that a result of a newer version of the same schema is read.
 */
import type { z } from "zod";
import { type Diagnostic, DiagnosticError, diagnosticError, nearestName } from "../../isa/diagnostic.ts";
import type { BitsReport } from "./bits-report.ts";
import type { CompareReport } from "./compare-report.ts";
import { RESULT_LIMITS, RESULT_SCHEMAS, type ResultSchema } from "./result-schemas.ts";
import type { RunReport } from "./run-report.ts";
import type { SweepReport } from "./sweep-report.ts";

/** A result that can be shown as a page. */
export type Result = RunReport | SweepReport | BitsReport | CompareReport;

/** A result and what it is called: its file, or the command that gave it. */
export interface NamedResult {
  readonly name: string;
  /** The file it was read from; null where it comes straight from its command. */
  readonly file: string | null;
  readonly result: Result;
}

/** The text of a result file as a result; `DiagnosticError` RESULT for anything else. */
export function parseResult(json: string, where: string): Result {
  let found: unknown;
  try {
    found = JSON.parse(json);
  } catch (failure) {
    const what = failure instanceof Error ? failure.message : String(failure);
    throw diagnosticError("RESULT", where, `not JSON: ${what}`, "give a file that --json of a command wrote");
  }
  return checkedResult(found, where);
}

/** Plain data as a result; `DiagnosticError` RESULT with everything that is wrong, at most ten lines. */
export function checkedResult(found: unknown, where: string): Result {
  requireModest(found, where);
  const schema = typeof found === "object" && found !== null && "schema" in found ? found.schema : undefined;
  const names = Object.keys(RESULT_SCHEMAS) as ResultSchema[];
  const name = names.find((known) => known === schema);
  if (name === undefined) {
    const nearest = typeof schema === "string" ? nearestName(schema, names) : undefined;
    const what =
      schema === undefined
        ? 'no "schema": not a result'
        : `schema ${JSON.stringify(schema)?.slice(0, 100)} is not known`;
    const hint = `give a result of ${names.map((known) => known.split("/")[1]).join(", ")}`;
    const newer = nearest === undefined ? hint : `${hint}; the nearest that is known is ${nearest}`;
    throw diagnosticError("RESULT", where, what, newer);
  }
  const parsed = RESULT_SCHEMAS[name].safeParse(found);
  if (parsed.success) return parsed.data as Result;
  throw new DiagnosticError(parsed.error.issues.slice(0, 10).map((issue) => issueDiagnostic(issue, where)));
}

function issueDiagnostic(issue: z.core.$ZodIssue, where: string): Diagnostic {
  const path = issue.path.map((key) => String(key).slice(0, 60)).join(".");
  return {
    code: "RESULT",
    where: path === "" ? where : `${where}: ${path}`,
    what: issue.message,
    hint: "run the command again, or give a file that nobody changed",
  };
}

/** Refuses data so deep or so large that showing it would fail; looks at every value once, without recursion. */
function requireModest(found: unknown, where: string): void {
  const waiting: { readonly item: unknown; readonly depth: number }[] = [{ item: found, depth: 0 }];
  let values = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { item, depth } = next;
    values++;
    const what =
      depth > RESULT_LIMITS.depth
        ? `nested more than ${RESULT_LIMITS.depth} deep`
        : values > RESULT_LIMITS.values
          ? `more than ${RESULT_LIMITS.values} values`
          : null;
    if (what !== null) throw diagnosticError("RESULT", where, what, "give a file that --json of a command wrote");
    if (typeof item !== "object" || item === null) continue;
    for (const child of Object.values(item)) waiting.push({ item: child, depth: depth + 1 });
  }
}
