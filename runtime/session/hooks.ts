import { type DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import type { Raws } from "../../isa/numerics/raws.ts";
import type { Program } from "../../isa/program/program.ts";
import type { Fault } from "../../sim/fault.ts";
import type { LastingReport, RunReport } from "../results/run-report.ts";

/** What a caller may hear of, and how it stops a run. */
export interface RunHooks {
  /** A stage began: what it does and how many images it will go through. */
  readonly onStage?: (label: string, images: number) => void;
  readonly onProgress?: (images: number) => void;
  readonly signal?: AbortSignal;
  /** The words of a batch of images, batches in image order; a diagnostic where layers compute in float. */
  readonly onWords?: (words: BatchWords) => void;
  /** What diagnostics call the word lengths: the file they stand in. */
  readonly assignmentName?: string;
}

/** What the machine wrote for consecutive images. */
export interface BatchWords {
  readonly program: Program;
  /** Number of the first image within the run. */
  readonly first: number;
  /** images × input elements. */
  readonly inputs: Raws;
  /** images × output elements. */
  readonly outputs: Raws;
  /** Tensor name → observed images × elements; the observed images are the first of the run. */
  readonly captured: ReadonlyMap<string, Raws>;
}

/** The report of a finished run, or the fault that stopped it. */
export type RunOutcome = { readonly report: RunReport } | { readonly fault: Fault };

/** The same before time and memory are known. */
export type LastingOutcome = { readonly report: LastingReport } | { readonly fault: Fault };

/** Refuses what needs words of every layer where some layers compute in float; `where` names it. */
export function noWords(where: string): DiagnosticError {
  const what = "layers compute in float, so there are no words of all of them";
  return diagnosticError("WORDS", where, what, "choose the intrinsic, tensorquant or wide datapath for every layer");
}
