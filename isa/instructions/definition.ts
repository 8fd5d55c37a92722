/**
 * What an instruction is made of. Encoder, decoder, assembler, disassembler and the manual are all derived from these
 * definitions; nothing else states a bit position.
 *
 * A word has 256 bits: opcode (bits 0–7), wait mask (8–15), signal mask (16–23), then the fields in the order of the
 * definition, each at the next free bit; every remaining bit is zero in a legal word.
 */

/** Units that run decoupled and meet through tokens. `control` instructions involve all three. */
export const UNITS = ["load", "compute", "store"] as const;
export type Unit = (typeof UNITS)[number];

/** A field holds an unsigned integer, a signed big integer, a flag, or one of a closed list of names. */
export type FieldKind =
  | { readonly type: "unsigned"; readonly min: number; readonly unit: string }
  | { readonly type: "signed" }
  | { readonly type: "flag" }
  | { readonly type: "name"; readonly names: readonly string[] };

export interface FieldDefinition {
  readonly name: string;
  readonly bits: number;
  readonly kind: FieldKind;
  /** One line for the manual. */
  readonly meaning: string;
}

/** Fields shared by every instruction: tokens taken before it starts and given when it ends (bit i = channel i). */
export interface InstructionHeader {
  readonly wait: number;
  readonly signal: number;
}

export interface InstructionDefinition<Name extends string = string> {
  readonly name: Name;
  readonly code: number;
  readonly unit: Unit | "control";
  /** What it does, one line. */
  readonly action: string;
  /** Closed form of its cycles, as the manual prints it; the timing model and the reference engine must agree with it. */
  readonly cycles: string;
  readonly fields: readonly FieldDefinition[];
}

export function unsigned(name: string, bits: number, unit: string, meaning: string, min = 0): FieldDefinition {
  return { name, bits, kind: { type: "unsigned", min, unit }, meaning };
}

export function signed(name: string, bits: number, meaning: string): FieldDefinition {
  return { name, bits, kind: { type: "signed" }, meaning };
}

export function flag(name: string, meaning: string): FieldDefinition {
  return { name, bits: 1, kind: { type: "flag" }, meaning };
}

export function named(name: string, bits: number, names: readonly string[], meaning: string): FieldDefinition {
  return { name, bits, kind: { type: "name", names }, meaning };
}
