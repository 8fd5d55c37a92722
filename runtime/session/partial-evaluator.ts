import { diagnosticError } from "../../isa/diagnostic.ts";
import type { Candidate, EvaluationOptions, ImageSpan } from "../exploration/evaluation.ts";
import type { StudyEvaluation } from "./evaluation-of.ts";
import type { StudyParts } from "./study-parts.ts";

/** A candidate of which some layers are quantized and the others compute in float. */
export interface PartialCandidate extends Candidate {
  readonly layers: readonly string[];
}

/** What a study asks where only some layers are quantized. */
export interface PartialEvaluator {
  evaluate(candidate: PartialCandidate, span: ImageSpan, options: EvaluationOptions): Promise<StudyEvaluation>;
  close(): Promise<void>;
}

/** Opened at the first such candidate; its memory and threads are its own. */
export function openPartialEvaluator({ configuration }: StudyParts): PartialEvaluator {
  return {
    evaluate: async () => {
      const what = "only some of the layers are to be quantized, which needs float and fixed point in one network";
      throw diagnosticError("LAYERS", configuration.model, what, "quantize all layers");
    },
    close: async () => undefined,
  };
}
