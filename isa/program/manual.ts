import { InvariantError } from "../diagnostic.ts";
import type { FieldDefinition, InstructionDefinition } from "../instructions/definition.ts";
import { INSTRUCTIONS } from "../instructions/table.ts";
import { TOKEN_CHANNELS } from "../tokens.ts";
import { HEADER_FIELDS, INSTRUCTION_BITS, INSTRUCTION_BYTES, type PlacedField, placedFields } from "./encoding.ts";

/*
 * The generated parts of isa/README.md, in Markdown: everything that can be read off the tables of instructions and
 * tokens.
 */

/** Names of the generated parts, as their marks in the manual have them. */
export type ManualPart = "tokens" | "instructions";

const PARTS: Record<ManualPart, () => string> = { tokens: tokenManual, instructions: instructionManual };

/** The manual with each part between `<!-- generated: name -->` and `<!-- end -->` replaced by what the tables say. */
export function fillManual(manual: string): string {
  return Object.entries(PARTS).reduce((text, [name, render]) => {
    const mark = `<!-- generated: ${name} -->\n`;
    const start = text.indexOf(mark);
    const end = text.indexOf("<!-- end -->", start);
    if (start < 0 || end < 0) throw new InvariantError(`the manual has no marks around the part "${name}"`);
    return `${text.slice(0, start)}${mark}${render()}${text.slice(end)}`;
  }, manual);
}

/** The channels by bit: who gives, who takes, what waiting is called. */
export function tokenManual(): string {
  return table(
    ["bit", "channel", "from", "to", "stall cause", "a token says"],
    TOKEN_CHANNELS.map(({ name, from, to, cause, meaning }, bit) => [
      String(bit),
      code(name),
      from,
      to,
      cause,
      meaning,
    ]),
  );
}

/** The word, an overview of all instructions, then the fields of each. */
export function instructionManual(): string {
  const definitions = Object.values(INSTRUCTIONS) as InstructionDefinition[];
  return [
    `A word has ${INSTRUCTION_BITS} bits, stored as ${INSTRUCTION_BYTES} bytes, least significant first. Every instruction starts with`,
    "",
    fieldTable(HEADER_FIELDS),
    "and goes on with its own fields from bit 24. All remaining bits are zero. A word with an unknown opcode, a value",
    "outside the range of its field, a token on a channel that is not the unit's, or a remaining bit set is illegal.",
    "",
    table(
      ["instruction", "opcode", "unit", "action", "cycles"],
      definitions.map(({ name, code: opcode, unit, action, cycles }) => [
        code(name),
        hexadecimal(opcode),
        unit,
        action,
        cycles,
      ]),
    ),
    ...definitions.filter(({ fields }) => fields.length > 0).map(fieldSection),
  ].join("\n");
}

function fieldSection(definition: InstructionDefinition): string {
  const own = placedFields(definition).slice(HEADER_FIELDS.length);
  return `### \`${definition.name}\` (${hexadecimal(definition.code)}, ${definition.unit})\n\n${fieldTable(own)}`;
}

function fieldTable(fields: readonly PlacedField[]): string {
  return table(
    ["bits", "field", "values", "meaning"],
    fields.map(({ field, lowestBit }) => [
      bitRange(field, lowestBit),
      code(field.name),
      valuesText(field),
      field.meaning,
    ]),
  );
}

function bitRange({ bits }: FieldDefinition, lowestBit: number): string {
  return bits === 1 ? String(lowestBit) : `${lowestBit}–${lowestBit + bits - 1}`;
}

function valuesText({ kind, bits }: FieldDefinition): string {
  if (kind.type === "flag") return "0, 1";
  if (kind.type === "name") return kind.names.map((name, index) => `${index} ${code(name)}`).join(", ");
  if (kind.type === "signed") return `${power(-1, bits - 1, 0)} … ${power(1, bits - 1, -1)}`;
  return `${kind.min} … ${power(1, bits, -1)}${kind.unit === "" ? "" : ` ${kind.unit}`}`;
}

/** sign · 2^exponent + offset, in digits where they are few. */
function power(sign: 1 | -1, exponent: number, offset: 0 | -1): string {
  const minus = sign < 0 ? "−" : "";
  if (exponent <= 16) return `${minus}${2 ** exponent + offset}`;
  return `${minus}2^${exponent}${offset === 0 ? "" : "−1"}`;
}

function hexadecimal(value: number): string {
  return code(`0x${value.toString(16).padStart(2, "0")}`);
}

function code(text: string): string {
  return `\`${text}\``;
}

/** Cells padded to the width of their column, as the project's formatter writes Markdown. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((cells) => width(cells[column]))));
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((cell, column) => cell + fill.repeat((widths[column] ?? 0) - width(cell))).join(" | ")} |\n`;
  const rule = line(
    head.map(() => ""),
    "-",
  );
  return `${line(head, " ")}${rule}${rows.map((cells) => line(cells, " ")).join("")}`;
}

function width(cell = ""): number {
  return [...cell].length;
}
