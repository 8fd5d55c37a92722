import { InvariantError } from "../../isa/diagnostic.ts";
import { allocateRaws, type Raws } from "../../isa/numerics/raws.ts";
import { elementCount, type Program, type TensorSymbol } from "../../isa/program/program.ts";
import type { CycleReport } from "../cycles.ts";
import type { BatchResult, Engine, EngineSession, ImageBatch, RunOptions } from "../engine.ts";
import { type LayerEvidence, mergeEvidence } from "../evidence.ts";
import type { Fault } from "../fault.ts";
import { runProgram } from "./clock.ts";
import { CycleCounter } from "./cycle-counter.ts";
import { Dram } from "./dram.ts";
import { EvidenceCollector } from "./evidence-collector.ts";
import { MachineState } from "./machine-state.ts";
import { MultiplicationCounter } from "./multiplication-counter.ts";
import { broadcast, type Observer } from "./observer.ts";

/** A session of the reference engine; it can show a little more than the contract asks for. */
export interface ReferenceSession extends EngineSession {
  /** Multiplications of the array in the last image that ran to its end; 0 before. */
  readonly multiplications: number;
}

export interface ReferenceEngine extends Engine {
  /** Never a fault: what admission (sim/check) would have refused shows when the machine gets there. */
  open(program: Program, observers?: readonly Observer[]): { readonly session: ReferenceSession };
}

/** Steps the machine cycle by cycle: registers of every element, operands on their way, units stalling on tokens. */
export const referenceEngine: ReferenceEngine = {
  name: "reference",
  open: (program, observers = []) => ({ session: new Session(program, observers) }),
};

class Session implements ReferenceSession {
  readonly kernels: string = "every register, cycle by cycle";
  readonly #program: Program;
  readonly #observers: readonly Observer[];
  #cycles: CycleReport | null = null;
  #multiplications = 0;

  constructor(program: Program, observers: readonly Observer[]) {
    this.#program = program;
    this.#observers = observers;
  }

  get multiplications(): number {
    return this.#multiplications;
  }

  /**
   * Counted while the first image runs. Asked for earlier, a zero image runs, which no trap stops and no observer sees.
   * Throws `InvariantError` for a program that faults: admission should have refused it.
   */
  get cycles(): CycleReport {
    if (this.#cycles === null) {
      const input = tensorNamed(this.#program, this.#program.input);
      const zeros = allocateRaws(input.format, elementCount(input.shape));
      const { fault } = this.#runImage(0, zeros, 0, false, []);
      if (fault !== null) throw new InvariantError(`no cycles of a program that faults: ${fault.message}`);
    }
    return this.#cycles as CycleReport;
  }

  run(batch: ImageBatch, options: RunOptions): BatchResult {
    const input = elementCount(tensorNamed(this.#program, this.#program.input).shape);
    const results = new ImageResults(this.#program, batch.count, options.capture);
    for (let position = 0; position < batch.count; position++) {
      const collector = new EvidenceCollector(this.#program, options.statistics);
      const counter = new MultiplicationCounter();
      const observers = [collector, counter, ...this.#observers];
      const image = batch.firstImage + position;
      const { fault, dram } = this.#runImage(image, batch.raws, position * input, true, observers);
      if (fault !== null) return results.batch(fault);
      this.#multiplications = counter.count;
      results.add(dram, collector.evidence());
    }
    return results.batch(null);
  }

  #runImage(
    image: number,
    raws: Raws,
    firstElement: number,
    trapsStop: boolean,
    observers: readonly Observer[],
  ): { fault: Fault | null; dram: Dram } {
    const dram = new Dram(this.#program);
    dram.fill(this.#program.input, raws, firstElement);
    const cycleCounter = new CycleCounter(this.#program);
    const state = new MachineState(this.#program, image, dram, broadcast([cycleCounter, ...observers]));
    const fault = runProgram(state, this.#program.instructions, trapsStop);
    if (fault === null) this.#cycles ??= cycleCounter.report();
    return { fault, dram };
  }
}

/** What the images of a batch leave behind, image by image. */
class ImageResults {
  readonly #program: Program;
  readonly #outputs: Raws;
  readonly #captured: ReadonlyMap<string, Raws>;
  #evidence: LayerEvidence[];
  #images = 0;

  constructor(program: Program, count: number, capture: boolean) {
    const allocate = ({ format, shape }: TensorSymbol): Raws => allocateRaws(format, count * elementCount(shape));
    const captured = program.tensors.filter(({ role }) => role === "intermediate" || role === "output");
    this.#program = program;
    this.#outputs = allocate(tensorNamed(program, program.output));
    this.#captured = new Map(capture ? captured.map((tensor) => [tensor.name, allocate(tensor)]) : []);
    this.#evidence = program.layers.map(() => ({}));
  }

  /** An image that ran to its end. */
  add(dram: Dram, evidence: readonly LayerEvidence[]): void {
    const copy = (target: Raws, name: string): void => {
      const raws = dram.tensor(name);
      setAll(target, raws, this.#images * raws.length);
    };
    copy(this.#outputs, this.#program.output);
    for (const [name, target] of this.#captured) copy(target, name);
    this.#evidence = mergeEvidence(this.#evidence, evidence);
    this.#images++;
  }

  /** The result, cut to the images that ran to their end. */
  batch(fault: Fault | null): BatchResult {
    const cut = (raws: Raws, name: string): Raws =>
      raws.slice(0, this.#images * elementCount(tensorNamed(this.#program, name).shape));
    return {
      images: this.#images,
      outputs: cut(this.#outputs, this.#program.output),
      evidence: this.#evidence,
      captured: new Map([...this.#captured].map(([name, raws]) => [name, cut(raws, name)])),
      fault,
    };
  }
}

function setAll(target: Raws, source: Raws, offset: number): void {
  if (target instanceof Int32Array && source instanceof Int32Array) target.set(source, offset);
  else if (target instanceof BigInt64Array && source instanceof BigInt64Array) target.set(source, offset);
}

function tensorNamed(program: Program, name: string): TensorSymbol {
  const tensor = program.tensors.find((candidate) => candidate.name === name);
  if (tensor === undefined) throw new InvariantError(`the program has no tensor ${name}`);
  return tensor;
}
