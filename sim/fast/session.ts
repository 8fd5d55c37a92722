import { allocateRaws, type Raws } from "../../isa/numerics/raws.ts";
import type { Program } from "../../isa/program/program.ts";
import type { CycleReport } from "../cycles.ts";
import type { BatchResult, EngineSession, ImageBatch, RunOptions } from "../engine.ts";
import { type Fault, trapFault } from "../fault.ts";
import { BatchEvidence } from "./evidence/batch-evidence.ts";
import type { DramTensor } from "./memory/dram.ts";
import { copyRaws, exportWords } from "./memory/words.ts";
import type { PreparedProgram } from "./prepare/prepare.ts";
import type { ImageContext } from "./step.ts";

/** A prepared program, image after image. */
export class FastSession implements EngineSession {
  readonly cycles: CycleReport;
  readonly kernels: string;
  private readonly program: Program;
  private readonly prepared: PreparedProgram;

  constructor(program: Program, prepared: PreparedProgram, cycles: CycleReport) {
    this.program = program;
    this.prepared = prepared;
    this.cycles = cycles;
    this.kernels = prepared.kernels;
  }

  /** Images before a trap are complete; the image that traps leaves neither output nor evidence. */
  run(batch: ImageBatch, options: RunOptions): BatchResult {
    const { program, prepared } = this;
    const evidence = new BatchEvidence(program.layers.length, options.located);
    const output = prepared.dram.tensor(program.output);
    const outputs = new Capture(output, batch.count);
    const captured = options.capture ? this.capturedTensors().map((tensor) => new Capture(tensor, batch.count)) : [];
    let fault: Fault | null = null;
    let images = 0;
    while (images < batch.count) {
      const context = { image: batch.firstImage + images, statistics: options.statistics, evidence };
      this.runImage(batch, images, context);
      if (evidence.trap !== null) {
        fault = trapFault(evidence.trap);
        break;
      }
      evidence.completeImage();
      for (const capture of [outputs, ...captured]) capture.take(images);
      images++;
    }
    return {
      images,
      outputs: outputs.of(images),
      evidence: evidence.result(prepared.present),
      captured: new Map(captured.map((capture) => [capture.name, capture.of(images)])),
      fault,
    };
  }

  private runImage(batch: ImageBatch, index: number, context: ImageContext): void {
    const { symbol, words } = this.prepared.dram.tensor(this.program.input);
    copyRaws(batch.raws, index * words.length, words.length, symbol.format, words);
    for (const step of this.prepared.steps) step(context);
  }

  private capturedTensors(): DramTensor[] {
    return this.program.tensors
      .filter(({ role }) => role === "intermediate" || role === "output")
      .map(({ name }) => this.prepared.dram.tensor(name));
  }
}

/** The words of one tensor, image by image. */
class Capture {
  private readonly tensor: DramTensor;
  private readonly raws: Raws;

  constructor(tensor: DramTensor, images: number) {
    this.tensor = tensor;
    this.raws = allocateRaws(tensor.symbol.format, tensor.words.length * images);
  }

  get name(): string {
    return this.tensor.symbol.name;
  }

  take(image: number): void {
    exportWords(this.tensor.words, this.raws, image * this.tensor.words.length);
  }

  of(images: number): Raws {
    return this.raws.slice(0, images * this.tensor.words.length);
  }
}
