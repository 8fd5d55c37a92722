/** Runs a network of which the machine computes some layers and float the others. */
import type { GraphNode } from "../../../compiler/graph/graph.ts";
import type { HybridPlan, ProgramStep } from "../../../compiler/hybrid/hybrid-plan.ts";
import { InvariantError } from "../../../isa/diagnostic.ts";
import { tensorGenerator } from "../../../isa/numerics/random.ts";
import type { Raws } from "../../../isa/numerics/raws.ts";
import { registerText } from "../../../isa/numerics/register.ts";
import { elementCount, type Program } from "../../../isa/program/program.ts";
import { type LayerEvidence, mergeEvidence } from "../../../sim/evidence.ts";
import type { Fault } from "../../../sim/fault.ts";
import type { PoolResult } from "../../../sim/pool/pool.ts";
import type { FloatNetwork, NodeObserver } from "../../float-reference/interpreter.ts";
import { type ExtrinsicEvidence, quantizeValues } from "../extrinsic.ts";
import { tensorSymbol } from "../host-input.ts";
import type { RunBatch } from "../image-batches.ts";
import { rawsToValues } from "../values.ts";
import { ancestors, FloatPrefix } from "./float-prefix.ts";
import { type HybridValue, joinOperands, type LoadedWords, loadEntry, loadWords } from "./operand-words.ts";

/** Runs images on programs, whose number is the plan's. */
export interface ProgramRunner {
  run(program: Program, raws: Raws, count: number, firstImage: number, signal?: AbortSignal): Promise<PoolResult>;
}

/** What the machine showed of one program, over all images so far. */
export interface ProgramEvidence {
  readonly step: ProgramStep;
  evidence: readonly LayerEvidence[];
  /** Words of the entry, or of the operands, that did not fit the input register, on the host. */
  inputOverflow: number;
}

export interface HybridOutputs {
  /** images × output elements. */
  readonly values: Float32Array;
  /** The same as words, where the machine wrote them. */
  readonly words: HybridValue["words"];
}

/** Values of one batch, 64 MiB: images beyond are taken one part after the other. */
const BATCH_BYTES = 2 ** 26;

/**
 * Between the machine and float values pass as float32, which carries words of up to 24 significant bits exactly; from one
 * program to the next they pass as words. What float computes before the first quantized layer comes from `prefix`.
 */
export class HybridNetwork {
  readonly plan: HybridPlan;
  readonly programs: readonly ProgramEvidence[];
  readonly #float: FloatNetwork;
  readonly #prefix: FloatPrefix;
  readonly #runner: ProgramRunner;
  readonly #seed: number;
  readonly #outline: Outline;
  readonly #extrinsic: Map<string, ExtrinsicEvidence> = new Map<string, ExtrinsicEvidence>();
  readonly #random: Map<string, ReturnType<typeof tensorGenerator>>;

  /** `float` computes the plan's own graph; `prefix` belongs to it. */
  constructor(
    plan: HybridPlan,
    {
      float,
      prefix,
      runner,
      seed,
    }: {
      readonly float: FloatNetwork;
      readonly prefix?: FloatPrefix;
      readonly runner: ProgramRunner;
      readonly seed: number;
    },
  ) {
    this.plan = plan;
    this.programs = plan.steps.flatMap((step) =>
      step.kind === "program" ? [{ step, evidence: step.program.layers.map(() => ({})), inputOverflow: 0 }] : [],
    );
    this.#float = float;
    this.#prefix = prefix ?? new FloatPrefix(float);
    this.#runner = runner;
    this.#seed = seed;
    this.#outline = new Outline(plan);
    this.#random = new Map([...plan.extrinsic.keys()].map((name) => [name, tensorGenerator(seed, name)]));
    this.#prefix.keepOnly(this.#outline.frontier);
  }

  /** Of the layers quantized behind float, over all images so far. */
  get extrinsic(): ReadonlyMap<string, ExtrinsicEvidence> {
    return this.#extrinsic;
  }

  /** The next images, or the fault that stopped them. `onProgress` hears of images done. */
  async run(
    batch: RunBatch,
    options: { readonly signal?: AbortSignal; readonly onProgress?: (done: number) => void } = {},
  ): Promise<HybridOutputs | { readonly fault: Fault }> {
    const elements = batch.values.length / batch.count;
    const size = Math.max(1, Math.floor(BATCH_BYTES / (4 * this.#outline.liveElements)));
    const parts: HybridValue[] = [];
    for (let first = 0; first < batch.count; first += size) {
      const count = Math.min(size, batch.count - first);
      const values = batch.values.subarray(first * elements, (first + count) * elements);
      const part = { first: batch.first + first, count, values, labels: null };
      const result = await this.#runPart(part, options.signal);
      if ("fault" in result) return result;
      parts.push(result);
      options.onProgress?.(first + count);
    }
    return joinedValues(parts);
  }

  async #runPart(batch: RunBatch, signal: AbortSignal | undefined): Promise<HybridValue | { readonly fault: Fault }> {
    const { frontier, prefixNodes } = this.#outline;
    const known = new Map<string, HybridValue>();
    for (const [name, values] of await this.#prefix.values(frontier, prefixNodes, batch)) {
      known.set(name, { values, words: null });
    }
    for (const [index, step] of this.plan.steps.entries()) {
      signal?.throwIfAborted();
      if (step.kind === "program") {
        const result = await this.#runProgram(step, known, batch, signal);
        if ("fault" in result) return result;
        known.set(step.exit, result);
      } else {
        const fault = await this.#runFloat(index, known, batch);
        if (fault !== null) return { fault };
      }
      for (const name of this.#outline.lastReadBy(index)) known.delete(name);
    }
    return required(known.get(this.plan.graph.output), this.plan.graph.output);
  }

  async #runFloat(index: number, known: Map<string, HybridValue>, batch: RunBatch): Promise<Fault | null> {
    const { nodes, given, wanted } = this.#outline.floatPart(index);
    if (nodes.length === 0) return null;
    const inputs = new Map(given.map((name) => [name, required(known.get(name), name).values]));
    let fault: Fault | null = null;
    const observe: NodeObserver = (name, values, { first, count }) => {
      const register = this.plan.extrinsic.get(name);
      if (register === undefined) return undefined;
      const evidence = this.#extrinsic.get(name) ?? { overflow: 0, first: null, min: Infinity, max: -Infinity };
      this.#extrinsic.set(name, evidence);
      const place = { first: batch.first + first, count };
      const quantized = quantizeValues(name, values, register, evidence, this.#random.get(name), place);
      if (register.overflow === "trap" && evidence.first !== null && fault === null) {
        const { image, element, before } = evidence.first;
        const message = `image ${image}, element ${element} of layer "${name}": raw ${before} does not fit ${registerText(register)}`;
        fault = { kind: "overflow-trap", pc: null, cycle: null, message, site: null };
      }
      return quantized;
    };
    const quantizes = nodes.some(({ name }) => this.plan.extrinsic.has(name));
    const part = { given: inputs, nodes, wanted };
    const computed = await this.#float.runPart(part, batch.count, quantizes ? { observe } : {});
    for (const [name, values] of computed) known.set(name, { values, words: null });
    return fault;
  }

  async #runProgram(
    step: ProgramStep,
    known: ReadonlyMap<string, HybridValue>,
    batch: RunBatch,
    signal: AbortSignal | undefined,
  ): Promise<HybridValue | { readonly fault: Fault }> {
    const { program } = step;
    const { first, count } = batch;
    const loaded = this.#load(step, known, batch);
    if (loaded.fault !== null) return { fault: loaded.fault };
    const result = await this.#runner.run(program, loaded.raws, count, first, signal);
    if (result.fault !== null) return { fault: result.fault };
    const total = this.programs.find((each) => each.step === step);
    if (total === undefined) throw new InvariantError("a program that the plan does not have");
    total.evidence = mergeEvidence([...total.evidence], [...result.evidence]);
    total.inputOverflow += loaded.overflow;
    const { format } = tensorSymbol(program, program.output);
    return { values: rawsToValues(result.outputs, format), words: { raws: result.outputs, format } };
  }

  #load(step: ProgramStep, known: ReadonlyMap<string, HybridValue>, { first, count }: RunBatch): LoadedWords {
    const { program, entry, operands } = step;
    if (entry !== null) return loadEntry(program, required(known.get(entry), entry), { firstImage: first, count });
    const loaded = operands.map(({ value, register, channels }, index) => {
      const place = { seed: this.#seed, firstImage: first, count, name: `${step.exit}/operand ${index + 1}` };
      return { ...loadWords(required(known.get(value), value), register, place), format: register.format, channels };
    });
    return {
      raws: joinOperands(program, loaded, count),
      overflow: loaded.reduce((sum, { overflow }) => sum + overflow, 0),
      fault: loaded.find(({ fault }) => fault !== null)?.fault ?? null,
    };
  }
}

interface StepPart {
  readonly nodes: readonly GraphNode[];
  readonly given: readonly string[];
  readonly wanted: readonly string[];
}

/** What each step of a plan reads and leaves. */
class Outline {
  /** Nodes that depend on no quantized layer, in order. */
  readonly prefixNodes: readonly GraphNode[];
  /** Values of those nodes, or the network's input, that the rest reads. */
  readonly frontier: readonly string[];
  /** Elements of one image of all values that may be held at once, from above. */
  readonly liveElements: number;
  readonly #parts: readonly StepPart[];
  readonly #lastReader: ReadonlyMap<string, number>;

  constructor({ graph, steps, extrinsic }: HybridPlan) {
    const shapes = new Map([graph.input, ...graph.nodes].map(({ name, shape }) => [name, shape]));
    const isPrefix = new Set([graph.input.name]);
    for (const step of steps) {
      if (step.kind === "program") continue;
      for (const { name, inputs } of step.nodes) {
        if (!extrinsic.has(name) && inputs.every((input) => isPrefix.has(input))) isPrefix.add(name);
      }
    }
    this.prefixNodes = graph.nodes.filter(({ name }) => isPrefix.has(name));
    const nodesOf = steps.map((step) =>
      step.kind === "program" ? [] : step.nodes.filter(({ name }) => !isPrefix.has(name)),
    );
    const reads = steps.map((step, index): readonly string[] => {
      if (step.kind === "program") return step.entry === null ? step.operands.map(({ value }) => value) : [step.entry];
      const own = new Set((nodesOf[index] ?? []).map(({ name }) => name));
      return [...new Set((nodesOf[index] ?? []).flatMap(({ inputs }) => inputs))].filter((name) => !own.has(name));
    });
    const lastReader = new Map(reads.flatMap((names, index) => names.map((name) => [name, index] as const)));
    lastReader.set(graph.output, steps.length);
    this.#lastReader = lastReader;
    this.#parts = steps.map((_, index): StepPart => {
      const nodes = nodesOf[index] ?? [];
      const wanted = nodes.flatMap(({ name }) => (lastReader.has(name) ? [name] : []));
      return { nodes: ancestors(nodes, wanted), given: reads[index] ?? [], wanted };
    });
    this.frontier = [...lastReader.keys()].filter((name) => isPrefix.has(name));
    const held = [...lastReader.keys()].map((name) => elementCount(shapes.get(name) ?? []));
    this.liveElements = Math.max(
      1,
      held.reduce((sum, elements) => sum + elements, 0),
    );
  }

  floatPart(index: number): StepPart {
    return required(this.#parts[index], `step ${index}`);
  }

  /** Values that no later step reads. */
  lastReadBy(index: number): readonly string[] {
    return [...this.#lastReader].flatMap(([name, reader]) => (reader === index ? [name] : []));
  }
}

function joinedValues(parts: readonly HybridValue[]): HybridOutputs {
  const [only] = parts;
  if (only === undefined) return { values: new Float32Array(0), words: null };
  if (parts.length === 1) return only;
  const length = parts.reduce((sum, { values }) => sum + values.length, 0);
  const values = new Float32Array(length);
  const raws =
    only.words === null
      ? null
      : only.words.raws instanceof Int32Array
        ? new Int32Array(length)
        : new BigInt64Array(length);
  let offset = 0;
  for (const part of parts) {
    values.set(part.values, offset);
    if (raws !== null && part.words !== null) (raws as Int32Array).set(part.words.raws as Int32Array, offset);
    offset += part.values.length;
  }
  return { values, words: raws === null || only.words === null ? null : { raws, format: only.words.format } };
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new InvariantError(`hybrid network: no value "${name}"`);
  return value;
}
