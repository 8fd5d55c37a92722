import type { ConfigurePixels } from "../../../isa/instructions/configure-pixels.ts";
import type { ConfigureReduction } from "../../../isa/instructions/configure-reduction.ts";
import type { ConfigureRegister, MachineRegister } from "../../../isa/instructions/configure-register.ts";
import type { ConfigureTable } from "../../../isa/instructions/configure-table.ts";
import type { Load } from "../../../isa/instructions/load.ts";
import type { Matrix } from "../../../isa/instructions/matrix.ts";
import type { Pool } from "../../../isa/instructions/pool.ts";
import type { Preload } from "../../../isa/instructions/preload.ts";
import type { Requantize } from "../../../isa/instructions/requantize.ts";
import type { Store } from "../../../isa/instructions/store.ts";
import type { Instruction } from "../../../isa/instructions/table.ts";
import type { Vector } from "../../../isa/instructions/vector.ts";
import { DEFAULT_MACHINE, type Machine } from "../../../isa/machine.ts";
import { type FixedPointFormat, fixedPoint, rawRange } from "../../../isa/numerics/format.ts";
import { allocateRaws, type Raws, setRaw } from "../../../isa/numerics/raws.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import type { LayerSymbol, Program, TensorSymbol } from "../../../isa/program/program.ts";
import { tokenBit } from "../../../isa/tokens.ts";
import type { BatchResult, RunOptions } from "../../../sim/engine.ts";
import { referenceEngine } from "../../../sim/reference/engine.ts";
import type { Observer } from "../../../sim/reference/observer.ts";
import { withTrueDatapaths } from "../../arbitraries/true-datapaths.ts";

/* Hand-built programs: every instruction with the defaults of its plainest use, and a way to run them. */

/** A small machine: 2 × 2 elements, wide ports, no latency, one DRAM word of 64 bits a cycle. */
export const SMALL_MACHINE: Machine = {
  ...DEFAULT_MACHINE,
  name: "small",
  rows: 2,
  columns: 2,
  tail: 0,
  inputScratchpad: { capacityBits: 2 ** 17, banks: 1, bitsPerCycle: 2 ** 20 },
  weightScratchpad: { capacityBits: 2 ** 17, banks: 1, bitsPerCycle: 2 ** 20 },
  accumulatorBank: { capacityBits: 2 ** 17, banks: 1, bitsPerCycle: 2 ** 20 },
  outputBuffer: { capacityBits: 2 ** 17, banks: 1, bitsPerCycle: 2 ** 20 },
  dram: { capacityBits: 2 ** 22, wordBits: 64, bytesPerCycle: 8, latencyCycles: 0 },
};

export function tokens(...names: readonly string[]): number {
  return names.reduce((mask, name) => mask | tokenBit(name), 0);
}

const NO_TOKENS = { wait: 0, signal: 0 } as const;

/** `configure.load` for the load unit's registers, `configure.register` for the others. */
export function set(name: MachineRegister, spec: RegisterSpec | FixedPointFormat): ConfigureRegister {
  const { format, rounding, overflow, saturatedBits, dialect } = "format" in spec ? spec : register(spec);
  return {
    ...NO_TOKENS,
    opcode: name === "source" || name === "input" ? "configure.load" : "configure.register",
    register: name,
    wordLength: format.wordLength,
    fractionLength: BigInt(format.fractionLength),
    signed: format.signed,
    rounding,
    overflow,
    saturatedBits,
    dialect,
  };
}

export function pixels(
  rowCount: number,
  columnCount: number,
  rowStride: number,
  columnStride: number,
): ConfigurePixels {
  return { ...NO_TOKENS, opcode: "configure.pixels", rowCount, columnCount, rowStride, columnStride };
}

/** Counts and strides, outermost first. */
export function reduction(
  [outerCount, middleCount, innerCount]: readonly [number, number, number],
  [outerStride, middleStride, innerStride]: readonly [number, number, number],
): ConfigureReduction {
  const strides = { outerStride, middleStride, innerStride };
  return { ...NO_TOKENS, opcode: "configure.reduction", outerCount, middleCount, innerCount, ...strides };
}

export interface ClipEnds {
  readonly lowest: bigint;
  readonly highest: bigint;
  readonly fractionLength: number;
}

/** No `clip`. */
export const NO_ENDS: ClipEnds = { lowest: 0n, highest: 0n, fractionLength: 0 };

export function activation(name: "none" | "relu" | "clip", ends?: ClipEnds): Instruction {
  const { lowest = 0n, highest = 0n, fractionLength = 0 } = ends ?? {};
  const F = BigInt(fractionLength);
  return { ...NO_TOKENS, opcode: "configure.activation", activation: name, lowest, highest, fractionLength: F };
}

/** A dense row of words into a scratchpad. */
export function load(fields: Partial<Load> & Pick<Load, "channels">): Load {
  return {
    ...NO_TOKENS,
    opcode: "load",
    target: "inputScratchpad",
    dramAddress: 0,
    address: 0,
    rows: 1,
    columns: 1,
    rowStride: 0,
    columnStride: 0,
    padTop: 0,
    padBottom: 0,
    padLeft: 0,
    padRight: 0,
    ...fields,
  };
}

export function store(fields: Partial<Store> & Pick<Store, "channels" | "wordLength" | "dramAddress">): Store {
  return {
    ...NO_TOKENS,
    opcode: "store",
    address: 0,
    rows: 1,
    columns: 1,
    rowStride: 0,
    columnStride: 0,
    ...fields,
  };
}

export function matrix(fields: Partial<Matrix> & Pick<Matrix, "columns" | "reductionLength">): Matrix {
  return {
    ...NO_TOKENS,
    opcode: "matrix",
    inputAddress: 0,
    weightAddress: 0,
    accumulatorAddress: 0,
    weightPitch: fields.columns,
    accumulatorPitch: fields.columns,
    reductionStart: 0,
    accumulate: false,
    ...fields,
  };
}

export function preload(fields: Partial<Preload> & Pick<Preload, "pixels" | "columns">): Preload {
  return {
    ...NO_TOKENS,
    opcode: "preload",
    biasAddress: 0,
    accumulatorAddress: 0,
    accumulatorPitch: fields.columns,
    ...fields,
  };
}

export function requantize(fields: Partial<Requantize> & Pick<Requantize, "pixels" | "columns">): Requantize {
  return {
    ...NO_TOKENS,
    opcode: "requantize",
    accumulatorAddress: 0,
    biasAddress: 0,
    outputAddress: 0,
    accumulatorPitch: fields.columns,
    outputPitch: fields.columns,
    hasBias: false,
    useSum: false,
    hasScale: false,
    scaleAddress: 0,
    source: "accumulatorBank",
    hasDivisor: false,
    ...fields,
  };
}

export function pool(fields: Partial<Pool>): Pool {
  return {
    ...NO_TOKENS,
    opcode: "pool",
    kind: "maximum",
    inputAddress: 0,
    outputAddress: 0,
    inputRows: 1,
    inputColumns: 1,
    outputRows: 1,
    outputColumns: 1,
    channels: 1,
    kernelRows: 1,
    kernelColumns: 1,
    strideRows: 1,
    strideColumns: 1,
    padTop: 0,
    padLeft: 0,
    countPadding: false,
    ...fields,
  };
}

export function vector(fields: Partial<Vector> & Pick<Vector, "operation" | "elements">): Vector {
  return {
    ...NO_TOKENS,
    opcode: "vector",
    addressA: 0,
    addressB: 0,
    outputAddress: 0,
    shift: 0n,
    tableAddress: 0,
    period: 1,
    ...fields,
  };
}

/** Which words a table stands for. */
export function table(base: bigint, shift: number, entries: number): ConfigureTable {
  return { ...NO_TOKENS, opcode: "configure.table", base, shift, entries };
}

/** The table with an entry for every word of a format, `shift` low bits ignored. */
export function wholeTable(format: FixedPointFormat, shift: number): ConfigureTable {
  const { min, max } = rawRange(format);
  const first = min >> BigInt(shift);
  return table(first << BigInt(shift), shift, Number((max >> BigInt(shift)) - first) + 1);
}

export const SYNCHRONISE: Instruction = { ...NO_TOKENS, opcode: "synchronise" };
export const HALT: Instruction = { ...NO_TOKENS, opcode: "halt" };

export function rawsOf(format: FixedPointFormat, values: readonly (bigint | number)[]): Raws {
  const raws = allocateRaws(format, values.length);
  for (const [index, value] of values.entries()) setRaw(raws, index, BigInt(value));
  return raws;
}

/** A constant with its values; a plain tensor without. */
export interface TensorFields {
  readonly name: string;
  readonly role: TensorSymbol["role"];
  readonly format: FixedPointFormat;
  /** Number of words. */
  readonly length: number;
  readonly values?: readonly (bigint | number)[];
}

/** Tensors one after the other from bit 0, each at a multiple of 64 bits. */
export function placeTensors(tensors: readonly TensorFields[]): TensorSymbol[] {
  let address = 0;
  return tensors.map(({ name, role, format, length }) => {
    const tensor: TensorSymbol = { name, role, format, address, shape: [1, 1, length] };
    address = Math.ceil((address + length * format.wordLength) / 64) * 64;
    return tensor;
  });
}

const ANY = register(fixedPoint(16, 8));

/** A layer over a range of instructions; what a report says of it does not matter here. */
export function layer(name: string, firstInstruction: number, endInstruction: number): LayerSymbol {
  const datapath = {
    input: ANY,
    weight: ANY,
    product: ANY,
    accumulator: ANY,
    bias: ANY,
    output: ANY,
    averageDivider: false,
  };
  const symbols = {
    kind: "conv2d",
    macs: 0,
    datapath,
    inputs: [],
    output: "output",
    constants: {},
    doubleRounding: false,
  } as const;
  return { name, firstInstruction, endInstruction, ...symbols };
}

/** A program whose first `input` and `output` tensors are the host's; one layer over everything unless told otherwise. */
export function programOf(
  machine: Machine,
  tensors: readonly TensorFields[],
  instructions: readonly Instruction[],
  options: { readonly seed?: number; readonly layers?: readonly LayerSymbol[] } = {},
): Program {
  const named = (role: TensorSymbol["role"]): string => tensors.find((tensor) => tensor.role === role)?.name ?? "";
  return withTrueDatapaths({
    machine,
    seed: options.seed ?? 1,
    instructions,
    tensors: placeTensors(tensors),
    constants: tensors
      .filter(({ values }) => values !== undefined)
      .map(({ name, format, values }) => ({ tensor: name, raws: rawsOf(format, values ?? []) })),
    layers: options.layers ?? [layer("all", 0, instructions.length)],
    tiles: [],
    compileOverflow: [],
    input: named("input"),
    output: named("output"),
    hostOperators: [],
    metadata: {},
  });
}

/** Runs images given as rows of raws. */
export function runImages(
  program: Program,
  images: readonly (readonly (bigint | number)[])[],
  options: Partial<RunOptions> & { readonly firstImage?: number; readonly observers?: readonly Observer[] } = {},
): BatchResult {
  const input = program.tensors.find(({ name }) => name === program.input);
  const { session } = referenceEngine.open(program, options.observers ?? []);
  const raws = rawsOf(input?.format ?? fixedPoint(8, 0), images.flat());
  return session.run(
    { firstImage: options.firstImage ?? 0, count: images.length, raws },
    { statistics: options.statistics ?? false, capture: options.capture ?? false },
  );
}
