import { type FixedPointFormat, rawRange } from "../format.ts";
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

/**
 * Element-wise operation on dense words of the input scratchpad: a in format operandA, b in format operandB. The result
 * is exact (binary points aligned), then activated, then quantized once into the output register.
 * copy: a · shift: a · 2^shift (the exponent, exact) · the others as named. Element i runs in lane i mod C.
 *
 * lookup: the word of entry (raw of a >> tableShift) − (smallest raw of operandA >> tableShift) of a table in the weight
 * scratchpad, arithmetic shifts; entry j lies j · W_output after tableAddress. It is written as it is: no activation, no
 * quantization, no evidence. The table has an entry for every word of operandA's format, see `tableEntries`.
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
  /** Bit address of entry 0 of `lookup`. */
  readonly tableAddress: number;
  /** Lowest bits of a word that `lookup` does not look at, 0 … 63. */
  readonly tableShift: number;
}

/** Entries of the table of `lookup`: one for each distinct raw >> tableShift of the format, raws ascending. */
export function tableEntries(format: FixedPointFormat, tableShift: number): number {
  const { min, max } = rawRange(format);
  const shift = BigInt(tableShift);
  return Number((max >> shift) - (min >> shift)) + 1;
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
    unsigned("tableAddress", 32, "bit", "entry 0 of the table of lookup in the weight scratchpad, else 0"),
    unsigned("tableShift", 6, "bits", "lowest bits of a word that lookup ignores, else 0"),
  ],
};
