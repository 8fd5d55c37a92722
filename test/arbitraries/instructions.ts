import fc from "fast-check";
import type { FieldDefinition } from "../../isa/instructions/definition.ts";
import { INSTRUCTIONS, type Instruction, type Opcode } from "../../isa/instructions/table.ts";
import { allowedTokens, type FieldValue, fieldRange } from "../../isa/program/encoding.ts";

export const OPCODES: readonly Opcode[] = Object.keys(INSTRUCTIONS) as Opcode[];

/** A legal value of a field; the ends of its range come often. */
export function fieldValue(field: FieldDefinition): fc.Arbitrary<FieldValue> {
  const { kind } = field;
  const { min, max } = fieldRange(field);
  const integer = fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max));
  if (kind.type === "signed") return integer;
  if (kind.type === "unsigned") return integer.map(Number);
  return kind.type === "flag" ? fc.boolean() : fc.constantFrom(...kind.names);
}

/** A legal instruction of one opcode: each field anywhere in its range, tokens on the unit's own channels. */
export function instructionOf(opcode: Opcode): fc.Arbitrary<Instruction> {
  const { unit, fields } = INSTRUCTIONS[opcode];
  const values = Object.fromEntries(fields.map((field) => [field.name, fieldValue(field)]));
  return fc.record({
    opcode: fc.constant(opcode),
    wait: fc.nat(255).map((mask) => mask & allowedTokens(unit, "wait")),
    signal: fc.nat(255).map((mask) => mask & allowedTokens(unit, "signal")),
    ...values,
  }) as unknown as fc.Arbitrary<Instruction>;
}

/** Any legal instruction; not one that a machine could execute. */
export function instruction(): fc.Arbitrary<Instruction> {
  return fc.oneof(...OPCODES.map(instructionOf));
}
