/** Images through a network that the machine computes in parts and, beside it, through the float network, batch by batch. */
import { type HybridPlan, planHybrid } from "../../../compiler/hybrid/hybrid-plan.ts";
import type { AssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import type { ModelOutput } from "../../../isa/program/model-output.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import type { Fault } from "../../../sim/fault.ts";
import type { SimulationPool } from "../../../sim/pool/pool.ts";
import type { RunConfiguration } from "../../configuration.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import type { FloatNetwork } from "../../float-reference/interpreter.ts";
import { type ImageErrors, RunErrors } from "../../metrics/error.ts";
import type { ImageSpan } from "../../results/evaluation.ts";
import type { ErrorEntry } from "../../results/run-report.ts";
import { AnswerTally } from "../accuracy.ts";
import type { PreparedModel } from "../compile-model.ts";
import { type FloatSide, openFloatReference } from "../float.ts";
import type { RunHooks } from "../hooks.ts";
import { imageBatches } from "../image-batches.ts";
import { taskImages } from "../run-machine.ts";
import { comparableRaws } from "../values.ts";
import { FloatPrefix } from "./float-prefix.ts";
import { HybridNetwork, type ProgramRunner } from "./network.ts";

export interface HybridJob {
  readonly configuration: RunConfiguration;
  readonly data: Dataset;
  readonly span: ImageSpan;
  readonly plan: HybridPlan;
  readonly float: Pick<FloatSide, "logits" | "lowered">;
  readonly runner: ProgramRunner;
  readonly modelOutputs?: readonly ModelOutput[] | undefined;
  /** Of `float.lowered`; kept over jobs where the caller has one. */
  readonly prefix?: FloatPrefix;
}

export interface HybridOutcome {
  readonly answers: AnswerTally;
  readonly error: ErrorEntry;
  readonly imageErrors: ImageErrors;
  readonly network: HybridNetwork;
}

/**
 * The parts of a prepared model. `selection`: layers that the assignment is for; null: all. Returns a fault where a program is
 * not admitted. `assignmentName` is what diagnostics call the word lengths.
 */
export function planPrepared(
  { lowerable, calibration }: Pick<PreparedModel, "lowerable" | "calibration">,
  configuration: RunConfiguration,
  assignment: AssignmentSpecification,
  selection: readonly string[] | null,
  assignmentName = "assignment",
): HybridPlan | { readonly fault: Fault } {
  const plan = planHybrid(lowerable, {
    machine: configuration.machine,
    seed: configuration.seed,
    calibration: calibration.ranges ?? {},
    modelName: configuration.model,
    assignment,
    assignmentName,
    selection,
  });
  for (const step of plan.steps) {
    const fault = step.kind === "program" ? checkProgram(step.program) : null;
    if (fault !== null) return { fault };
  }
  return plan;
}

export async function runHybridSpan(
  job: HybridJob,
  hooks: RunHooks,
): Promise<HybridOutcome | { readonly fault: Fault }> {
  const { plan, float } = job;
  const known = new Set(float.lowered.graph.nodes);
  if (plan.graph.nodes.every((node) => known.has(node))) return runOn(float.lowered, job, hooks);
  // Quantizers changed weights of layers in float: those are this plan's alone.
  const { network } = await openFloatReference(plan.graph);
  try {
    return await runOn(network, job, hooks);
  } finally {
    network.dispose();
  }
}

async function runOn(
  lowered: FloatNetwork,
  { configuration, data, span, plan, float, runner, modelOutputs, prefix = new FloatPrefix(float.lowered) }: HybridJob,
  hooks: RunHooks,
): Promise<HybridOutcome | { readonly fault: Fault }> {
  const { seed } = configuration;
  const network = new HybridNetwork(plan, { float: lowered, prefix, runner, seed });
  const answers = new AnswerTally(seed, modelOutputs);
  const errors = new RunErrors();
  for await (const batch of imageBatches(data, span.images, span.first)) {
    const before = batch.first - span.first;
    const progress = (done: number): void => hooks.onProgress?.(before + Math.floor(done / 2));
    const logits = await float.logits(batch, progress);
    hooks.signal?.throwIfAborted();
    const outputs = await network.run(batch, {
      onProgress: (done) => progress(batch.count + done),
      ...(hooks.signal && { signal: hooks.signal }),
    });
    if ("fault" in outputs) return outputs;
    const { values, words } = outputs;
    const fixed = words === null ? values : comparableRaws(words.raws, words.format);
    answers.add({ fixed, float: logits, images: batch.count, classes: logits.length / batch.count }, batch.labels);
    errors.add(logits, values, batch.count);
  }
  return { answers, error: errors.figures(), imageErrors: errors.byImage(), network };
}

/** Programs on the worker threads of a pool, which the caller closes. */
export function pooledRunner(pool: SimulationPool, workers: number): ProgramRunner {
  return {
    run: (program, raws, count, firstImage, signal) =>
      pool.run(program, raws, count, {
        firstImage,
        batchImages: taskImages(count, workers),
        observedImages: 0,
        ...(signal && { signal }),
      }),
  };
}
