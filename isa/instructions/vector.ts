import { type InstructionDefinition, type InstructionHeader, named, signed, unsigned } from "./definition.ts";

export const VECTOR_OPERATIONS = ["copy", "add", "subtract", "multiply", "maximum", "minimum", "shift"] as const;
export type VectorOperation = (typeof VECTOR_OPERATIONS)[number];

/** Operations that read a second operand. */
export const BINARY_VECTOR_OPERATIONS: readonly VectorOperation[] = [
  "add",
  "subtract",
  "multiply",
  "maximum",
  "minimum",
];

/**
 * Element-wise operation on dense words of the input scratchpad: a in format operandA, b in format operandB. The result
 * is exact (binary points aligned), then activated, then quantized once into the output register.
 * copy: a · shift: a · 2^shift (the exponent, exact) · the others as named. Element i runs in lane i mod C.
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
  ],
};
