import { InvariantError, nearestName } from "../diagnostic.ts";
import { type FieldDefinition, type InstructionDefinition, unsigned } from "../instructions/definition.ts";
import { INSTRUCTIONS, type Instruction, type Opcode } from "../instructions/table.ts";
import { bigIntToBytes, bytesToBigInt } from "../numerics/bit-packing.ts";
import { TOKEN_CHANNELS } from "../tokens.ts";

/*
 * Instruction ⇄ 256-bit word, little-endian. Both directions walk the same placed fields of the instruction table, and
 * both ask the same question of a field's integer (`integerProblem`), so that a word decodes exactly where it is
 * what encoding the instruction gives.
 */

export const INSTRUCTION_BITS = 256;
export const INSTRUCTION_BYTES: number = INSTRUCTION_BITS / 8;

/** A field and the lowest of its bits in the word. */
export interface PlacedField {
  readonly field: FieldDefinition;
  readonly lowestBit: number;
}

const OPCODE_FIELD: FieldDefinition = unsigned("opcode", 8, "", "function code of the instruction");
const MASK_FIELDS: readonly FieldDefinition[] = [
  unsigned("wait", 8, "", "channels from which one token is taken before the start, bit i = channel i"),
  unsigned("signal", 8, "", "channels that get one token at the end"),
];

/** Opcode and masks. */
const HEADER_BITS = 24;

/** The fields every instruction starts with: opcode, wait, signal. */
export const HEADER_FIELDS: readonly PlacedField[] = place([OPCODE_FIELD, ...MASK_FIELDS]);

/** All fields of an instruction, opcode and masks first, in the order of their bits. */
export function placedFields(definition: InstructionDefinition): readonly PlacedField[] {
  return place([OPCODE_FIELD, ...MASK_FIELDS, ...definition.fields]);
}

function place(fields: readonly FieldDefinition[]): PlacedField[] {
  let lowestBit = 0;
  return fields.map((field) => {
    const placed = { field, lowestBit };
    lowestBit += field.bits;
    return placed;
  });
}

interface Layout {
  readonly opcode: Opcode;
  readonly definition: InstructionDefinition;
  /** Everything but the opcode. */
  readonly fields: readonly PlacedField[];
  /** First bit that no field uses. */
  readonly endBit: number;
}

function layout(opcode: Opcode): Layout {
  const definition = INSTRUCTIONS[opcode];
  const placed = placedFields(definition);
  const endBit = placed.reduce((end, { field, lowestBit }) => Math.max(end, lowestBit + field.bits), 0);
  return { opcode, definition, fields: placed.slice(1), endBit };
}

const OPCODES = Object.keys(INSTRUCTIONS) as Opcode[];
const LAYOUT_BY_OPCODE: ReadonlyMap<string, Layout> = new Map(OPCODES.map((opcode) => [opcode, layout(opcode)]));
const LAYOUT_BY_CODE: ReadonlyMap<number, Layout> = new Map(
  [...LAYOUT_BY_OPCODE.values()].map((each) => [each.definition.code, each]),
);

/** What a decoded field holds: a number for `unsigned`, a bigint for `signed`. */
export type FieldValue = number | bigint | boolean | string;

/** What is wrong with one field of an instruction. */
export interface FieldProblem {
  readonly field: string;
  readonly what: string;
  readonly hint: string;
}

/** Smallest and largest integer a field may hold; names count from 0, a flag is 0 or 1. */
export function fieldRange(field: FieldDefinition): { min: bigint; max: bigint } {
  const { kind, bits } = field;
  const end = 1n << BigInt(bits);
  if (kind.type === "signed") return { min: -end / 2n, max: end / 2n - 1n };
  if (kind.type === "name") return { min: 0n, max: BigInt(kind.names.length) - 1n };
  return { min: kind.type === "unsigned" ? BigInt(kind.min) : 0n, max: end - 1n };
}

/** Channels a unit may wait on (`to`) or signal on (`from`), as a mask; `control` instructions carry no tokens. */
export function allowedTokens(unit: InstructionDefinition["unit"], mask: "wait" | "signal"): number {
  const side = mask === "wait" ? "to" : "from";
  return TOKEN_CHANNELS.reduce((bits, channel, index) => (channel[side] === unit ? bits | (1 << index) : bits), 0);
}

/** Everything that keeps an instruction from being encoded; empty for a legal one. */
export function instructionProblems(instruction: Instruction): FieldProblem[] {
  const found = LAYOUT_BY_OPCODE.get(instruction.opcode);
  if (!found) {
    const nearest = nearestName(String(instruction.opcode), OPCODES);
    const what = `unknown instruction "${instruction.opcode}"`;
    return [{ field: "opcode", what, hint: nearest ? `did you mean ${nearest}?` : `use ${OPCODES.join(", ")}` }];
  }
  const values = instruction as unknown as Readonly<Record<string, FieldValue | undefined>>;
  return found.fields.flatMap((placed) => {
    const { field } = placed;
    const value = values[field.name];
    if (isPlainlyLegal(placed, value)) return [];
    const integer = toInteger(field, value);
    if (integer === undefined) return [typeProblem(field, value)];
    return integerProblem(found.definition, field, integer) ?? [];
  });
}

/** Whether a number stands in an unsigned field that carries no tokens; most fields of a program are that, and there are many. */
function isPlainlyLegal({ field, lowestBit }: PlacedField, value: FieldValue | undefined): boolean {
  const { kind, bits } = field;
  if (kind.type !== "unsigned" || lowestBit < HEADER_BITS || typeof value !== "number") return false;
  return Number.isInteger(value) && value >= kind.min && value < 2 ** bits;
}

/** The 32 bytes of a legal instruction; `InvariantError` for any other. */
export function encode(instruction: Instruction): Uint8Array {
  const problems = instructionProblems(instruction);
  const found = LAYOUT_BY_OPCODE.get(instruction.opcode);
  if (!found || problems.length > 0) {
    throw new InvariantError(
      `${instruction.opcode} cannot be encoded: ${problems.map(({ field, what }) => `${field}: ${what}`).join("; ")}`,
    );
  }
  const values = instruction as unknown as Readonly<Record<string, FieldValue>>;
  let word = BigInt(found.definition.code);
  for (const { field, lowestBit } of found.fields) {
    const value = toInteger(field, values[field.name]) ?? 0n;
    word |= BigInt.asUintN(field.bits, value) << BigInt(lowestBit);
  }
  return bigIntToBytes(word, INSTRUCTION_BYTES);
}

/** A word that no instruction encodes to, and why. */
export interface IllegalWord {
  readonly illegal: string;
}

/** The instruction whose encoding the 32 bytes at `offset` are, or why there is none. */
export function decode(bytes: Uint8Array, offset = 0): Instruction | IllegalWord {
  if (offset < 0 || offset + INSTRUCTION_BYTES > bytes.length) {
    throw new InvariantError(`no instruction word at byte ${offset} of ${bytes.length}`);
  }
  const word = bytesToBigInt(bytes.subarray(offset, offset + INSTRUCTION_BYTES));
  const code = Number(BigInt.asUintN(OPCODE_FIELD.bits, word));
  const found = LAYOUT_BY_CODE.get(code);
  if (!found) return { illegal: `no instruction has opcode 0x${code.toString(16).padStart(2, "0")}` };

  const { opcode, definition, fields, endBit } = found;
  const values: Record<string, FieldValue> = {};
  for (const { field, lowestBit } of fields) {
    const bits = BigInt.asUintN(field.bits, word >> BigInt(lowestBit));
    const integer = field.kind.type === "signed" ? BigInt.asIntN(field.bits, bits) : bits;
    const problem = integerProblem(definition, field, integer);
    if (problem) return { illegal: `${opcode}: ${field.name}: ${problem.what}` };
    values[field.name] = fromInteger(field, integer);
  }
  if (word >> BigInt(endBit) !== 0n) return { illegal: `${opcode}: a bit from ${endBit} up is not zero` };
  return { opcode, ...values } as unknown as Instruction;
}

/** The code section of a program. */
export function encodeAll(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * INSTRUCTION_BYTES);
  instructions.forEach((instruction, pc) => {
    bytes.set(encode(instruction), pc * INSTRUCTION_BYTES);
  });
  return bytes;
}

/** The first illegal word of a code section. */
export interface IllegalInstruction {
  readonly pc: number;
  readonly message: string;
}

export type DecodedCode = { readonly instructions: readonly Instruction[] } | { readonly illegal: IllegalInstruction };

/** Decodes a code section, a multiple of 32 bytes, up to its first illegal word. */
export function decodeAll(bytes: Uint8Array): DecodedCode {
  const instructions: Instruction[] = [];
  for (let pc = 0; pc * INSTRUCTION_BYTES < bytes.length; pc++) {
    const decoded = decode(bytes, pc * INSTRUCTION_BYTES);
    if ("illegal" in decoded) return { illegal: { pc, message: decoded.illegal } };
    instructions.push(decoded);
  }
  return { instructions };
}

/** The integer a value stands for in its field; undefined where its type, or its name, is wrong. */
function toInteger(field: FieldDefinition, value: FieldValue | undefined): bigint | undefined {
  const { kind } = field;
  if (kind.type === "unsigned") return Number.isInteger(value) ? BigInt(value as number) : undefined;
  if (kind.type === "signed") return typeof value === "bigint" ? value : undefined;
  if (kind.type === "flag") return typeof value === "boolean" ? (value ? 1n : 0n) : undefined;
  const index = typeof value === "string" ? kind.names.indexOf(value) : -1;
  return index < 0 ? undefined : BigInt(index);
}

/** The inverse of `toInteger`, for an integer in the field's range. */
function fromInteger({ kind }: FieldDefinition, integer: bigint): FieldValue {
  if (kind.type === "unsigned") return Number(integer);
  if (kind.type === "signed") return integer;
  if (kind.type === "flag") return integer === 1n;
  return kind.names[Number(integer)] ?? "";
}

/** Why an integer may not stand in a field: out of range, or a token on a channel that is not the unit's. */
function integerProblem(
  definition: InstructionDefinition,
  field: FieldDefinition,
  integer: bigint,
): FieldProblem | undefined {
  const { min, max } = fieldRange(field);
  if (integer >= min && integer <= max) return maskProblem(definition, field, Number(integer));
  const hint = `the nearest legal value is ${integer < min ? min : max}`;
  return { field: field.name, what: `found ${integer}, expected ${min} to ${max}`, hint };
}

const EXPECTED: Record<FieldDefinition["kind"]["type"], string> = {
  unsigned: "an unsigned integer",
  signed: "a signed integer",
  flag: "true or false",
  name: "one of its names",
};

function typeProblem(field: FieldDefinition, value: FieldValue | undefined): FieldProblem {
  const { kind, name } = field;
  if (value === undefined) return { field: name, what: "is missing", hint: `write ${name}=…` };
  const names = kind.type === "name" ? kind.names : [];
  const nearest = nearestName(String(value), names);
  const hint = nearest ? `did you mean ${nearest}?` : names.length > 0 ? `use ${names.join(", ")}` : field.meaning;
  const found = typeof value === "string" ? JSON.stringify(value) : `${value} (${typeof value})`;
  return { field: name, what: `found ${found}, expected ${EXPECTED[kind.type]}`, hint };
}

function maskProblem({ unit }: InstructionDefinition, field: FieldDefinition, value: number): FieldProblem | undefined {
  const mask = MASK_FIELDS.find((each) => each === field)?.name;
  if (mask !== "wait" && mask !== "signal") return undefined;
  const allowed = allowedTokens(unit, mask);
  const foreign = value & ~allowed;
  if (foreign === 0) return undefined;
  const preposition = mask === "wait" ? "wait on" : "signal";
  return {
    field: mask,
    what:
      unit === "control"
        ? "a control instruction carries no tokens"
        : `${unit} may not ${preposition} ${tokenNames(foreign)}`,
    hint: allowed === 0 ? "remove it" : `${unit} may ${preposition} ${tokenNames(allowed)}`,
  };
}

/** Names of the channels in a mask, separated by commas. */
export function tokenNames(mask: number): string {
  return TOKEN_CHANNELS.filter((_, index) => (mask >> index) & 1)
    .map((channel) => channel.name)
    .join(",");
}
