import fc from "fast-check";
import { expect, test } from "vitest";
import {
  automaticFormat,
  isAutomatic,
  parseWrittenFormat,
  rangeOf,
} from "../../../compiler/quantization/automatic-format.ts";
import { exactFormat } from "../../../compiler/quantization/exact-bias.ts";
import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import { formatText, rawRange } from "../../../isa/numerics/format.ts";
import { quantizeFloat64 } from "../../../isa/numerics/quantize.ts";
import { register } from "../../../isa/numerics/register.ts";

function choose(text: string, min: number, max: number, marginBits = 0): string {
  const written = parseWrittenFormat(text, "test");
  if (!isAutomatic(written)) throw new Error(`${text} is not automatic`);
  return formatText(automaticFormat(written, { min, max }, marginBits, "test"));
}

test("the fraction length is the largest at which the range fits", () => {
  expect(choose("8,auto", -1, 0.99)).toBe("8,7");
  expect(choose("8,auto", -1, 1)).toBe("8,6");
  expect(choose("8,auto", 0, 127)).toBe("8,0");
  expect(choose("8,auto", 0, 127.5)).toBe("8,-1");
  expect(choose("u8,auto", 0, 255)).toBe("u8,0");
  expect(choose("16,auto", -0.001, 0.001)).toBe("16,24");
  expect(choose("8,auto", 0, 0)).toBe("8,7");
  expect(choose("u8,auto", 0, 0)).toBe("u8,8");
  expect(choose("1,auto", -1, 0)).toBe("1,0");
});

test("each margin bit takes one fraction bit", () => {
  expect(choose("8,auto", -1, 0.99, 2)).toBe("8,5");
});

test("for random ranges both ends fit, and with one more fraction bit one of them does not", () => {
  const ends = fc.tuple(
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.float({ noNaN: true, noDefaultInfinity: true }),
  );
  fc.assert(
    fc.property(ends, fc.integer({ min: 1, max: 64 }), fc.boolean(), ([a, b], wordLength, signed) => {
      const range = signed
        ? { min: Math.min(a, b), max: Math.max(a, b) }
        : { min: 0, max: Math.max(Math.abs(a), Math.abs(b)) };
      const magnitude = Math.max(Math.abs(range.min), Math.abs(range.max));
      fc.pre(magnitude > 2 ** -100 && magnitude < 2 ** 60 && (wordLength > 1 || range.max <= 0 || !signed));
      const format = automaticFormat({ wordLength, signed, automatic: true }, range, 0, "test");
      const overflows = (candidate: FixedPointFormat): boolean =>
        [range.min, range.max].some((end) => quantizeFloat64(end, register(candidate)).overflowed);
      expect(overflows(format)).toBe(false);
      if (format.fractionLength < 192) {
        expect(overflows({ ...format, fractionLength: format.fractionLength + 1 })).toBe(true);
      }
    }),
  );
});

test("a range that no format can hold is a diagnostic", () => {
  expect(() => choose("u8,auto", -0.5, 1)).toThrow(/FORMAT_RANGE.*below 0/);
  expect(() => choose("8,auto", Number.NaN, 1)).toThrow(/FORMAT_RANGE/);
  expect(() => choose("8,auto", 2, 1)).toThrow(/FORMAT_RANGE/);
  expect(() => choose("8,auto", 0, 1e60)).toThrow(/no legal F/);
});

test("texts that are no format are diagnostics", () => {
  for (const text of ["", "auto", "8", "0,auto", "65,auto", "8,Auto", "-8,auto", "8,1000"]) {
    expect(() => parseWrittenFormat(text, "test"), text).toThrow(/FORMAT/);
  }
});

test("the range of a tensor is its least and greatest value", () => {
  expect(rangeOf(new Float32Array([0.5, -2, 1]))).toEqual({ min: -2, max: 1 });
  expect(rangeOf(new Float32Array())).toEqual({ min: 0, max: 0 });
});

test("the exact format of float32 values holds each of them, and none shorter does", () => {
  const values = fc.array(
    fc
      .tuple(fc.integer({ min: -(2 ** 12), max: 2 ** 12 }), fc.integer({ min: -20, max: 10 }))
      .map(([m, e]) => m * 2 ** e),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(values, (list) => {
      const tensor = new Float32Array(list);
      const format = exactFormat(tensor, "test");
      for (const value of tensor) {
        const { raw, overflowed } = quantizeFloat64(value, register(format));
        expect(overflowed).toBe(false);
        expect(Number(raw) * 2 ** -format.fractionLength).toBe(value + 0);
      }
      if (list.some((value) => value !== 0)) {
        const lossless = (candidate: FixedPointFormat): boolean =>
          [...tensor].every((value) => {
            const { raw } = quantizeFloat64(value, register(candidate));
            return Number(raw) * 2 ** -candidate.fractionLength === value + 0;
          });
        expect(lossless({ ...format, fractionLength: format.fractionLength - 1 })).toBe(false);
        if (format.wordLength > 1) expect(lossless({ ...format, wordLength: format.wordLength - 1 })).toBe(false);
      }
      expect(rawRange(format).max).toBeGreaterThanOrEqual(0n);
    }),
  );
});

test("biases too far apart for 64 bits are a diagnostic", () => {
  expect(() => exactFormat(new Float32Array([1e30, 1e-30]), "layer")).toThrow(/EXACT_BIAS.*at most 64/);
  expect(formatText(exactFormat(new Float32Array([0, 0]), "layer"))).toBe("1,0");
  expect(formatText(exactFormat(new Float32Array([-8]), "layer"))).toBe("1,-3");
  expect(formatText(exactFormat(new Float32Array([2 ** -149]), "layer"))).toBe("2,149");
});
