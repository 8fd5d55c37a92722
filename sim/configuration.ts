import { cutMultiple } from "../isa/dataflow/table.ts";
import { InvariantError } from "../isa/diagnostic.ts";
import type { ConfigureActivation } from "../isa/instructions/configure-activation.ts";
import type { ConfigureBounds } from "../isa/instructions/configure-bounds.ts";
import type { ConfigureDivisor } from "../isa/instructions/configure-divisor.ts";
import type { ConfigurePieces } from "../isa/instructions/configure-pieces.ts";
import type { ConfigurePixels } from "../isa/instructions/configure-pixels.ts";
import type { ConfigureReduction } from "../isa/instructions/configure-reduction.ts";
import {
  type ConfigureRegister,
  LOAD_REGISTERS,
  type MachineRegister,
} from "../isa/instructions/configure-register.ts";
import type { ConfigureTable } from "../isa/instructions/configure-table.ts";
import type { Load } from "../isa/instructions/load.ts";
import type { Matrix } from "../isa/instructions/matrix.ts";
import type { Pool, PoolKind } from "../isa/instructions/pool.ts";
import type { Preload } from "../isa/instructions/preload.ts";
import type { Requantize } from "../isa/instructions/requantize.ts";
import type { Store } from "../isa/instructions/store.ts";
import type { Instruction } from "../isa/instructions/table.ts";
import {
  BINARY_VECTOR_OPERATIONS,
  type FunctionVectorOperation,
  isFunctionOperation,
  type Vector,
} from "../isa/instructions/vector.ts";
import type { Machine } from "../isa/machine.ts";
import type { Dialect, OverflowMode } from "../isa/numerics/overflow.ts";
import { type RegisterSpec, validateRegister } from "../isa/numerics/register.ts";
import type { RoundingMode } from "../isa/numerics/rounding.ts";
import type { Program } from "../isa/program/program.ts";
import type { Fault, FaultKind } from "./fault.ts";

/*
 * The settings each instruction finds when its turn comes in its unit. Registers, counters, activation and divisor keep what
 * the last configure instruction of the same unit gave them, so one walk over the program resolves them all.
 */

export interface ConfiguredLoad {
  readonly opcode: "load";
  readonly instruction: Load;
  readonly source: RegisterSpec;
  readonly input: RegisterSpec;
}

export interface ConfiguredMatrix {
  readonly opcode: "matrix";
  readonly instruction: Matrix;
  readonly operandA: RegisterSpec;
  readonly weight: RegisterSpec;
  readonly product: RegisterSpec;
  readonly accumulator: RegisterSpec;
  readonly pixels: ConfigurePixels;
  readonly reduction: ConfigureReduction;
}

export interface ConfiguredPreload {
  readonly opcode: "preload";
  readonly instruction: Preload;
  readonly bias: RegisterSpec;
  readonly accumulator: RegisterSpec;
}

export interface ConfiguredRequantize {
  readonly opcode: "requantize";
  readonly instruction: Requantize;
  readonly accumulator: RegisterSpec;
  /** Of the words that are scaled where they are operands, not sums: the first, and the second where there are two. */
  readonly operandA: RegisterSpec | null;
  readonly operandB: RegisterSpec | null;
  /** With `useSum`. */
  readonly sum: RegisterSpec | null;
  /** With `hasScale`. */
  readonly scale: RegisterSpec | null;
  /** With `hasBias`. */
  readonly bias: RegisterSpec | null;
  /** With `hasDivisor`. */
  readonly divisor: number | null;
  readonly output: RegisterSpec;
  readonly activation: ConfigureActivation;
}

export interface ConfiguredPool {
  readonly opcode: "pool";
  readonly instruction: Pool;
  readonly operandA: RegisterSpec;
  /** Null for `maximum`, which keeps operandA's format, and for `sum`. */
  readonly average: { readonly accumulator: RegisterSpec; readonly output: RegisterSpec } | null;
  /** Accumulator of `sum`, whose words go to the bank. */
  readonly sum: RegisterSpec | null;
}

export interface ConfiguredVector {
  readonly opcode: "vector";
  readonly instruction: Vector;
  readonly operandA: RegisterSpec;
  /** For operations of two operands. */
  readonly operandB: RegisterSpec | null;
  readonly output: RegisterSpec;
  /** Null for functions, which are not activated again. */
  readonly activation: ConfigureActivation | null;
  /** Words of `interpolate` and `slopes`. */
  readonly scale: RegisterSpec | null;
  /** Of `lookup` and `interpolate`. */
  readonly table: ConfigureTable | null;
  /** Of `pieces`. */
  readonly pieces: ConfigurePieces | null;
  readonly bounds: ConfigureBounds | null;
}

/** A store carries its own W and uses no setting. */
export interface ConfiguredStore {
  readonly opcode: "store";
  readonly instruction: Store;
}

type MovingInstruction = Load | Store | Matrix | Preload | Requantize | Pool | Vector;

/** A configure instruction or a barrier. */
export interface ConfiguredControl {
  readonly opcode: Exclude<Instruction, MovingInstruction>["opcode"];
  readonly instruction: Exclude<Instruction, MovingInstruction>;
}

/** An instruction together with every setting it uses; `opcode` repeats the instruction's. */
export type ConfiguredInstruction =
  | ConfiguredLoad
  | ConfiguredStore
  | ConfiguredMatrix
  | ConfiguredPreload
  | ConfiguredRequantize
  | ConfiguredPool
  | ConfiguredVector
  | ConfiguredControl;

/** A fault that follows from the program alone. */
export function admissionFault(kind: FaultKind, pc: number | null, message: string): Fault {
  return { kind, pc, cycle: null, message, site: null };
}

interface Settings {
  readonly registers: Map<MachineRegister, RegisterSpec>;
  pixels: ConfigurePixels | undefined;
  reduction: ConfigureReduction | undefined;
  activation: ConfigureActivation | undefined;
  table: ConfigureTable | undefined;
  pieces: ConfigurePieces | undefined;
  bounds: ConfigureBounds | undefined;
  divisor: ConfigureDivisor | undefined;
}

/** Every instruction with the settings in force, or the first `configuration` fault in program order. */
export function walkConfiguration(
  program: Pick<Program, "instructions" | "machine">,
): { readonly configured: readonly ConfiguredInstruction[] } | { readonly fault: Fault } {
  const settings: Settings = {
    registers: new Map(),
    pixels: undefined,
    reduction: undefined,
    activation: undefined,
    table: undefined,
    pieces: undefined,
    bounds: undefined,
    divisor: undefined,
  };
  const configured: ConfiguredInstruction[] = [];
  for (const [pc, instruction] of program.instructions.entries()) {
    const wrong = apply(instruction, settings) ?? missing(instruction, settings);
    if (wrong !== null) return { fault: admissionFault("configuration", pc, `${instruction.opcode}: ${wrong}`) };
    const resolved = resolve(instruction, settings);
    const contradiction = contradictionOf(resolved, program.machine);
    if (contradiction !== null) {
      return { fault: admissionFault("configuration", pc, `${instruction.opcode}: ${contradiction}`) };
    }
    configured.push(resolved);
  }
  return { configured };
}

/** Registers that may hold an exact product or sum. */
const WIDE_REGISTERS: readonly MachineRegister[] = ["product", "accumulator"];

/** Takes the setting of a configure instruction; says what is wrong with it. */
function apply(instruction: Instruction, settings: Settings): string | null {
  switch (instruction.opcode) {
    case "configure.register":
    case "configure.load": {
      const ofLoad = (LOAD_REGISTERS as readonly MachineRegister[]).includes(instruction.register);
      if (ofLoad !== (instruction.opcode === "configure.load")) {
        return `${instruction.opcode} cannot set register ${instruction.register} of another unit`;
      }
      const spec = registerOf(instruction);
      const exact = WIDE_REGISTERS.includes(instruction.register);
      const found = validateRegister(spec, `${instruction.register} register`, { exact });
      if (found.length > 0) return found.map(({ where, what, hint }) => `${where}: ${what}; ${hint}`).join("; ");
      settings.registers.set(instruction.register, spec);
      return null;
    }
    case "configure.pixels":
      settings.pixels = instruction;
      return null;
    case "configure.reduction":
      settings.reduction = instruction;
      return null;
    case "configure.activation":
      settings.activation = instruction;
      return null;
    case "configure.table":
      settings.table = instruction;
      return null;
    case "configure.pieces":
      settings.pieces = instruction;
      return null;
    case "configure.bounds":
      settings.bounds = instruction;
      return null;
    case "configure.divisor":
      settings.divisor = instruction;
      return null;
    default:
      return null;
  }
}

/** The register a configure instruction describes; its names are checked by `validateRegister`, not here. */
function registerOf(instruction: ConfigureRegister): RegisterSpec {
  return {
    format: {
      wordLength: instruction.wordLength,
      fractionLength: Number(instruction.fractionLength),
      signed: instruction.signed,
    },
    rounding: instruction.rounding as RoundingMode,
    overflow: instruction.overflow as OverflowMode,
    saturatedBits: instruction.saturatedBits,
    dialect: instruction.dialect as Dialect,
  };
}

/** Registers of a pool beside its operand's. */
const POOL_REGISTERS: Readonly<Record<PoolKind, readonly ("accumulator" | "output")[]>> = {
  maximum: [],
  average: ["accumulator", "output"],
  averageDivider: ["accumulator", "output"],
  sum: ["accumulator"],
};

interface Needs {
  readonly registers: readonly MachineRegister[];
  readonly counters?: boolean;
  readonly activation?: boolean;
  readonly table?: boolean;
  readonly pieces?: boolean;
  readonly divisor?: boolean;
}

function needsOf(instruction: Instruction): Needs {
  switch (instruction.opcode) {
    case "load":
      return { registers: ["source", "input"] };
    case "matrix":
      return { registers: ["operandA", "weight", "product", "accumulator"], counters: true };
    case "preload":
      return { registers: ["bias", "accumulator"] };
    case "requantize": {
      const registers: MachineRegister[] = ["accumulator", "output"];
      if (instruction.useSum) registers.push("sum");
      if (instruction.hasScale) registers.push("scale");
      if (instruction.hasBias) registers.push("bias");
      if (instruction.source !== "accumulatorBank") registers.push("operandA");
      if (instruction.source === "operands") registers.push("operandB");
      return { registers, activation: true, divisor: instruction.hasDivisor };
    }
    case "pool":
      return { registers: ["operandA", ...POOL_REGISTERS[instruction.kind]] };
    case "vector": {
      const registers: MachineRegister[] = ["operandA", "output"];
      if (isFunctionOperation(instruction.operation)) return functionNeeds(instruction.operation, registers);
      if (BINARY_VECTOR_OPERATIONS.includes(instruction.operation)) registers.push("operandB");
      return { registers, activation: true };
    }
    default:
      return { registers: [] };
  }
}

function functionNeeds(operation: FunctionVectorOperation, registers: readonly MachineRegister[]): Needs {
  switch (operation) {
    case "lookup":
      return { registers, table: true };
    case "interpolate":
      return { registers: [...registers, "scale"], table: true };
    case "pieces":
      return { registers, pieces: true };
    case "slopes":
      return { registers: [...registers, "scale"] };
    case "hardSwish":
      return { registers };
  }
}

/** What the instruction uses and nobody has set. */
function missing(instruction: Instruction, settings: Settings): string | null {
  const needs = needsOf(instruction);
  const names: string[] = needs.registers.filter((name) => !settings.registers.has(name));
  if (needs.counters && !settings.pixels) names.push("pixel counters (configure.pixels)");
  if (needs.counters && !settings.reduction) names.push("reduction counters (configure.reduction)");
  if (needs.activation && !settings.activation) names.push("activation (configure.activation)");
  if (needs.table && !settings.table) names.push("table (configure.table)");
  if (needs.pieces && !settings.pieces) names.push("lines (configure.pieces)");
  if (needs.pieces && !settings.bounds) names.push("bounds (configure.bounds)");
  if (needs.divisor && !settings.divisor) names.push("divisor (configure.divisor)");
  return names.length === 0 ? null : `never set: ${names.join(", ")}; configure it before this instruction`;
}

function resolve(instruction: Instruction, settings: Settings): ConfiguredInstruction {
  const register = (name: MachineRegister): RegisterSpec => present(settings.registers.get(name), name);
  const { opcode } = instruction;
  switch (opcode) {
    case "load":
      return { opcode, instruction, source: register("source"), input: register("input") };
    case "matrix":
      return {
        opcode,
        instruction,
        operandA: register("operandA"),
        weight: register("weight"),
        product: register("product"),
        accumulator: register("accumulator"),
        pixels: present(settings.pixels, "pixels"),
        reduction: present(settings.reduction, "reduction"),
      };
    case "preload":
      return { opcode, instruction, bias: register("bias"), accumulator: register("accumulator") };
    case "requantize":
      return {
        opcode,
        instruction,
        accumulator: register("accumulator"),
        operandA: instruction.source === "accumulatorBank" ? null : register("operandA"),
        operandB: instruction.source === "operands" ? register("operandB") : null,
        sum: instruction.useSum ? register("sum") : null,
        scale: instruction.hasScale ? register("scale") : null,
        bias: instruction.hasBias ? register("bias") : null,
        divisor: instruction.hasDivisor ? present(settings.divisor, "divisor").divisor : null,
        output: register("output"),
        activation: present(settings.activation, "activation"),
      };
    case "pool":
      return {
        opcode,
        instruction,
        operandA: register("operandA"),
        average: POOL_REGISTERS[instruction.kind].includes("output")
          ? { accumulator: register("accumulator"), output: register("output") }
          : null,
        sum: instruction.kind === "sum" ? register("accumulator") : null,
      };
    case "vector": {
      const { operation } = instruction;
      const activation = isFunctionOperation(operation) ? null : present(settings.activation, "activation");
      const readsTable = operation === "lookup" || operation === "interpolate";
      return {
        opcode,
        instruction,
        operandA: register("operandA"),
        operandB: BINARY_VECTOR_OPERATIONS.includes(operation) ? register("operandB") : null,
        output: register("output"),
        activation,
        scale: operation === "interpolate" || operation === "slopes" ? register("scale") : null,
        table: readsTable ? present(settings.table, "table") : null,
        pieces: operation === "pieces" ? present(settings.pieces, "pieces") : null,
        bounds: operation === "pieces" ? present(settings.bounds, "bounds") : null,
      };
    }
    case "store":
      return { opcode, instruction };
    case "configure.register":
    case "configure.load":
    case "configure.pixels":
    case "configure.reduction":
    case "configure.activation":
    case "configure.table":
    case "configure.pieces":
    case "configure.bounds":
    case "configure.divisor":
    case "synchronise":
    case "halt":
      return { opcode, instruction };
  }
}

function present<Setting>(setting: Setting | undefined, name: string): Setting {
  if (setting === undefined) throw new InvariantError(`setting ${name} passed the check and is missing`);
  return setting;
}

/** Fields of an instruction that contradict its settings or the machine. */
function contradictionOf(configured: ConfiguredInstruction, machine: Machine): string | null {
  if (configured.opcode === "matrix") return matrixContradiction(configured, machine);
  if (configured.opcode === "preload") return preloadContradiction(configured.instruction);
  if (configured.opcode === "requantize") return requantizeContradiction(configured.instruction);
  if (configured.opcode === "pool") return poolContradiction(configured.instruction);
  if (configured.opcode === "vector") return vectorContradiction(configured);
  return null;
}

function matrixContradiction({ instruction, pixels, reduction }: ConfiguredMatrix, machine: Machine): string | null {
  const { reductionStart, reductionLength } = instruction;
  const steps = reduction.outerCount * reduction.middleCount * reduction.innerCount;
  if (reductionStart + reductionLength > steps) {
    return `steps ${reductionStart} to ${reductionStart + reductionLength - 1} exceed the reduction counters' ${steps}`;
  }
  if (reductionStart % cutMultiple(machine) !== 0) {
    return `reductionStart ${reductionStart} is not a multiple of the array's ${machine.rows} rows`;
  }
  return sharedSums(pixels.rowCount * pixels.columnCount, instruction);
}

function preloadContradiction(instruction: Preload): string | null {
  return sharedSums(instruction.pixels, instruction);
}

function sharedSums(pixels: number, { accumulatorPitch, columns }: Matrix | Preload): string | null {
  if (pixels === 1 || accumulatorPitch >= columns) return null;
  return `accumulatorPitch ${accumulatorPitch} is below the tile's ${columns} columns: sums would share a word`;
}

/** With a scale the value stays exact up to the output register. */
function requantizeContradiction(instruction: Requantize): string | null {
  const { hasScale, useSum, source, hasDivisor, pixels, columns, accumulatorPitch } = instruction;
  if (hasScale && useSum) return "hasScale and useSum together: a scaled sum passes no sum register";
  if (hasDivisor && !hasScale) return "hasDivisor without hasScale: only a scaled value is divided";
  if (source === "accumulatorBank") return null;
  if (!hasScale) return `source ${source} without hasScale: operands are scaled`;
  if (pixels === 1 || accumulatorPitch >= columns) return null;
  return `accumulatorPitch ${accumulatorPitch} is below the tile's ${columns} columns: pixels would share a word`;
}

/** An interpolation lies between two entries; bounds leave something between them. */
function vectorContradiction({ instruction, table, bounds }: ConfiguredVector): string | null {
  if (instruction.operation === "interpolate" && table !== null && table.entries < 2) {
    return `a table of ${table.entries} entry: there is nothing to interpolate between`;
  }
  if (bounds?.hasLower && bounds.hasUpper && bounds.lower > bounds.upper) {
    return `the lower bound ${bounds.lower} is above the upper bound ${bounds.upper}`;
  }
  return null;
}

/** A window that holds nothing but padding has no maximum and no average of valid positions. */
function poolContradiction(pool: Pool): string | null {
  if (pool.kind === "sum" || (pool.kind !== "maximum" && pool.countPadding)) return null;
  const empty = (inputs: number, outputs: number, kernel: number, stride: number, padding: number): boolean =>
    padding >= kernel || (outputs - 1) * stride - padding >= inputs;
  const rows = empty(pool.inputRows, pool.outputRows, pool.kernelRows, pool.strideRows, pool.padTop);
  const columns = empty(pool.inputColumns, pool.outputColumns, pool.kernelColumns, pool.strideColumns, pool.padLeft);
  if (!rows && !columns) return null;
  return `the ${rows ? "first or last row" : "first or last column"} of windows holds nothing but padding`;
}
