import { type InstructionDefinition, type InstructionHeader, signed, unsigned } from "./definition.ts";

/**
 * Which words of operand A a table stands for. `lookup`: raw r reads entry min(max((r − base) >> shift, 0), entries − 1).
 * `interpolate`: the position p = min(max(r − base, 0), (entries − 1) · 2^shift) lies behind entry j = min(p >> shift, entries − 2) by
 * the fraction p − j · 2^shift. Words beyond either end thus read the end's entry.
 */
export interface ConfigureTable extends InstructionHeader {
  readonly opcode: "configure.table";
  /** Raw of operand A at entry 0. */
  readonly base: bigint;
  readonly shift: number;
  /** At least 2 for `interpolate`. */
  readonly entries: number;
}

export const CONFIGURE_TABLE: InstructionDefinition<"configure.table"> = {
  name: "configure.table",
  code: 0x06,
  unit: "compute",
  action: "set the words that the table of lookup and interpolate stands for",
  cycles: "1",
  fields: [
    signed("base", 66, "raw of operand A at entry 0"),
    unsigned("shift", 6, "bits", "lowest bits of raw − base between two entries"),
    unsigned("entries", 24, "words", "length of the table", 1),
  ],
};

/** Entry that `lookup` reads for a raw of operand A. */
export function tableEntry({ base, shift, entries }: ConfigureTable, raw: bigint): number {
  const entry = (raw - base) >> BigInt(shift);
  return entry < 0n ? 0 : entry >= BigInt(entries) ? entries - 1 : Number(entry);
}

/** The entry before the raw's place between two entries, and how far behind it that lies, 0 … 2^shift. */
export function tablePosition(
  { base, shift, entries }: ConfigureTable,
  raw: bigint,
): { readonly entry: number; readonly fraction: bigint } {
  const last = BigInt(entries - 1) << BigInt(shift);
  const distance = raw - base;
  const position = distance < 0n ? 0n : distance > last ? last : distance;
  const above = Number(position >> BigInt(shift));
  const entry = Math.min(above, entries - 2);
  return { entry, fraction: position - (BigInt(entry) << BigInt(shift)) };
}
