/** Small programs written instruction by instruction: every builder has defaults that a test overrides. */

import type { ConfigurePixels } from "../../../isa/instructions/configure-pixels.ts";
import type { ConfigureReduction } from "../../../isa/instructions/configure-reduction.ts";
import type { MachineRegister } from "../../../isa/instructions/configure-register.ts";
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
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import { elementCount, type LayerSymbol, type Program, type TensorSymbol } from "../../../isa/program/program.ts";
import { tokenBit } from "../../../isa/tokens.ts";

const NO_TOKENS = { wait: 0, signal: 0 };

export const HALT: Instruction = { opcode: "halt", ...NO_TOKENS };
export const SYNCHRONISE: Instruction = { opcode: "synchronise", ...NO_TOKENS };

/** Mask of token channels by name. */
export function tokens(...names: readonly string[]): number {
  return names.reduce((mask, name) => mask | tokenBit(name), 0);
}

/** A signed register, rounded to nearest and saturating. */
export function signed(wordLength: number, fractionLength = 0): RegisterSpec {
  return register({ wordLength, fractionLength, signed: true });
}

export function configure(name: MachineRegister, spec: RegisterSpec): Instruction {
  return {
    opcode: name === "source" || name === "input" ? "configure.load" : "configure.register",
    ...NO_TOKENS,
    register: name,
    wordLength: spec.format.wordLength,
    fractionLength: BigInt(spec.format.fractionLength),
    signed: spec.format.signed,
    rounding: spec.rounding,
    overflow: spec.overflow,
    saturatedBits: spec.saturatedBits,
    dialect: spec.dialect,
  };
}

/** Every register at W bits, F = 0, and no activation. */
export function configureAll(wordLength: number): readonly Instruction[] {
  const names: readonly MachineRegister[] = [
    "source",
    "input",
    "operandA",
    "operandB",
    "weight",
    "product",
    "accumulator",
    "sum",
    "bias",
    "output",
  ];
  return [
    ...names.map((name) => configure(name, signed(wordLength))),
    { opcode: "configure.activation", ...NO_TOKENS, activation: "none", lowest: 0n, highest: 0n, fractionLength: 0n },
  ];
}

export function load(fields: Partial<Load>): Load {
  return {
    opcode: "load",
    ...NO_TOKENS,
    target: "inputScratchpad",
    dramAddress: 0,
    address: 0,
    rows: 1,
    columns: 1,
    channels: 1,
    rowStride: 0,
    columnStride: 0,
    padTop: 0,
    padBottom: 0,
    padLeft: 0,
    padRight: 0,
    ...fields,
  };
}

export function store(fields: Partial<Store>): Store {
  return {
    opcode: "store",
    ...NO_TOKENS,
    address: 0,
    dramAddress: 0,
    wordLength: 8,
    rows: 1,
    columns: 1,
    channels: 1,
    rowStride: 0,
    columnStride: 0,
    ...fields,
  };
}

export function vector(fields: Partial<Vector>): Vector {
  return {
    opcode: "vector",
    ...NO_TOKENS,
    operation: "copy",
    addressA: 0,
    addressB: 0,
    outputAddress: 0,
    elements: 1,
    shift: 0n,
    tableAddress: 0,
    period: 1,
    ...fields,
  };
}

export function table(base: bigint, shift: number, entries: number): ConfigureTable {
  return { opcode: "configure.table", ...NO_TOKENS, base, shift, entries };
}

export function matrix(fields: Partial<Matrix>): Matrix {
  return {
    opcode: "matrix",
    ...NO_TOKENS,
    inputAddress: 0,
    weightAddress: 0,
    accumulatorAddress: 0,
    columns: 1,
    weightPitch: fields.columns ?? 1,
    accumulatorPitch: fields.columns ?? 1,
    reductionStart: 0,
    reductionLength: 1,
    accumulate: false,
    ...fields,
  };
}

export function preload(fields: Partial<Preload>): Preload {
  return {
    opcode: "preload",
    ...NO_TOKENS,
    biasAddress: 0,
    accumulatorAddress: 0,
    pixels: 1,
    columns: 1,
    accumulatorPitch: fields.columns ?? 1,
    ...fields,
  };
}

export function requantize(fields: Partial<Requantize>): Requantize {
  return {
    opcode: "requantize",
    ...NO_TOKENS,
    accumulatorAddress: 0,
    biasAddress: 0,
    outputAddress: 0,
    pixels: 1,
    columns: 1,
    accumulatorPitch: fields.columns ?? 1,
    outputPitch: fields.columns ?? 1,
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
    opcode: "pool",
    ...NO_TOKENS,
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

export function pixels(fields: Partial<ConfigurePixels>): ConfigurePixels {
  return {
    opcode: "configure.pixels",
    ...NO_TOKENS,
    rowCount: 1,
    columnCount: 1,
    rowStride: 0,
    columnStride: 0,
    ...fields,
  };
}

export function reduction(fields: Partial<ConfigureReduction>): ConfigureReduction {
  return {
    opcode: "configure.reduction",
    ...NO_TOKENS,
    outerCount: 1,
    middleCount: 1,
    innerCount: 1,
    outerStride: 0,
    middleStride: 0,
    innerStride: 1,
    ...fields,
  };
}

/** Tensors of 1 × 1 × `length` words at a multiple of 4096 bits, in the order given. */
export function tensors(
  ...declared: readonly (readonly [name: string, role: TensorSymbol["role"], length: number, wordLength: number])[]
): readonly TensorSymbol[] {
  let address = 0;
  return declared.map(([name, role, length, wordLength]) => {
    const symbol: TensorSymbol = {
      name,
      role,
      address,
      shape: [1, 1, length],
      format: { wordLength, fractionLength: 0, signed: true },
    };
    address += Math.ceil((elementCount(symbol.shape) * wordLength) / 4096) * 4096;
    return symbol;
  });
}

/** A program around instructions; input and output default to the first and the last tensor. */
export function program(
  instructions: readonly Instruction[],
  declared: readonly TensorSymbol[] = tensors(["in", "input", 64, 8], ["out", "input", 64, 8]),
  machine: Machine = DEFAULT_MACHINE,
  layers: readonly LayerSymbol[] = [],
): Program {
  return {
    machine,
    seed: 1,
    instructions,
    tensors: declared,
    constants: [],
    layers,
    tiles: [],
    compileOverflow: [],
    input: declared[0]?.name ?? "",
    output: declared.at(-1)?.name ?? "",
    hostOperators: [],
    metadata: {},
  };
}

/** A layer symbol over instructions [first, end). */
export function layer(name: string, firstInstruction: number, endInstruction: number): LayerSymbol {
  const any = signed(8);
  return {
    name,
    kind: "conv2d",
    firstInstruction,
    endInstruction,
    macs: 0,
    datapath: {
      input: any,
      weight: any,
      product: any,
      accumulator: any,
      bias: any,
      output: any,
      averageDivider: false,
    },
    inputs: [],
    output: name,
    constants: {},
    doubleRounding: false,
  };
}
