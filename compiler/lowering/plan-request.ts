/** What a layer's plan is made from, what it says, and the diagnostics that all kinds of layers share. */

import { type Diagnostic, DiagnosticError } from "../../isa/diagnostic.ts";
import { type Machine, ON_CHIP_MEMORIES, type OnChipMemoryName } from "../../isa/machine.ts";
import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import type { Raws } from "../../isa/numerics/raws.ts";
import type { DatapathSpec } from "../../isa/program/datapath.ts";
import type { TableSymbol } from "../../isa/program/program.ts";
import type { GraphNode } from "../graph/graph.ts";
import type { LayerConstants } from "../quantization/quantize-tensor.ts";
import type { LayerOptions } from "../quantization/resolve-layer.ts";
import { FIELD_LIMITS } from "./field-limits.ts";
import type { LayerLowering, StoredTensor } from "./layer-lowering.ts";
import type { KnownTables } from "./vector/lookup-table.ts";

/** Constants that a layer keeps in DRAM, each a tensor `<layer>/<kind>`, in the order in which they lie there. */
export const CONSTANT_KINDS = ["weight", "scale", "bias", "table"] as const;
export type ConstantKind = (typeof CONSTANT_KINDS)[number];

/** Tensors of a layer beside its inputs and output. */
export interface LayerTensors extends Readonly<Record<ConstantKind, StoredTensor | null>> {
  /** In the output's shape and format. */
  readonly partials: readonly StoredTensor[];
}

export interface LayerPlan {
  /** E · N · K / groups. */
  readonly macs: number;
  /** Words of the constants, in the order in which they are loaded; a kind that the layer has not is missing. */
  readonly constants: Readonly<Partial<Record<ConstantKind, Raws>>>;
  /** Of a layer that computes a function by a table. */
  readonly table?: Omit<TableSymbol, "tensor">;
  /** Formats of constants that are no register of the datapath. */
  readonly formats?: Readonly<Partial<Record<ConstantKind, FixedPointFormat>>>;
  /** Intermediate tensors the layer needs: sums of an addition of more than two. */
  readonly partials: number;
  emit(lowering: LayerLowering, tensors: LayerTensors): void;
}

export interface PlanRequest<Node extends GraphNode = GraphNode> {
  readonly node: Node;
  /** Shapes of the node's inputs as the node sees them. */
  readonly inputShapes: readonly (readonly number[])[];
  /** W of each input in DRAM, and in the scratchpad. */
  readonly sourceBits: readonly number[];
  readonly operandBits: readonly number[];
  readonly machine: Machine;
  readonly datapath: DatapathSpec;
  readonly options: LayerOptions;
  readonly constants: LayerConstants;
  readonly seed: number;
  /** Tables of the program so far. */
  readonly tables: KnownTables;
  readonly where: string;
}

/** A plan without multiplications and constants. */
export function plainPlan(emit: LayerPlan["emit"]): LayerPlan {
  return { macs: 0, constants: {}, partials: 0, emit };
}

export type MemoryBits = Readonly<Partial<Record<OnChipMemoryName, number>>>;

/** Throws `DiagnosticError` SCRATCHPAD unless every memory holds that many bits. */
export function requireRoom(bits: MemoryBits, machine: Machine, where: string): void {
  if (lacking(bits, machine).length > 0) throw tooSmall(bits, machine, where);
}

/** The error for a layer whose smallest tile takes that many bits. */
export function tooSmall(bits: MemoryBits, machine: Machine, where: string): DiagnosticError {
  const found = lacking(bits, machine).map(
    (memory): Diagnostic => ({
      code: "SCRATCHPAD",
      where,
      what: `the smallest tile needs ${bits[memory]} bits of ${memory}, the machine has ${machine[memory].capacityBits}`,
      hint: `enlarge ${memory}.capacityBits in the machine, or use narrower formats in this layer`,
    }),
  );
  if (found.length > 0) return new DiagnosticError(found);
  return new DiagnosticError([
    {
      code: "SCRATCHPAD",
      where,
      what: "no tile fits all memories and instruction fields at once",
      hint: "enlarge the scratchpads of the machine, or use narrower formats in this layer",
    },
  ]);
}

/** The memories that so many bits do not fit. */
function lacking(bits: MemoryBits, machine: Machine): readonly OnChipMemoryName[] {
  return ON_CHIP_MEMORIES.filter((memory) => (bits[memory] ?? 0) > machine[memory].capacityBits);
}

/** A size that instructions have no room for: `found` where it is above `most`. */
export function fieldLimit(what: string, value: number, most: number, hint: string, where: string): Diagnostic[] {
  if (value <= most) return [];
  return [{ code: "FIELD_LIMIT", where, what: `${what} ${value}, the instructions have at most ${most}`, hint }];
}

/** Most words between two columns that a load or a store can step over. */
export const MOST_COLUMN_STRIDE: number = FIELD_LIMITS.count;
