import type { DataflowArray } from "../../../isa/dataflow/table.ts";
import type { FixedPointFormat, RawRange } from "../../../isa/numerics/format.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import type { Words } from "../memory/words.ts";

/*
 * What the fast engine asks of a matrix kernel. A kernel knows words, formats and the order of accumulation; it knows no
 * program, no memory map and no evidence. Everything below is fixed while a program is prepared; per image only
 * `BoundKernel.run` is called, and it allocates nothing.
 */

/** One matrix tile: E pixels × N filters, K steps each, as isa/README.md ("Array") defines them. */
export interface MatrixProblem {
  /** E, N and K. */
  readonly pixels: number;
  readonly filters: number;
  readonly steps: number;
  readonly array: DataflowArray;
  /** Sums go on from what the bank holds. */
  readonly accumulate: boolean;
  readonly operand: FixedPointFormat;
  readonly weight: FixedPointFormat;
  readonly product: RegisterSpec;
  readonly accumulator: RegisterSpec;
  /** Words that can occur; within the formats, tighter where the words are known. */
  readonly operandRange: RawRange;
  readonly weightRange: RawRange;
  /**
   * Where growth proves that additions may be reordered (isa/numerics/growth.ts: no addition rounds, no partial sum leaves the
   * accumulator): a range that holds every partial sum, at the accumulator's F. Else null.
   */
  readonly freeSums: RawRange | null;
}

/** Word (k, n) lies at base + k · pitch + n. */
export interface WeightTile {
  readonly words: Words;
  readonly base: number;
  readonly pitch: number;
  /** The words never change: a kernel may pack them once, and keep what it packed with this object. */
  readonly constant: boolean;
}

/** Where a tile's words are. Input word (e, k): inputBase + pixelOffsets[e] + stepOffsets[k]; sum (e, n): sumBase + e · sumPitch + n. */
export interface MatrixOperands {
  readonly input: Words;
  readonly inputBase: number;
  readonly pixelOffsets: Int32Array;
  readonly stepOffsets: Int32Array;
  readonly weights: WeightTile;
  readonly sums: Words;
  readonly sumBase: number;
  readonly sumPitch: number;
  /** Seed and ordinal of the instruction, for stochastic registers. */
  readonly seed: number;
  readonly instruction: number;
}

/** Overflows of a register in the last run; `UNCOUNTED` where a kernel only knows that there were some. */
export interface OverflowCounter {
  overflows: number;
}

/** At least one overflow: the engine then counts them in a second, exact pass over the tile. */
export const UNCOUNTED = -1;

/** A kernel with its operands. */
export interface BoundKernel {
  readonly product: OverflowCounter;
  readonly accumulator: OverflowCounter;
  /** Computes the tile; sets both counters. `image` seeds stochastic registers. */
  run(image: number): void;
}

export interface MatrixKernel {
  readonly name: string;
  bind(problem: MatrixProblem, operands: MatrixOperands): BoundKernel;
}

/** Arithmetic of a kernel: signed 32-bit integers, integers in doubles, or big integers. */
export type Lane = "int32" | "float64" | "bigint";

/**
 * What a kernel may leave out.
 * - dot: products lose nothing and additions are free: the plain dot product, in any order.
 * - free: products are rounded or clipped, additions are free.
 * - ordered: every addition is fitted, in the dataflow's order; none rounds.
 * - stepwise: anything else: random words, rounded additions, all in the array's own order.
 */
export type KernelForm = "dot" | "free" | "ordered" | "stepwise";

export interface LaneChoice {
  readonly lane: Lane;
  readonly form: KernelForm;
}

/** A quantization in a chain of numbers that is proved exact in doubles (`NumberChain`). */
export interface NumberStage {
  /** s; at most 0 where no bit is dropped. */
  readonly droppedBits: number;
  readonly register: RegisterSpec;
}

/** What stands between an exact value and the output register, in doubles. */
export interface NumberActivation {
  readonly kind: "none" | "relu" | "clip";
  /** Factor before the comparison with the ends of `clip`. */
  readonly scale: number;
  /** Ends of `clip`; `lowest` is 0 for `relu`. */
  readonly lowest: number;
  readonly highest: number;
}

/**
 * A requantize instruction in doubles, element by element: word → `before` → · valueScale + bias · biasScale → `added` →
 * activation → `written`. Word (e, n) of sums and outputs lies at base + e · pitch + n.
 */
export interface RequantizeTask {
  readonly pixels: number;
  readonly filters: number;
  readonly sums: Words;
  readonly sumBase: number;
  readonly sumPitch: number;
  readonly outputs: Words;
  readonly outputBase: number;
  readonly outputPitch: number;
  /** Null where nothing is added. */
  readonly biases: { readonly words: Words; readonly base: number; readonly scale: number } | null;
  readonly before: NumberStage | null;
  readonly valueScale: number;
  readonly added: NumberStage | null;
  readonly activation: NumberActivation;
  readonly written: NumberStage;
  /** No value of the chain, with what rounding adds to it, is larger. */
  readonly magnitude: bigint;
}

export interface BoundRequantize {
  readonly before: OverflowCounter;
  readonly added: OverflowCounter;
  readonly written: OverflowCounter;
  run(): void;
}

export const ELEMENT_WISE_OPERATIONS = ["copy", "add", "subtract", "multiply", "maximum", "minimum"] as const;
export type ElementWiseOperation = (typeof ELEMENT_WISE_OPERATIONS)[number];

/** A vector instruction in doubles, element by element: a · scaleA ∘ b · scaleB → activation → `written`; `copy` reads a alone. */
export interface ElementWiseTask {
  readonly operation: ElementWiseOperation;
  readonly elements: number;
  readonly a: Words;
  readonly baseA: number;
  readonly scaleA: number;
  readonly b: Words;
  readonly baseB: number;
  readonly scaleB: number;
  readonly outputs: Words;
  readonly outputBase: number;
  readonly activation: NumberActivation;
  readonly written: NumberStage;
  /** No value of the chain, with what rounding adds to it, is larger. */
  readonly magnitude: bigint;
}

export interface BoundElementWise {
  readonly written: OverflowCounter;
  run(): void;
}

/** A maximum over windows: channel c of output i is the largest of input words base + offset + c, for the window's offsets. */
export interface MaximumTask {
  readonly channels: number;
  readonly input: Words;
  readonly inputBase: number;
  readonly output: Words;
  readonly outputBase: number;
  /** Offsets of all windows, one after the other, and where each ends. None is empty. */
  readonly offsets: Int32Array;
  readonly ends: Int32Array;
}

/** A set of kernels, and the arrays they work on. */
export interface KernelLibrary {
  readonly name: string;
  /** Words of on-chip memories; a library may place them where its kernels reach them. */
  allocate(type: Pick<FixedPointFormat, "wordLength" | "signed">, length: number): Words;
  /** The kernel for a lane; every lane has one. */
  matrix(problem: MatrixProblem, choice: LaneChoice): MatrixKernel;
  /** A requantize instruction; null, or nothing, where the library has no better way than the engine. */
  readonly requantize?: (task: RequantizeTask) => BoundRequantize | null;
  readonly elementWise?: (task: ElementWiseTask) => BoundElementWise | null;
  readonly maximum?: (task: MaximumTask) => (() => void) | null;
  /** Of a library that keeps memory: one for one more program, freed with it. */
  readonly forProgram?: () => KernelLibrary;
}
