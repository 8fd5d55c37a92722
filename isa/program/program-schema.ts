import { z } from "zod";
import { DATAFLOWS } from "../dataflow/table.ts";
import type { Dram, Machine, OnChipMemory } from "../machine.ts";
import type { FixedPointFormat } from "../numerics/format.ts";
import { DIALECTS, type Dialect, OVERFLOW_MODES, type OverflowMode } from "../numerics/overflow.ts";
import type { RegisterSpec } from "../numerics/register.ts";
import { ROUNDING_MODES, type RoundingMode } from "../numerics/rounding.ts";
import type { DatapathSpec } from "./datapath.ts";
import type { ModelOutput } from "./model-output.ts";
import {
  type CompileOverflow,
  LAYER_KINDS,
  type LayerSymbol,
  type Program,
  type TensorSymbol,
  type TileSymbol,
} from "./program.ts";

/*
 * The types of a program's symbols, as a file or a listing may hold them. A schema knows one value's shape; what values
 * say of each other is in check-program.ts, ranges of machines and registers in machine.ts and register.ts.
 */

const count: z.ZodType<number> = z.int().nonnegative();
const side: z.ZodType<number> = z.int().positive();
const name: z.ZodType<string> = z.string().min(1);

function keysOf<Name extends string>(table: Readonly<Record<Name, unknown>>): Name[] {
  return Object.keys(table) as Name[];
}

const TENSOR_ROLES: Record<TensorSymbol["role"], true> = {
  input: true,
  output: true,
  constant: true,
  intermediate: true,
};

const onChipMemory: z.ZodType<OnChipMemory> = z.strictObject({
  capacityBits: side,
  banks: side,
  bitsPerCycle: side,
});

const dram: z.ZodType<Dram> = z.strictObject({
  capacityBits: side,
  wordBits: side,
  bytesPerCycle: side,
  latencyCycles: count,
});

export const machineSchema: z.ZodType<Machine> = z.strictObject({
  name: z.string(),
  clockHz: side,
  rows: side,
  columns: side,
  dataflow: z.enum(keysOf(DATAFLOWS)),
  macPipeline: count,
  tail: count,
  weightDoubleBuffer: z.boolean(),
  drainOverlap: z.boolean(),
  inputScratchpad: onChipMemory,
  weightScratchpad: onChipMemory,
  accumulatorBank: onChipMemory,
  outputBuffer: onChipMemory,
  dram,
});

export const formatSchema: z.ZodType<FixedPointFormat> = z.strictObject({
  wordLength: side,
  fractionLength: z.int(),
  signed: z.boolean(),
});

export const registerSchema: z.ZodType<RegisterSpec> = z.strictObject({
  format: formatSchema,
  rounding: z.enum(keysOf<RoundingMode>(ROUNDING_MODES)),
  overflow: z.enum(keysOf<OverflowMode>(OVERFLOW_MODES)),
  saturatedBits: count,
  dialect: z.enum(keysOf<Dialect>(DIALECTS)),
});

export const datapathSchema: z.ZodType<DatapathSpec> = z.strictObject({
  input: registerSchema,
  weight: registerSchema,
  product: registerSchema,
  accumulator: registerSchema,
  sum: registerSchema.exactOptional(),
  scale: registerSchema.exactOptional(),
  bias: registerSchema,
  output: registerSchema,
  weightFractionLengths: z.array(z.int()).min(1).exactOptional(),
  biasOrder: z.literal("first").exactOptional(),
  averageDivider: z.boolean(),
});

export const tensorSchema: z.ZodType<TensorSymbol> = z.strictObject({
  name,
  role: z.enum(keysOf(TENSOR_ROLES)),
  address: count,
  shape: z.tuple([side, side, side]),
  format: formatSchema,
  unit: z
    .strictObject({
      scale: z.number(),
      zeroPoint: z.int(),
      lowest: z.int().optional(),
      highest: z.int().optional(),
    })
    .optional(),
});

export const layerSchema: z.ZodType<LayerSymbol> = z.strictObject({
  name,
  kind: z.enum(LAYER_KINDS),
  firstInstruction: count,
  endInstruction: count,
  macs: count,
  datapath: datapathSchema,
  inputs: z.array(name),
  output: name,
  constants: z.strictObject({
    weight: name.exactOptional(),
    scale: name.exactOptional(),
    bias: name.exactOptional(),
  }),
  doubleRounding: z.boolean(),
  table: z
    .strictObject({
      tensor: name,
      entries: side,
      droppedBits: count,
      interpolated: z.boolean(),
      range: z.strictObject({ min: z.number(), max: z.number() }),
      largestError: z.number(),
      sqnr: z.number().nullable(),
      clipped: count,
    })
    .exactOptional(),
  recurrent: z.strictObject({ layer: name, step: z.int().nonnegative().exactOptional() }).exactOptional(),
});

export const tileSchema: z.ZodType<TileSymbol> = z.strictObject({
  instruction: count,
  row: count,
  column: count,
  channel: count,
  columns: side,
  channels: side,
  rowStep: side.exactOptional(),
  columnStep: side.exactOptional(),
});

export const compileOverflowSchema: z.ZodType<CompileOverflow> = z.strictObject({
  layer: name,
  weight: count,
  bias: count,
});

/** Deepest nesting of metadata; keeps every walk over it within the stack. */
const METADATA_DEPTH = 64;

const metadata = z.custom<Readonly<Record<string, unknown>>>(
  (value) => isPlainObject(value) && isJson(value, METADATA_DEPTH),
  `expected a JSON object nested at most ${METADATA_DEPTH} deep`,
);

/** What is said once of a program: everything but its lists and its machine. */
export type ProgramFacts = Pick<Program, "seed" | "input" | "output" | "modelOutputs" | "hostOperators" | "metadata">;

/** Most axes of a model's output. */
const MOST_AXES = 64;

const modelOutput: z.ZodType<ModelOutput> = z.strictObject({
  name: z.string(),
  shape: z.array(side).max(MOST_AXES),
  order: z.array(count).max(MOST_AXES),
});

const facts = {
  seed: z.int().min(0).max(0xffff_ffff),
  input: name,
  output: name,
  modelOutputs: z.array(modelOutput).min(1).max(4096).exactOptional(),
  hostOperators: z.array(z.string().min(1).max(100)).max(16),
  metadata,
};

export const programFactsSchema: z.ZodType<ProgramFacts> = z.strictObject(facts);

/** A program without instructions and words; `constants` names the tensors whose words are stored, in order. */
export type ProgramSymbols = Omit<Program, "instructions" | "constants"> & { readonly constants: readonly string[] };

export const programSymbolsSchema: z.ZodType<ProgramSymbols> = z.strictObject({
  ...facts,
  machine: machineSchema,
  tensors: z.array(tensorSchema),
  constants: z.array(name),
  layers: z.array(layerSchema),
  tiles: z.array(tileSchema),
  compileOverflow: z.array(compileOverflowSchema),
});

/** One problem a schema found: where in the value, and what. */
export interface SchemaProblem {
  readonly path: string;
  readonly what: string;
}

/** The value in the schema's own key order, or the first 20 problems. */
export function parseWith<Value>(
  schema: z.ZodType<Value>,
  value: unknown,
):
  | { readonly value: Value; readonly problems?: never }
  | { readonly problems: readonly SchemaProblem[]; readonly value?: never } {
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data };
  return {
    problems: result.error.issues
      .slice(0, 20)
      .map((issue) => ({ path: pathText(issue.path), what: issue.message.replace(/^Invalid (input|option): /, "") })),
  };
}

/** `tensors[3].address`. */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether JSON holds the value as it is; a property that is undefined is no property. */
function isJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (depth === 0 || typeof value !== "object") return false;
  if (Array.isArray(value)) return value.every((element) => isJson(element, depth - 1));
  return Object.values(value).every((element) => element === undefined || isJson(element, depth - 1));
}
