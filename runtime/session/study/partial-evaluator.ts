/** Candidates of which the machine computes some layers and float the others. */
import { underSpecification } from "../../../compiler/legalisation/index.ts";
import type { SimulationPool } from "../../../sim/pool/pool.ts";
import type { Candidate, EvaluationOptions, ImageSpan, RegisterOverflow } from "../../results/evaluation.ts";
import { FaultError } from "../fault-error.ts";
import { FloatPrefix } from "../hybrid/float-prefix.ts";
import type { HybridNetwork } from "../hybrid/network.ts";
import { overflowsInParts } from "../hybrid/overflow.ts";
import { planPrepared, pooledRunner, runHybridSpan } from "../hybrid/run.ts";
import { clippedConstants, evaluationOf, type StudyEvaluation } from "./evaluation-of.ts";
import type { StudyParts } from "./study-parts.ts";

/** What a study asks where only some layers are quantized. */
export interface PartialEvaluator {
  evaluate(candidate: Candidate, span: ImageSpan, options: EvaluationOptions): Promise<StudyEvaluation>;
  close(): Promise<void>;
}

/**
 * Opened at the first such candidate. What float computes before the first quantized layer is kept from candidate to
 * candidate; ask for those of one selection in a row. The pool is the caller's.
 */
export function openPartialEvaluator(parts: StudyParts, pool: SimulationPool): PartialEvaluator {
  const { configuration, data, float, prepared, prescribed } = parts;
  const { modelOutputs } = prepared;
  const prefix = new FloatPrefix(float.lowered);
  const runner = pooledRunner(pool, configuration.workers);
  return {
    evaluate: async ({ assignment, layers }, span, options) => {
      const plan = planPrepared(prepared, configuration, underSpecification(prescribed, assignment), layers);
      if ("fault" in plan) throw new FaultError(plan.fault);
      const job = { configuration, data, span, plan, float, runner, prefix, modelOutputs };
      const outcome = await runHybridSpan(job, options);
      if ("fault" in outcome) throw new FaultError(outcome.fault);
      const { answers, error, imageErrors, network } = outcome;
      const clipped = clippedInParts(network);
      const overflow: readonly RegisterOverflow[] = overflowsInParts(network);
      return evaluationOf({ span, answers, error, imageErrors, overflow, clippedConstants: clipped, digest: null });
    },
    close: async () => prefix.keepOnly([]),
  };
}

function clippedInParts({ programs }: HybridNetwork): number {
  return programs.reduce((sum, { step }) => sum + clippedConstants(step.program), 0);
}
