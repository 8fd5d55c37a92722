import { describe, expect, it } from "vitest";
import { COMPUTE_REGISTERS, LOAD_REGISTERS, MACHINE_REGISTERS } from "../../isa/instructions/configure-register.ts";
import { UNITS } from "../../isa/instructions/definition.ts";
import { INSTRUCTIONS } from "../../isa/instructions/table.ts";
import { BINARY_VECTOR_OPERATIONS, VECTOR_OPERATIONS } from "../../isa/instructions/vector.ts";
import { MACHINE_LIMITS } from "../../isa/machine.ts";
import { FORMAT_LIMITS } from "../../isa/numerics/format.ts";
import { DIALECTS, OVERFLOW_MODES } from "../../isa/numerics/overflow.ts";
import { ROUNDING_MODES } from "../../isa/numerics/rounding.ts";
import { OPCODES } from "../arbitraries/instructions.ts";

describe("the instruction table", () => {
  it.each(OPCODES)("%s is filed under its own name, with a unit, an action and cycles", (opcode) => {
    const { name, unit, action, cycles } = INSTRUCTIONS[opcode];
    expect(name).toBe(opcode);
    expect([...UNITS, "control"]).toContain(unit);
    expect(action).not.toBe("");
    expect(cycles).not.toBe("");
  });

  it.each(OPCODES)("%s has fields of distinct names, none of them a name of the header", (opcode) => {
    const names = INSTRUCTIONS[opcode].fields.map(({ name }) => name);
    expect(new Set([...names, "opcode", "wait", "signal"]).size).toBe(names.length + 3);
  });

  it.each(OPCODES)("%s has fields that hold all their names, and integers that a number can hold", (opcode) => {
    for (const { name, bits, kind } of INSTRUCTIONS[opcode].fields) {
      if (kind.type === "name") {
        expect(kind.names.length, name).toBeLessThanOrEqual(2 ** bits);
        expect(new Set(kind.names).size, name).toBe(kind.names.length);
      }
      if (kind.type === "flag") expect(bits, name).toBe(1);
      if (kind.type === "unsigned") {
        expect(bits, name).toBeLessThanOrEqual(53);
        expect(kind.min, name).toBeLessThan(2 ** bits);
      }
    }
  });

  it("configure.register holds every format and N of an exact register", () => {
    const reach = (name: string): { bits: number; min: number } => {
      const field = INSTRUCTIONS["configure.register"].fields.find((each) => each.name === name);
      return { bits: field?.bits ?? 0, min: field?.kind.type === "unsigned" ? field.kind.min : Number.NaN };
    };
    expect(2 ** reach("wordLength").bits - 1).toBeGreaterThanOrEqual(FORMAT_LIMITS.exactWordLength);
    expect(2 ** reach("saturatedBits").bits - 1).toBeGreaterThanOrEqual(FORMAT_LIMITS.exactWordLength);
    expect(reach("wordLength").min).toBe(1);
    expect(reach("saturatedBits").min).toBe(0);
    const fractionEnd = 2 ** (reach("fractionLength").bits - 1);
    expect(-fractionEnd).toBeLessThanOrEqual(FORMAT_LIMITS.minExactFractionLength);
    expect(fractionEnd - 1).toBeGreaterThanOrEqual(FORMAT_LIMITS.maxExactFractionLength);
  });

  it("every address reaches the whole of the largest memory", () => {
    for (const opcode of OPCODES) {
      for (const { name, bits } of INSTRUCTIONS[opcode].fields.filter((field) => /address/i.test(field.name))) {
        const largest = name === "dramAddress" ? MACHINE_LIMITS.dramBits : MACHINE_LIMITS.onChipBits;
        expect(2 ** bits, `${opcode} ${name}`).toBeGreaterThanOrEqual(largest);
      }
    }
  });
});

describe("names in encodings", () => {
  it.each([
    ["rounding modes", ROUNDING_MODES],
    ["overflow modes", OVERFLOW_MODES],
    ["dialects", DIALECTS],
  ])("%s stand in the order of their codes", (_, table) => {
    expect(Object.values(table).map((entry: { code: number }) => entry.code)).toEqual(
      Object.keys(table).map((_, i) => i),
    );
  });

  it("every machine register belongs to one of the two units that have registers", () => {
    expect(MACHINE_REGISTERS).toEqual([...LOAD_REGISTERS, ...COMPUTE_REGISTERS]);
    expect(new Set(MACHINE_REGISTERS).size).toBe(11);
  });

  it("copy, shift and functions are the vector operations with one operand", () => {
    expect(VECTOR_OPERATIONS.filter((name) => !BINARY_VECTOR_OPERATIONS.includes(name))).toEqual([
      "copy",
      "shift",
      "lookup",
      "interpolate",
      "pieces",
      "slopes",
      "hardSwish",
    ]);
  });
});
