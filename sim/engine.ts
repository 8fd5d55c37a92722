import type { Raws } from "../isa/numerics/raws.ts";
import type { Program } from "../isa/program/program.ts";
import type { CycleReport } from "./cycles.ts";
import type { EvidenceRegister, LayerEvidence } from "./evidence.ts";
import type { Fault } from "./fault.ts";

/** Consecutive images in the program's input format, image by image. */
export interface ImageBatch {
  /** Number of the first image in the data set: stochastic registers and evidence count from it. */
  readonly firstImage: number;
  readonly count: number;
  /** count × input elements. */
  readonly raws: Raws;
}

export interface RunOptions {
  /** Collect `RegisterStatistics`. Slower; overflow counts are always collected, and so are first offenders but for `located`. */
  readonly statistics: boolean;
  /** Return every intermediate tensor as well. */
  readonly capture: boolean;
  /**
   * By layer: registers of which an overflow in an image before this batch is located already. An engine may leave out
   * the first offender of such a register, which costs it a second pass: `first` can then be null beside a count above 0.
   * Merged with the evidence of those images, nothing is missing.
   */
  readonly located?: readonly ReadonlySet<EvidenceRegister>[];
}

export interface BatchResult {
  /** Images completed; fewer than asked for only when there is a fault. */
  readonly images: number;
  /** images × output elements. */
  readonly outputs: Raws;
  /** One per layer of the program. */
  readonly evidence: readonly LayerEvidence[];
  /** With `capture`: tensor name → images × elements, for intermediate and output tensors. */
  readonly captured: ReadonlyMap<string, Raws>;
  readonly fault: Fault | null;
}

/** A program set up on an engine. Holds memory, keeps no state between images. */
export interface EngineSession {
  /** What computes the sums, for reports, e.g. `WebAssembly SIMD: int16, dot`. No bit of a result depends on it. */
  readonly kernels: string;
  readonly cycles: CycleReport;
  run(batch: ImageBatch, options: RunOptions): BatchResult;
}

/** The contract both engines fill; nothing else is shared between them. */
export interface Engine {
  readonly name: string;
  /** A fault, found before the first cycle, or a session. */
  open(program: Program): { readonly fault: Fault } | { readonly session: EngineSession };
}
