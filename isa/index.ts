/** The contract between compiler and simulator: numerics, machine, instructions, programs. */

export * from "./dataflow/table.ts";
export * from "./diagnostic.ts";
export * from "./instructions/configure-activation.ts";
export * from "./instructions/configure-bounds.ts";
export * from "./instructions/configure-divisor.ts";
export * from "./instructions/configure-pieces.ts";
export * from "./instructions/configure-pixels.ts";
export * from "./instructions/configure-reduction.ts";
export * from "./instructions/configure-register.ts";
export * from "./instructions/configure-table.ts";
export * from "./instructions/control.ts";
export type {
  FieldDefinition,
  FieldKind,
  InstructionDefinition,
  InstructionHeader,
  Unit,
} from "./instructions/definition.ts";
export { UNITS } from "./instructions/definition.ts";
export * from "./instructions/load.ts";
export * from "./instructions/matrix.ts";
export * from "./instructions/pool.ts";
export * from "./instructions/requantize.ts";
export * from "./instructions/store.ts";
export * from "./instructions/table.ts";
export * from "./instructions/vector.ts";
export * from "./machine.ts";
export * from "./numerics/bit-packing.ts";
export * from "./numerics/decimal.ts";
export * from "./numerics/format.ts";
export * from "./numerics/growth.ts";
export * from "./numerics/overflow.ts";
export * from "./numerics/quantize.ts";
export * from "./numerics/quantize-array.ts";
export * from "./numerics/random.ts";
export * from "./numerics/raws.ts";
export * from "./numerics/register.ts";
export * from "./numerics/rounding.ts";
export * from "./program/assembly.ts";
export * from "./program/check-symbols.ts";
export * from "./program/datapath.ts";
export * from "./program/encoding.ts";
export { fillManual, instructionManual, tokenManual } from "./program/manual.ts";
export * from "./program/program.ts";
export * from "./program/program-file.ts";
export * from "./tokens.ts";
