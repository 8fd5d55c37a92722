import type { Fault } from "../../sim/fault.ts";
import type { LastingReport, RunReport } from "../report/run-report.ts";

/** What a caller may hear of, and how it stops a run. */
export interface RunHooks {
  /** A stage began: what it does and how many images it will go through. */
  readonly onStage?: (label: string, images: number) => void;
  readonly onProgress?: (images: number) => void;
  readonly signal?: AbortSignal;
  /** What diagnostics call the word lengths: the file they stand in. */
  readonly assignmentName?: string;
}

/** The report of a finished run, or the fault that stopped it. */
export type RunOutcome = { readonly report: RunReport } | { readonly fault: Fault };

/** The same before time and memory are known. */
export type LastingOutcome = { readonly report: LastingReport } | { readonly fault: Fault };
