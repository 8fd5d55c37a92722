import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { OVERFLOW_MODES, type OverflowMode } from "../../../isa/numerics/overflow.ts";
import { quantizeFloat64 } from "../../../isa/numerics/quantize.ts";
import { quantizeFloat64Array } from "../../../isa/numerics/quantize-array.ts";
import { tensorGenerator } from "../../../isa/numerics/random.ts";
import { allocateRaws, rawAt } from "../../../isa/numerics/raws.ts";
import { register } from "../../../isa/numerics/register.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../../isa/numerics/rounding.ts";

const values = fc.array(
  fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -4096, max: 4096 }).map((raw) => raw / 64),
    fc.constantFrom(0, -0, 5e-324, -5e-324, 2 ** 52, -(2 ** 52), 2 ** 53 + 2, 0.5, -0.5, 1.5, 2 ** -1000),
  ),
  { maxLength: 40 },
);

describe("quantizeFloat64Array", () => {
  it("gives the words and the overflows of quantizeFloat64, element by element", () => {
    fc.assert(
      fc.property(
        values,
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: -128, max: 192 }),
        fc.boolean(),
        fc.constantFrom(...(Object.keys(ROUNDING_MODES) as RoundingMode[])),
        fc.constantFrom(...(Object.keys(OVERFLOW_MODES) as OverflowMode[]).filter((mode) => mode !== "trap")),
        (numbers, wordLength, fractionLength, signed, rounding, overflow) => {
          if (overflow === "wrap-sign-magnitude" && !signed) return;
          const spec = register(fixedPoint(wordLength, fractionLength, signed), rounding, overflow);
          const raws = allocateRaws(spec.format, numbers.length + 1);
          const seen: number[] = [];
          quantizeFloat64Array(numbers, spec, raws, 1, (index) => seen.push(index), tensorGenerator(3, "t"));
          const random = tensorGenerator(3, "t");
          const expected = numbers.map((value) => quantizeFloat64(value, spec, random));
          expect(numbers.map((_, index) => rawAt(raws, index + 1, spec.format))).toEqual(
            expected.map(({ raw }) => raw),
          );
          expect(seen).toEqual(expected.flatMap(({ overflowed }, index) => (overflowed ? [index] : [])));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
