import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../isa/diagnostic.ts";
import { INSTRUCTIONS } from "../../../isa/instructions/table.ts";
import { placedFields } from "../../../isa/program/encoding.ts";
import { fillManual, instructionManual, tokenManual } from "../../../isa/program/manual.ts";
import { TOKEN_CHANNELS } from "../../../isa/tokens.ts";
import { OPCODES } from "../../arbitraries/instructions.ts";

const README = fileURLToPath(new URL("../../../isa/README.md", import.meta.url));
const REGENERATE = "UPDATE=1 npx vitest run test/isa/program/manual.test.ts";

/** The lines from a heading to the next. */
function sectionOf(opcode: string): string {
  const manual = instructionManual().replace(/ +/g, " ");
  const start = manual.indexOf(`### \`${opcode}\``);
  const end = manual.indexOf("\n### ", start + 1);
  return manual.slice(start, end < 0 ? undefined : end);
}

it(`isa/README.md holds the generated tables (to write them: ${REGENERATE})`, () => {
  const found = readFileSync(README, "utf8");
  const wanted = fillManual(found);
  if (process.env.UPDATE === "1") writeFileSync(README, wanted);
  else expect(found, `isa/README.md is out of date; run ${REGENERATE}`).toBe(wanted);
});

describe("the manual", () => {
  it("leaves everything outside its marks as it is", () => {
    const around = (tokens: string, instructions: string): string =>
      `a\n<!-- generated: tokens -->\n${tokens}<!-- end -->\nb\n<!-- generated: instructions -->\n${instructions}<!-- end -->\nc\n`;
    expect(fillManual(around("", "old\n"))).toBe(around(tokenManual(), instructionManual()));
    expect(fillManual(around(tokenManual(), instructionManual()))).toBe(around(tokenManual(), instructionManual()));
  });

  it("without a mark is a broken promise", () => {
    expect(() => fillManual("<!-- generated: tokens -->\n<!-- end -->\n")).toThrow(InvariantError);
  });

  it("has a row for each channel and each instruction", () => {
    expect(tokenManual().trim().split("\n").length).toBe(2 + TOKEN_CHANNELS.length);
    for (const opcode of OPCODES) {
      const { code, unit, cycles } = INSTRUCTIONS[opcode];
      const row = instructionManual()
        .split("\n")
        .find((line) => line.startsWith(`| \`${opcode}\` `))
        ?.replace(/ +/g, " ");
      expect(row).toContain(`\`0x${code.toString(16).padStart(2, "0")}\` | ${unit} |`);
      expect(row).toContain(cycles);
    }
  });

  it.each(OPCODES.filter((opcode) => INSTRUCTIONS[opcode].fields.length > 0))(
    "has a row for each field of %s",
    (opcode) => {
      const section = sectionOf(opcode);
      for (const { field, lowestBit } of placedFields(INSTRUCTIONS[opcode]).slice(3)) {
        const bits = field.bits === 1 ? `${lowestBit}` : `${lowestBit}–${lowestBit + field.bits - 1}`;
        expect(section).toContain(`| ${bits} | \`${field.name}\` |`);
      }
    },
  );

  it("no cell breaks its table", () => {
    const rows = `${tokenManual()}${instructionManual()}`.split("\n").filter((line) => line.startsWith("|"));
    expect(rows.length).toBeGreaterThan(80);
    const counts = new Set(rows.map((row) => row.split("|").length - 2));
    expect([...counts].sort()).toEqual([4, 5, 6]);
  });
});
