import { type LayerComputation, soleComputation } from "../../../compiler/hybrid/layer-computation.ts";
import { underSpecification } from "../../../compiler/legalisation/index.ts";
import { layerFacts } from "../../../compiler/quantization/layer-facts.ts";
import type { AssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import { diagnosticError, InvariantError } from "../../../isa/diagnostic.ts";
import type { Program } from "../../../isa/program/program.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import { SimulationPool } from "../../../sim/pool/pool.ts";
import type { RunConfiguration } from "../../configuration.ts";
import { isProgramFile, openModel } from "../../model.ts";
import type { Candidate, CandidateCost, EvaluationOptions, Evaluator, ImageSpan } from "../../results/evaluation.ts";
import { measureOn } from "../calibrate.ts";
import { compilePrepared, prepareModel, requireShape } from "../compile-model.ts";
import { FaultError } from "../fault-error.ts";
import { openFloatSide } from "../float.ts";
import type { RunHooks } from "../hooks.ts";
import { dataConfiguration, openData } from "../image-batches.ts";
import { outputRegisters, runExtrinsicSpan, withQuantizedWeights } from "../run-extrinsic.ts";
import { runMachine } from "../run-machine.ts";
import { costOf } from "./candidate-cost.ts";
import { clippedConstants, evaluationOf, overflowsOf, type StudyEvaluation } from "./evaluation-of.ts";
import { keptAnswers } from "./float-answers.ts";
import { openPartialEvaluator, type PartialEvaluator } from "./partial-evaluator.ts";
import type { StudyParts } from "./study-parts.ts";

export interface StudyHooks extends RunHooks {
  /** Ranges for automatic formats are measured even where the configuration itself has none. True where nothing is said. */
  readonly calibrate?: boolean;
}

/** Programs that are kept: a candidate's cost is asked before or after its images. */
const KEPT_PROGRAMS = 4;

/**
 * Opens model, data and float network, and measures the ranges of automatic formats, as `run` does. The images at hand are
 * the first `configuration.images` of the data.
 */
export async function openStudy(configuration: RunConfiguration, hooks: StudyHooks = {}): Promise<Study> {
  if (await isProgramFile(configuration.model)) {
    const what = "a program file has its word lengths already";
    throw diagnosticError("MODEL", configuration.model, what, "name the model that it was compiled from");
  }
  const model = await openModel(configuration.model, configuration);
  const data = await openData(configuration, model.graph.input, configuration.images);
  const measured = await prepareModel(forEveryCandidate(configuration), model, data, hooks);
  requireShape(measured.lowerable, data, configuration);
  const prepared =
    measured.calibration.ranges === null && (hooks.calibrate ?? true)
      ? {
          ...measured,
          calibration: (await measureOn(data, measured.lowerable, measured.calibration.images, hooks)).calibration,
        }
      : measured;
  const side = await openFloatSide(prepared, { quantizers: configuration.floatQuantizers });
  return new Study({
    configuration: { ...configuration, calibration: prepared.calibration, ...dataConfiguration(data) },
    data,
    prepared,
    prescribed: prepared.prescribed,
    float: { ...side, logits: keptAnswers(side.logits) },
  });
}

/** Candidates of all word lengths run on the same scaled channels: those that gain where every register has a binary point of its own. */
function forEveryCandidate(configuration: RunConfiguration): RunConfiguration {
  const { assignment } = configuration;
  if (assignment.equalize !== "all") return configuration;
  return { ...configuration, assignment: { ...assignment, default: { ...assignment.default, format: "16,auto" } } };
}

/** One network, its data, machine and float reference: tries word lengths on images. See `openStudy`. */
export class Study implements Evaluator {
  readonly parts: StudyParts;
  readonly layers: readonly string[];
  readonly images: number;
  readonly #programs: Map<string, Program> = new Map();
  #partial: PartialEvaluator | null = null;
  /** Opened by the first candidate that runs on the machine, and kept. */
  #pool: SimulationPool | null = null;

  constructor(parts: StudyParts) {
    this.parts = parts;
    this.layers = layerFacts(parts.prepared.lowerable).map(({ name }) => name);
    this.images = Math.min(parts.configuration.images, parts.data.count);
  }

  /** Throws `DiagnosticError` for word lengths that cannot be, `FaultError` where the machine faults. */
  async evaluate(candidate: Candidate, span: ImageSpan, options: EvaluationOptions = {}): Promise<StudyEvaluation> {
    this.#requireSpan(span);
    options.signal?.throwIfAborted();
    const computation = this.#computation(candidate);
    if (computation === "machine") return this.#run(candidate, span, options);
    if (computation === "extrinsic") return this.#runExtrinsic(candidate, span, options);
    this.#partial ??= openPartialEvaluator(this.parts, this.#openedPool());
    return this.#partial.evaluate(candidate, span, options);
  }

  cost(candidate: Candidate): CandidateCost | null {
    return this.#computation(candidate) === "machine" ? costOf(this.program(candidate.assignment)) : null;
  }

  /** The admitted program of word lengths for all layers. Throws as `evaluate` does. */
  program(assignment: AssignmentSpecification): Program {
    const key = JSON.stringify(assignment);
    const known = this.#programs.get(key);
    if (known !== undefined) return known;
    const { configuration, prepared } = this.parts;
    const { program } = compilePrepared(prepared, { ...configuration, assignment: this.#merged(assignment) });
    const fault = checkProgram(program);
    if (fault !== null) throw new FaultError(fault);
    this.#programs.set(key, program);
    for (const oldest of this.#programs.keys()) {
      if (this.#programs.size <= KEPT_PROGRAMS) break;
      this.#programs.delete(oldest);
    }
    return program;
  }

  async close(): Promise<void> {
    await this.#partial?.close();
    await this.#pool?.close();
    this.#partial = null;
    this.#pool = null;
    this.#programs.clear();
    this.parts.float.dispose();
  }

  async #run({ assignment }: Candidate, span: ImageSpan, options: EvaluationOptions): Promise<StudyEvaluation> {
    const { data, float } = this.parts;
    const configuration: RunConfiguration = { ...this.parts.configuration, observe: 0 };
    const program = this.program(assignment);
    const pool = this.#openedPool();
    const outcome = await runMachine({ configuration, data, span, program, float, pool }, options);
    if ("fault" in outcome) throw new FaultError(outcome.fault);
    const { answers, error, imageErrors, digest, result, inputs } = outcome;
    if (error === null) throw new InvariantError("a run beside a float network without errors against it");
    return evaluationOf({
      span,
      answers,
      error,
      ...(imageErrors && { imageErrors }),
      overflow: overflowsOf(program, result.evidence, inputs.evidence.overflow),
      clippedConstants: clippedConstants(program),
      digest,
    });
  }

  async #runExtrinsic(
    { assignment }: Candidate,
    span: ImageSpan,
    options: EvaluationOptions,
  ): Promise<StudyEvaluation> {
    const { configuration, data, float, prepared } = this.parts;
    const merged = this.#merged(assignment);
    const outputs = outputRegisters(prepared, merged);
    const { seed } = configuration;
    const { modelOutputs } = prepared;
    const outcome = await withQuantizedWeights(prepared, merged, { float, seed }, (quantized) =>
      runExtrinsicSpan({ data, span, float: quantized, outputs, seed, modelOutputs }, options),
    );
    if ("fault" in outcome) throw new FaultError(outcome.fault);
    const { answers, error, imageErrors, layers } = outcome;
    const overflow = [...layers].map(([layer, found]) => ({ layer, register: "output", overflow: found.overflow }));
    return evaluationOf({ span, answers, error, imageErrors, overflow, clippedConstants: 0, digest: null });
  }

  #openedPool(): SimulationPool {
    const { engine, workers } = this.parts.configuration;
    this.#pool ??= new SimulationPool(engine, workers);
    return this.#pool;
  }

  /** Who computes the layers, or that they are computed in parts. */
  #computation({ assignment, layers }: Candidate): LayerComputation | "parts" {
    return soleComputation(this.layers, this.#merged(assignment), layers, "assignment") ?? "parts";
  }

  #merged(assignment: AssignmentSpecification): AssignmentSpecification {
    return underSpecification(this.parts.prescribed, assignment);
  }

  #requireSpan({ first, images }: ImageSpan): void {
    const isWhole = Number.isInteger(first) && Number.isInteger(images);
    if (isWhole && first >= 0 && images > 0 && first + images <= this.images) return;
    const { configuration, data } = this.parts;
    throw diagnosticError(
      "IMAGES",
      configuration.data,
      `images ${first} to ${first + images - 1} were asked for, but ${this.images} are at hand of ${data.count}`,
      "ask for fewer images, or give a larger --images",
    );
  }
}
