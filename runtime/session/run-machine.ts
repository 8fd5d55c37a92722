import { InvariantError } from "../../isa/diagnostic.ts";
import type { Program } from "../../isa/program/program.ts";
import { type LayerEvidence, mergeRegisterEvidence, type RegisterEvidence } from "../../sim/evidence.ts";
import type { Fault } from "../../sim/fault.ts";
import { mergeResults, type PoolResult, SimulationPool } from "../../sim/pool/pool.ts";
import type { RunConfiguration } from "../configuration.ts";
import type { Dataset } from "../datasets/dataset.ts";
import type { FloatNetwork } from "../float-reference/interpreter.ts";
import { type ImageErrors, RunErrors } from "../metrics/error.ts";
import type { ImageSpan } from "../results/evaluation.ts";
import type { ErrorEntry, LayerNoise } from "../results/run-report.ts";
import { AnswerTally } from "./accuracy.ts";
import { Digest } from "./digest.ts";
import { LayerNoiseMeter } from "./figures/layer-noise.ts";
import { outputElements } from "./figures/machine-report.ts";
import type { FloatLogits } from "./float.ts";
import type { RunHooks } from "./hooks.ts";
import { inputTrap, type QuantizedImages, quantizeImages, tensorSymbol } from "./host-input.ts";
import { imageBatches, type RunBatch } from "./image-batches.ts";
import { comparableRaws, joined, rawsToValues } from "./values.ts";

/** Images of one task of a worker: enough to hide the message, few enough to keep all busy and to show progress. */
export function taskImages(images: number, workers: number): number {
  return Math.max(1, Math.min(10, Math.floor(images / (4 * workers))));
}

export interface MachineJob {
  readonly configuration: RunConfiguration;
  readonly data: Dataset;
  readonly span: ImageSpan;
  readonly program: Program;
  /** Null for a program file. */
  readonly float: MachineFloat | null;
  /** Stays open; null opens one for this job alone, as the configuration says. */
  readonly pool: SimulationPool | null;
}

/** What a run on the machine is compared with. */
export interface MachineFloat {
  readonly logits: FloatLogits;
  /** After the passes: its nodes are the machine's layers. */
  readonly lowered: FloatNetwork;
}

/** What all images together showed; nothing here grows with their number but a few numbers per image. */
export interface MachineOutcome {
  readonly answers: AnswerTally;
  /** Null without a float network. */
  readonly error: ErrorEntry | null;
  /** Null without a float network. */
  readonly imageErrors: ImageErrors | null;
  readonly digest: string;
  readonly result: Omit<PoolResult, "outputs" | "fault">;
  readonly inputs: Pick<QuantizedImages, "evidence">;
  /** Float values of each layer for the observed images. */
  readonly floatLayers: ReadonlyMap<string, Float32Array>;
  /** By layer, of the observed images; empty without a float network. */
  readonly noise: ReadonlyMap<string, LayerNoise>;
  readonly observed: number;
}

/** Runs the images on the machine and, beside it, through the float network, batch by batch. */
export async function runMachine(
  job: MachineJob,
  hooks: RunHooks,
): Promise<MachineOutcome | { readonly fault: Fault }> {
  const { configuration, data, span, program, float } = job;
  const { engine, workers, seed } = configuration;
  const { first, images } = span;
  const observed = Math.min(configuration.observe ?? 0, images);
  const total = new MachineTotal(program, float, seed);
  hooks.onStage?.(float === null ? `${engine} engine` : `float and ${engine} engine`, images);
  const pool = job.pool ?? new SimulationPool(engine, workers);
  try {
    for await (const batch of imageBatches(data, images, first)) {
      const toObserve = Math.max(0, first + observed - batch.first);
      const fault = await runBatch({ job, hooks, pool, total }, batch, toObserve);
      if (fault !== null) return { fault };
    }
  } finally {
    if (job.pool === null) await pool.close();
  }
  return { ...total.outcome(), observed };
}

interface BatchContext {
  readonly job: MachineJob;
  readonly hooks: RunHooks;
  readonly pool: SimulationPool;
  readonly total: MachineTotal;
}

async function runBatch(
  { job, hooks, pool, total }: BatchContext,
  batch: RunBatch,
  toObserve: number,
): Promise<Fault | null> {
  const { program, float, span } = job;
  const observedImages = Math.min(toObserve, batch.count);
  const { inputs, count, trap } = quantizeBatch(program, batch, observedImages);
  // Both computations count half.
  const share = float === null ? 1 : 2;
  const progress = (done: number): void => hooks.onProgress?.(batch.first - span.first + Math.floor(done / share));
  const logits = trap !== null || float === null ? null : await float.logits(batch, progress);
  hooks.signal?.throwIfAborted();
  const result = await pool.run(program, inputs.raws, count, {
    firstImage: batch.first,
    batchImages: taskImages(count, job.configuration.workers),
    observedImages: Math.min(observedImages, count),
    earlier: total.evidence,
    onProgress: (done) => progress((share - 1) * batch.count + done),
    ...(hooks.signal ? { signal: hooks.signal } : {}),
  });
  if (result.fault !== null || trap !== null) return result.fault ?? trap;
  total.add(batch, inputs, result, logits);
  const { outputs, captured } = result;
  hooks.onWords?.({ program, first: batch.first, inputs: inputs.raws, outputs, captured });
  if (float !== null && observedImages > 0) {
    await total.observeFloat(float, batch, observedImages);
    await total.observeNoise(batch, inputs, result, observedImages, hooks.signal);
  }
  return null;
}

/** A trap in the input register lets the images before it run: whichever fault has the lowest image counts. */
function quantizeBatch(
  program: Program,
  batch: RunBatch,
  observedImages: number,
): { readonly inputs: QuantizedImages; readonly count: number; readonly trap: Fault | null } {
  const { first, count, values } = batch;
  const inputs = quantizeImages(program, values, count, observedImages, first);
  const trap = inputTrap(inputs);
  if (trap === null) return { inputs, count, trap };
  const before = (trap.site?.image ?? first) - first;
  const elements = values.length / count;
  return {
    inputs: quantizeImages(program, values.subarray(0, before * elements), before, 0, first),
    count: before,
    trap,
  };
}

/** Adds up what batches show. */
class MachineTotal {
  readonly #program: Program;
  readonly #hasFloat: boolean;
  readonly #answers: AnswerTally;
  readonly #errors: RunErrors = new RunErrors();
  readonly #digest: Digest = new Digest();
  #result: PoolResult | null = null;
  #inputEvidence: RegisterEvidence = { overflow: 0, first: null, statistics: null };
  readonly #floatLayers: Map<string, Float32Array[]> = new Map<string, Float32Array[]>();
  readonly #noise: LayerNoiseMeter | null;

  constructor(program: Program, float: MachineFloat | null, seed: number) {
    this.#noise = float === null ? null : new LayerNoiseMeter(program, float.lowered);
    this.#program = program;
    this.#hasFloat = float !== null;
    this.#answers = new AnswerTally(seed, program.modelOutputs);
  }

  add(batch: RunBatch, inputs: QuantizedImages, result: PoolResult, logits: Float32Array | null): void {
    const program = this.#program;
    const { format, unit } = tensorSymbol(program, program.output);
    const fixed = comparableRaws(result.outputs, format);
    const classes = outputElements(program);
    this.#answers.add({ fixed, float: logits, images: batch.count, classes }, batch.labels);
    if (logits !== null) {
      const values = rawsToValues(result.outputs, format);
      const scale = unit?.scale ?? 1;
      this.#errors.add(logits, scale === 1 ? values : values.map((word) => word * scale), batch.count);
    }
    this.#digest.add(result.outputs);
    this.#inputEvidence = mergeRegisterEvidence(this.#inputEvidence, inputs.evidence);
    const part: PoolResult = { ...result, outputs: result.outputs.slice(0, 0) };
    this.#result = this.#result === null ? part : mergeResults(program, this.#result, part);
  }

  /** Of the batches added so far. */
  get evidence(): readonly LayerEvidence[] {
    return this.#result?.evidence ?? [];
  }

  /** Values of every node for the first images of a batch. */
  async observeFloat({ lowered }: MachineFloat, { values, count }: RunBatch, images: number): Promise<void> {
    const elements = values.length / count;
    await lowered.run(values.subarray(0, images * elements), images, (name, found) => {
      const layer = lowered.layerOf(name);
      if (layer !== undefined) {
        this.#floatLayers.set(layer, [...(this.#floatLayers.get(layer) ?? []), Float32Array.from(found)]);
      }
      return undefined;
    });
  }

  /** What each layer's own quantization adds, for the first images of a batch. */
  async observeNoise(
    { values, count }: RunBatch,
    { raws }: QuantizedImages,
    { captured }: PoolResult,
    images: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const first = (all: number): number => (all / count) * images;
    const observed = { count: images, values: values.subarray(0, first(values.length)), captured };
    await this.#noise?.add({ ...observed, inputs: raws.slice(0, first(raws.length)) }, signal);
  }

  outcome(): Omit<MachineOutcome, "observed"> {
    if (this.#result === null) throw new InvariantError("a run of no images");
    return {
      answers: this.#answers,
      error: this.#hasFloat ? this.#errors.figures() : null,
      imageErrors: this.#hasFloat ? this.#errors.byImage() : null,
      digest: this.#digest.finish(),
      result: this.#result,
      inputs: { evidence: this.#inputEvidence },
      noise: this.#noise?.figures() ?? new Map(),
      floatLayers: new Map([...this.#floatLayers].map(([name, arrays]) => [name, joined(arrays)])),
    };
  }
}
