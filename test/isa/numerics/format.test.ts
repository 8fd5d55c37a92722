import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import {
  bitLength,
  FORMAT_LIMITS,
  fixedPoint,
  formatsEqual,
  formatText,
  parseFormat,
  rawRange,
  rawToFloat64,
} from "../../../isa/numerics/format.ts";
import { formats, integers } from "../../arbitraries/numerics.ts";
import { exactFloat64, neighbours } from "../../oracles/exact-float64.ts";
import { binaryRational, compareRationals, distance } from "../../oracles/rational-rounding.ts";

describe("format text", () => {
  test("every format of a named register is read back as it was written", () => {
    fc.assert(fc.property(formats(), (format) => formatsEqual(parseFormat(formatText(format)), format)));
  });

  test.each([
    ["16,8", { wordLength: 16, fractionLength: 8, signed: true }],
    ["u8,4", { wordLength: 8, fractionLength: 4, signed: false }],
    ["1,0", { wordLength: 1, fractionLength: 0, signed: true }],
    ["u64,-128", { wordLength: 64, fractionLength: -128, signed: false }],
    ["8,192", { wordLength: 8, fractionLength: 192, signed: true }],
    [" 12,6 ", { wordLength: 12, fractionLength: 6, signed: true }],
    ["8,-0", { wordLength: 8, fractionLength: 0, signed: true }],
  ])("%j is %j", (text, format) => {
    expect(parseFormat(text)).toStrictEqual(format);
  });

  test.each([
    "",
    "16",
    "16,",
    ",8",
    "16;8",
    "16.5,8",
    "s16,8",
    "U8,4",
    "16,8,0",
    "+16,8",
    "16, 8",
    "1e1,0",
    "16,--8",
    "NaN,0",
  ])("%j is refused, with the form to write", (text) => {
    expect(() => parseFormat(text, "--format")).toThrow(/error\[FORMAT\] --format: .* is not a format; write W,F/);
  });

  test.each([
    ["0,0", "W is 0, expected an integer from 1 to 64; the nearest legal value is 1"],
    ["65,0", "W is 65, expected an integer from 1 to 64; the nearest legal value is 64"],
    ["u999999999,0", "the nearest legal value is 64"],
    ["8,193", "F is 193, expected an integer from -128 to 192; the nearest legal value is 192"],
    ["8,-129", "the nearest legal value is -128"],
  ])("%s is refused: %s", (text, message) => {
    expect(() => parseFormat(text)).toThrow(message);
  });

  test("fixedPoint refuses what is no format, and admits exact formats up to 192 bits", () => {
    expect(fixedPoint(192, 384)).toStrictEqual({ wordLength: 192, fractionLength: 384, signed: true });
    for (const [wordLength, fractionLength] of [
      [0, 0],
      [193, 0],
      [8.5, 0],
      [Number.NaN, 0],
      [8, Infinity],
      [8, 385],
      [8, -257],
    ] as const) {
      expect(() => fixedPoint(wordLength, fractionLength)).toThrow(DiagnosticError);
    }
    expect(FORMAT_LIMITS.wordLength).toBe(64);
  });
});

describe("raw range", () => {
  test.each([
    ["1,0", -1n, 0n],
    ["u1,0", 0n, 1n],
    ["8,4", -128n, 127n],
    ["u8,12", 0n, 255n],
    ["64,0", -(2n ** 63n), 2n ** 63n - 1n],
    ["u64,-3", 0n, 2n ** 64n - 1n],
  ])("%s holds %i … %i", (text, min, max) => {
    expect(rawRange(parseFormat(text))).toEqual({ min, max });
  });

  test("formats that differ in one field are not equal", () => {
    const format = fixedPoint(8, 4);
    expect(formatsEqual(format, fixedPoint(8, 4))).toBe(true);
    for (const other of [fixedPoint(9, 4), fixedPoint(8, 3), fixedPoint(8, 4, false)]) {
      expect(formatsEqual(format, other)).toBe(false);
    }
  });

  test("bitLength is the length of the binary digits", () => {
    expect(bitLength(0n)).toBe(0);
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 200n }), (value) => bitLength(value) === value.toString(2).length),
    );
    for (let bits = 1; bits < 80; bits++) expect(bitLength(2n ** BigInt(bits) - 1n)).toBe(bits);
  });
});

describe("raw to float64", () => {
  test.each([
    [0n, 8, 0],
    [-0n, 8, 0],
    [1n, 8, 2 ** -8],
    [-3n, -4, -48],
    [1n, 1074, Number.MIN_VALUE],
    [1n, 1075, 0],
    [3n, 1075, 2 * Number.MIN_VALUE],
    [-1n, 1075, 0],
    [(2n ** 53n - 1n) << 971n, 0, Number.MAX_VALUE],
    [2n ** 1024n, 0, Infinity],
    [-(2n ** 1024n), 0, -Infinity],
    [2n ** 1024n - 1n, 0, Infinity],
    [2n ** 1024n - 2n ** 970n - 1n, 0, Number.MAX_VALUE],
    [2n ** 1024n - 2n ** 970n, 0, Infinity],
    [1n, -5000, Infinity],
    [2n ** 3000n, 3000, 1],
    [2n ** 53n + 1n, 0, 2 ** 53],
    [2n ** 53n + 3n, 0, 2 ** 53 + 4],
    [-(2n ** 63n), 63, -1],
    [2n ** 64n - 1n, 64, 1],
  ])("%i · 2^−%i is %d", (raw, fractionLength, expected) => {
    expect(rawToFloat64(raw, fractionLength)).toBe(expected);
  });

  test("is the nearest double, ties to the even one, for any raw and F", () => {
    fc.assert(
      fc.property(integers(300), fc.integer({ min: -300, max: 1300 }), (raw, fractionLength) => {
        const exact = binaryRational(raw, fractionLength);
        const found = rawToFloat64(raw, fractionLength);
        const { below, above, even } = neighbours(found);
        const error = distance(exactFloat64(found), exact);
        for (const neighbour of [below, above]) {
          const comparison = compareRationals(error, distance(exactFloat64(neighbour), exact));
          expect(comparison < 0 || (comparison === 0 && even)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("agrees with Number on every integer", () => {
    fc.assert(fc.property(integers(192), (raw) => rawToFloat64(raw, 0) === Number(raw)));
  });
});
