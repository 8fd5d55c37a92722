/** The contract between compiler and simulator: numerics, machine, instructions, programs. */
export * from "./assembly.ts";
export * from "./bit-packing.ts";
export * from "./check-symbols.ts";
export * from "./dataflow/table.ts";
export * from "./datapath.ts";
export * from "./decimal.ts";
export * from "./diagnostic.ts";
export * from "./encoding.ts";
export * from "./format.ts";
export * from "./growth.ts";
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
export { fillManual, instructionManual, tokenManual } from "./manual.ts";
export * from "./overflow.ts";
export * from "./program.ts";
export * from "./program-file.ts";
export * from "./quantize.ts";
export * from "./quantize-array.ts";
export * from "./random.ts";
export * from "./raws.ts";
export * from "./register.ts";
export * from "./rounding.ts";
export * from "./tokens.ts";
