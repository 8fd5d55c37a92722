import type { Instruction } from "../instructions/table.ts";
import type { Machine } from "../machine.ts";
import type { FixedPointFormat } from "../numerics/format.ts";
import type { Raws } from "../numerics/raws.ts";
import type { CalibratedRange, DatapathSpec } from "./datapath.ts";

/**
 * What words stand for beside their format: value = word · scale, and where the model's file wrote integers these are word + zeroPoint.
 * The host cuts an input to lowest … highest.
 */
export interface TensorUnit {
  readonly scale: number;
  readonly zeroPoint: number;
  readonly lowest?: number | undefined;
  readonly highest?: number | undefined;
}

/** A tensor in DRAM: rows × columns × channels words, channel fastest, packed at the format's own word length. */
export interface TensorSymbol {
  readonly name: string;
  readonly role: "input" | "output" | "constant" | "intermediate";
  /** Bit address, a multiple of the DRAM word. Tensors do not overlap. */
  readonly address: number;
  /** Rows, columns, channels. */
  readonly shape: readonly [number, number, number];
  readonly format: FixedPointFormat;
  /** Absent where words are their values: raw · 2^−F. */
  readonly unit?: TensorUnit | undefined;
}

export const LAYER_KINDS = [
  "conv2d",
  "convTranspose2d",
  "dense",
  "pool",
  "requantize",
  "add",
  "subtract",
  "multiply",
  "lookup",
  "activation",
  "concatenate",
  "copy",
] as const;
export type LayerKind = (typeof LAYER_KINDS)[number];

/** The look-up table of a layer that computes a function: what it holds and how well it stands for the function. */
export interface TableSymbol {
  /** Tensor of its words. */
  readonly tensor: string;
  readonly entries: number;
  /** Lowest bits of an input word between two entries: not seen, or interpolated. */
  readonly droppedBits: number;
  /** Values lie on the line between two entries. */
  readonly interpolated: boolean;
  /** The values that it stands for; words beyond read its ends. */
  readonly range: CalibratedRange;
  /** Largest distance between the layer's words and the function, cut to the output's range, over the input words in the range. */
  readonly largestError: number;
  /** Σ f² / Σ (word − f)² in decibels, every input word in the range counted alike; null where no word differs, or the function is 0. */
  readonly sqnr: number | null;
  /** Entries beyond the output's range, where the output register fits them as its overflow mode says. */
  readonly clipped: number;
}

/** Tensors of a layer's words that are known at compile time; those it has not are missing. Its table's is in `TableSymbol`. */
export interface ConstantTensors {
  /** In the order in which tiles are loaded. */
  readonly weight?: string;
  /** Multipliers of an integer requantization, one for each filter. */
  readonly scale?: string;
  readonly bias?: string;
}

/** A run of instructions that computes one layer, and what a report says of it. */
export interface LayerSymbol {
  readonly name: string;
  readonly kind: LayerKind;
  /** First instruction and one past the last; layers are contiguous and in program order. */
  readonly firstInstruction: number;
  readonly endInstruction: number;
  /** E · N · K / groups, padding zeros included; 0 for layers without multiplications on the array. */
  readonly macs: number;
  readonly datapath: DatapathSpec;
  /** Names of the tensors read and written. */
  readonly inputs: readonly string[];
  readonly output: string;
  readonly constants: ConstantTensors;
  /** True where the layer's input format differs from its producer's output format: loading quantizes again. */
  readonly doubleRounding: boolean;
  /** Of layers of kind `lookup`. */
  readonly table?: TableSymbol;
  /** Of layers that together are one recurrent layer of the model. */
  readonly recurrent?: RecurrentPart;
}

/** The recurrent layer that a layer is a part of. */
export interface RecurrentPart {
  /** Its name in the model. */
  readonly layer: string;
  /** Position in the sequence, from 0; absent for what stands outside the steps. */
  readonly step?: number;
}

/**
 * Where the tile that a compute instruction writes lies in its layer's output: pixel e at row `row` + ⌊e / columns⌋ · rowStep
 * and column `column` + (e mod columns) · columnStep.
 */
export interface TileSymbol {
  readonly instruction: number;
  readonly row: number;
  readonly column: number;
  readonly channel: number;
  /** Output columns of the tile. */
  readonly columns: number;
  /** Channels (filters) of the tile; element i of a vector instruction is pixel ⌊i / channels⌋, channel i mod channels. */
  readonly channels: number;
  /** Distances of the tile's rows and columns in the output, 1 where they are not given. */
  readonly rowStep?: number;
  readonly columnStep?: number;
}

export interface Constant {
  /** Name of a tensor of role `constant`. */
  readonly tensor: string;
  readonly raws: Raws;
}

/** Counts of words clipped while constants were quantized, per layer. */
export interface CompileOverflow {
  readonly layer: string;
  readonly weight: number;
  readonly bias: number;
}

/** A tensor that the model declares as an output, in the words of the program's. Several lie one behind the other. */
export interface ModelOutput {
  /** The model's own name of it. */
  readonly name: string;
  /** The model's own shape of it, for one image. */
  readonly shape: readonly number[];
  /** Its axes as they lie in memory, outermost first: [0, 2, 3, 1] for [1, C, H, W] whose channels lie innermost. */
  readonly order: readonly number[];
}

/** What the compiler hands to the simulator: complete, plain, serialisable. */
export interface Program {
  readonly machine: Machine;
  /** Seed of every stochastic register and of stochastic constants. */
  readonly seed: number;
  readonly instructions: readonly Instruction[];
  readonly tensors: readonly TensorSymbol[];
  readonly constants: readonly Constant[];
  readonly layers: readonly LayerSymbol[];
  readonly tiles: readonly TileSymbol[];
  readonly compileOverflow: readonly CompileOverflow[];
  /** Name of the tensor the host fills before, and of the one it reads after each image. */
  readonly input: string;
  readonly output: string;
  /** What the model calls its outputs, where it declares any: the host reads the words of `output` in their order. */
  readonly modelOutputs?: readonly ModelOutput[];
  /** What the host computes from the output tensor, in order: `softmax`, `argmax`, … */
  readonly hostOperators: readonly string[];
  /** JSON the compiler's caller wants to travel along (model name, input recipe, configuration). */
  readonly metadata: Readonly<Record<string, unknown>>;
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
