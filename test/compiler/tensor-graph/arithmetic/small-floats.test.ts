import { expect, it } from "vitest";
import {
  fromBfloat16,
  fromFloat16,
  roundToBfloat16,
  roundToFloat16,
} from "../../../../compiler/tensor-graph/arithmetic/small-floats.ts";

const FORMATS = [
  { name: "float16", widen: fromFloat16, round: roundToFloat16, infinity: 0x7c00 },
  { name: "bfloat16", widen: fromBfloat16, round: roundToBfloat16, infinity: 0x7f80 },
] as const;

it.each(FORMATS)("every $name keeps its value when rounded", ({ widen, round, infinity }) => {
  for (let bits = 0; bits <= infinity; bits++) {
    const value = widen(bits);
    if (!Object.is(round(value), value) || !Object.is(round(-value), -value)) expect.unreachable(`${bits}`);
    if (widen(bits | 0x8000) !== -value) expect.unreachable(`sign of ${bits}`);
  }
});

it.each(FORMATS)("between two $name the nearer one is taken, halfway the even one", ({ widen, round, infinity }) => {
  for (let bits = 0; bits + 1 < infinity; bits++) {
    const [low, high] = [widen(bits), widen(bits + 1)];
    const middle = (low + high) / 2;
    const even = bits % 2 === 0 ? low : high;
    const near = (high - low) / 8;
    if (round(middle) !== even || round(middle - near) !== low || round(middle + near) !== high) {
      expect.unreachable(`between ${low} and ${high}`);
    }
  }
});

it("what lies half a step beyond the greatest is infinite", () => {
  expect(roundToFloat16(65519.99)).toBe(65504);
  expect(roundToFloat16(-65520)).toBe(Number.NEGATIVE_INFINITY);
  const greatest = fromBfloat16(0x7f7f);
  expect(roundToBfloat16(greatest * (1 + 2 ** -10))).toBe(greatest);
  expect(roundToBfloat16(greatest * (1 + 2 ** -8))).toBe(Number.POSITIVE_INFINITY);
});

it("what is no number stays none", () => {
  expect(fromFloat16(0x7e00)).toBeNaN();
  expect(fromBfloat16(0xffc1)).toBeNaN();
  expect(roundToFloat16(Number.NaN)).toBeNaN();
});
