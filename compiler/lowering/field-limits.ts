/** Largest values of instruction fields that a layer's sizes meet; see the instruction table of isa/README.md. */
import { INSTRUCTIONS, type Opcode } from "../../isa/instructions/table.ts";

/** Largest unsigned value of a field. */
function largest(opcode: Opcode, field: string): number {
  const definition = INSTRUCTIONS[opcode].fields.find(({ name }) => name === field);
  return definition === undefined ? 0 : 2 ** definition.bits - 1;
}

interface FieldLimits {
  /** Rows, columns, filters and pitches of a tile. */
  readonly side: number;
  /** Padding of a load and of a pool. */
  readonly padding: number;
  /** Words of one position, pixels, elements and steps; also the DRAM distance of two columns. */
  readonly count: number;
  readonly poolKernel: number;
  readonly poolStride: number;
}

export const FIELD_LIMITS: FieldLimits = {
  side: largest("load", "rows"),
  padding: largest("load", "padTop"),
  count: largest("load", "channels"),
  poolKernel: largest("pool", "kernelRows"),
  poolStride: largest("pool", "strideRows"),
};
