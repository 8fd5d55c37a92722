import { type InstructionDefinition, type InstructionHeader, named, signed, unsigned } from "./definition.ts";

export const VECTOR_OPERATIONS = [
  "copy",
  "add",
  "subtract",
  "multiply",
  "maximum",
  "minimum",
  "shift",
  "lookup",
  "interpolate",
  "pieces",
  "slopes",
  "hardSwish",
] as const;
export type VectorOperation = (typeof VECTOR_OPERATIONS)[number];

/** Operations that read a second operand. */
export const BINARY_VECTOR_OPERATIONS: readonly VectorOperation[] = [
  "add",
  "subtract",
  "multiply",
  "maximum",
  "minimum",
];

/** Functions of one operand that are an activation themselves: the activation in force does not touch them. */
export const FUNCTION_VECTOR_OPERATIONS = ["lookup", "interpolate", "pieces", "slopes", "hardSwish"] as const;
export type FunctionVectorOperation = (typeof FUNCTION_VECTOR_OPERATIONS)[number];

/** Operations that the activation in force comes behind. */
export type ArithmeticVectorOperation = Exclude<VectorOperation, FunctionVectorOperation>;

export function isFunctionOperation(operation: VectorOperation): operation is FunctionVectorOperation {
  return (FUNCTION_VECTOR_OPERATIONS as readonly VectorOperation[]).includes(operation);
}

/**
 * Element-wise operation on dense words of the input scratchpad: a in format operandA, b in format operandB. The result
 * is exact (binary points aligned), then activated, then quantized once into the output register.
 * copy: a · shift: a · 2^shift (the exponent, exact) · the others up to `minimum` as named. Element i runs in lane i mod C.
 *
 * Functions, which are not activated again:
 *
 * - lookup: the word of the entry that `configure.table` names for a's raw, in the output register's format; it is written as it
 *   is: no quantization, no evidence. Entry j lies at tableAddress + j · W of the weight scratchpad.
 * - interpolate: t_j + (t_{j+1} − t_j) · fraction / 2^shift of `configure.table`, t in the scale register's format, exact, then
 *   quantized.
 * - pieces: the line of `configure.pieces` on a's side of the threshold, exact, cut to `configure.bounds`, then quantized.
 * - slopes: a from 0 up, a · s below, exact, then quantized; s is word i mod period from tableAddress on, in the scale
 *   register's format. Either value has F_operandA + max(F_scale, 0) fraction bits.
 * - hardSwish: a · min(max(a + 3, 0), 6) / 6, the exact quotient quantized.
 */
export interface Vector extends InstructionHeader {
  readonly opcode: "vector";
  readonly operation: VectorOperation;
  readonly addressA: number;
  readonly addressB: number;
  readonly outputAddress: number;
  readonly elements: number;
  /** Exponent of `shift`, −64 … 63. */
  readonly shift: bigint;
  /** Bit address of the first word of a table or of slopes. */
  readonly tableAddress: number;
  /** Words of `slopes`; 1 for every other operation. */
  readonly period: number;
}

export const VECTOR: InstructionDefinition<"vector"> = {
  name: "vector",
  code: 0x23,
  unit: "compute",
  action: "element-wise operation on words of the input scratchpad into the output buffer",
  cycles: "⌈elements / C⌉ steps",
  fields: [
    named("operation", 4, VECTOR_OPERATIONS, "which operation"),
    unsigned("addressA", 32, "bit", "first word of operand A"),
    unsigned("addressB", 32, "bit", "first word of operand B, 0 where there is none"),
    unsigned("outputAddress", 32, "bit", "first output word"),
    unsigned("elements", 24, "words", "number of elements", 1),
    signed("shift", 7, "exponent of shift, else 0"),
    unsigned("tableAddress", 32, "bit", "first word of a table or of slopes in the weight scratchpad, else 0"),
    unsigned("period", 24, "words", "number of slopes, else 1", 1),
  ],
};
