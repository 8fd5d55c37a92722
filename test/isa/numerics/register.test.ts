import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import {
  type RegisterSpec,
  register,
  registersEqual,
  registerText,
  validateRegister,
} from "../../../isa/numerics/register.ts";
import { registers } from "../../arbitraries/numerics.ts";

const GOOD = register(fixedPoint(16, 8));

describe("registers", () => {
  test("are to nearest, saturating and SystemC's unless said otherwise", () => {
    expect(GOOD).toEqual({
      format: { wordLength: 16, fractionLength: 8, signed: true },
      rounding: "nearest",
      overflow: "saturate",
      saturatedBits: 0,
      dialect: "sc",
    });
  });

  test("are equal exactly when every field is", () => {
    expect(registersEqual(GOOD, { ...GOOD, format: { ...GOOD.format } })).toBe(true);
    for (const change of [
      { format: fixedPoint(16, 9) },
      { rounding: "zero" },
      { overflow: "wrap" },
      { saturatedBits: 1 },
      { dialect: "ap" },
    ] as const) {
      expect(registersEqual(GOOD, { ...GOOD, ...change })).toBe(false);
    }
  });

  test("have a text", () => {
    expect(registerText(GOOD)).toBe("16,8 nearest saturate");
    expect(registerText(register(fixedPoint(8, 4, false), "stochastic", "wrap", 2, "ap"))).toBe(
      "u8,4 stochastic wrap:2 ap",
    );
  });

  test("that are drawn at random are valid", () => {
    fc.assert(fc.property(registers(), (spec) => validateRegister(spec, "x").length === 0));
  });
});

describe("validation", () => {
  const unsigned = { ...GOOD, format: fixedPoint(16, 8, false) };
  test.each<[string, RegisterSpec, string[]]>([
    ["W = 0", { ...GOOD, format: { ...GOOD.format, wordLength: 0 } }, ["wordLength W"]],
    ["W = 65", { ...GOOD, format: { ...GOOD.format, wordLength: 65 } }, ["wordLength W"]],
    [
      "W = 8.5 and F = NaN",
      { ...GOOD, format: { wordLength: 8.5, fractionLength: Number.NaN, signed: true } },
      ["wordLength W", "fractionLength F"],
    ],
    ["F = −129", { ...GOOD, format: { ...GOOD.format, fractionLength: -129 } }, ["fractionLength F"]],
    ["F = 193", { ...GOOD, format: { ...GOOD.format, fractionLength: 193 } }, ["fractionLength F"]],
    ["saturate with N", { ...GOOD, saturatedBits: 1 }, ["saturatedBits N"]],
    ["wrap:17 of 16 bits", { ...GOOD, overflow: "wrap", saturatedBits: 17 }, ["saturatedBits N"]],
    ["wrap:−1", { ...GOOD, overflow: "wrap", saturatedBits: -1 }, ["saturatedBits N"]],
    ["unsigned sign magnitude", { ...unsigned, overflow: "wrap-sign-magnitude" }, ["overflow"]],
    ["sign magnitude in ac", { ...GOOD, overflow: "wrap-sign-magnitude", dialect: "ac" }, ["overflow"]],
    ["wrap:1 in ac", { ...GOOD, overflow: "wrap", saturatedBits: 1, dialect: "ac" }, ["saturatedBits N"]],
    [
      "names from outside",
      { ...GOOD, rounding: "neerest", overflow: "toString", dialect: "vhdl" } as unknown as RegisterSpec,
      ["rounding", "dialect", "overflow"],
    ],
  ])("%s is refused at its field", (_, spec, fields) => {
    const found = validateRegister(spec, "layer conv1, product");
    expect(found.map(({ where }) => where)).toEqual(fields.map((field) => `layer conv1, product: ${field}`));
    for (const diagnostic of found) {
      expect(diagnostic.code).toBe("REGISTER");
      expect(diagnostic.what).not.toBe("");
      expect(diagnostic.hint).not.toBe("");
    }
  });

  test("an unknown name gets the nearest one as its hint", () => {
    const spec = { ...GOOD, rounding: "neerest" } as unknown as RegisterSpec;
    expect(validateRegister(spec, "x")[0]?.hint).toBe("use nearest");
  });

  test("an exact register may have up to 192 bits, no more", () => {
    const wide = register({ wordLength: 192, fractionLength: 384, signed: true });
    expect(validateRegister(wide, "x", { exact: true })).toEqual([]);
    expect(validateRegister(wide, "x")).toHaveLength(2);
    const wider = register({ wordLength: 193, fractionLength: 0, signed: true });
    expect(validateRegister(wider, "x", { exact: true })).toHaveLength(1);
  });

  test("N = W and the sc and ap dialects of wrap:N are fine", () => {
    for (const dialect of ["sc", "ap"] as const) {
      expect(validateRegister({ ...unsigned, overflow: "wrap", saturatedBits: 16, dialect }, "x")).toEqual([]);
    }
    expect(validateRegister({ ...GOOD, overflow: "wrap", dialect: "ac" }, "x")).toEqual([]);
  });
});
