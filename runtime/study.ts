/** A study as users of the package see it: none of its parts, whose types would bring those of TensorFlow.js along. */
import type { AssignmentSpecification } from "../compiler/quantization/specification.ts";
import type { Program } from "../isa/program/program.ts";
import type { RunConfiguration } from "./configuration.ts";
import type { Candidate, CandidateCost, Evaluator } from "./results/evaluation.ts";
import type { RunHooks } from "./session/hooks.ts";
import { openStudy as open } from "./session/study/study.ts";

export interface StudyHooks extends RunHooks {
  /** Ranges for automatic formats are measured even where the configuration itself has none. True where nothing is said. */
  readonly calibrate?: boolean;
}

/** One network, its data, machine and float reference: tries word lengths on images. */
export interface Study extends Evaluator {
  /** Names of the network's layers, in their order. */
  readonly layers: readonly string[];
  /** Images at hand. */
  readonly images: number;
  cost(candidate: Candidate): CandidateCost | null;
  /** The admitted program of word lengths for all layers. Throws as `evaluate` does. */
  program(assignment: AssignmentSpecification): Program;
  close(): Promise<void>;
}

/**
 * Opens model, data and float network, and measures the ranges of automatic formats, as `runModel` does. The images at hand are
 * the first `configuration.images` of the data.
 */
export function openStudy(configuration: RunConfiguration, hooks: StudyHooks = {}): Promise<Study> {
  return open(configuration, hooks);
}
