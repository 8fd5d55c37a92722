import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DECIMAL_LIMITS, parseDecimal, quantizeDecimal } from "../../../isa/numerics/decimal.ts";
import { parseFormat } from "../../../isa/numerics/format.ts";
import { quantize, quantizeFloat64 } from "../../../isa/numerics/quantize.ts";
import { tensorGenerator } from "../../../isa/numerics/random.ts";
import { register } from "../../../isa/numerics/register.ts";
import { deterministicRoundingModes, registers } from "../../arbitraries/numerics.ts";
import { roundRational } from "../../oracles/rational-rounding.ts";

/** Sign, digits, point and exponent of a number. */
const written = fc.record({
  sign: fc.constantFrom("", "-", "+"),
  whole: fc.stringMatching(/^[0-9]{0,30}$/),
  fraction: fc.stringMatching(/^[0-9]{0,40}$/),
  exponent: fc.option(fc.integer({ min: -60, max: 40 })),
});

function textOf({ sign, whole, fraction, exponent }: typeof written extends fc.Arbitrary<infer T> ? T : never): string {
  const digits = whole === "" && fraction === "" ? "0" : `${whole}.${fraction}`;
  return `${sign}${digits}${exponent === null ? "" : `e${exponent}`}`;
}

describe("a decimal", () => {
  it("is rounded once from its exact value, by the rational definition", () => {
    const format = parseFormat("64,20", "test");
    fc.assert(
      fc.property(written, deterministicRoundingModes(), (drawn, rounding) => {
        const text = textOf(drawn);
        const decimal = parseDecimal(text, "test");
        const magnitude = BigInt(`${drawn.whole}${drawn.fraction}` || "0");
        const numerator = drawn.sign === "-" ? -magnitude : magnitude;
        const power = (drawn.exponent ?? 0) - drawn.fraction.length;
        const rational = {
          numerator: numerator * 2n ** 20n * 10n ** BigInt(Math.max(0, power)),
          denominator: 10n ** BigInt(Math.max(0, -power)),
        };
        const expected = roundRational(rational, rounding as "down");
        expect(decimal && quantizeDecimal(decimal, register(format, rounding)).rounded).toBe(expected);
      }),
      { numRuns: 400 },
    );
  });

  it("that a double holds gives the double's words, random ones included", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), registers(), fc.nat(), (value, spec, seed) => {
        // The double's own exact decimal, digit by digit.
        const raw = BigInt.asIntN(64, BigInt(Math.trunc(value % 2 ** 40)));
        const text = `${Object.is(value, -0) ? "-" : ""}${raw}.5e0`;
        const decimal = parseDecimal(text, "test");
        const double = Number(text);
        const random = () => tensorGenerator(seed, "test");
        expect(decimal && quantizeDecimal(decimal, spec, random())).toEqual(quantizeFloat64(double, spec, random()));
      }),
      { numRuns: 300 },
    );
  });

  it("beyond 53 bits and next to a tie keeps every digit", () => {
    const wide = register(parseFormat("64,0", "test"), "nearest-even");
    const word = (text: string): bigint | null => {
      const decimal = parseDecimal(text, "test");
      return decimal && quantizeDecimal(decimal, wide).raw;
    };
    expect(word("9007199254740993")).toBe(9007199254740993n);
    expect(word("0.50000000000000000000000001")).toBe(1n);
    expect(word("0.5")).toBe(0n);
    expect(word("-1e-400")).toBe(0n);
    expect(word("1e400")).toBe(2n ** 63n - 1n);
    expect(quantize(1n, 1, wide).raw).toBe(0n);
  });

  it.each(["", ".", "-", "e5", "1e", "0x7", "1_000", "1,5", "NaN", "1.2.3", "- 1"])("%j is none", (text) => {
    expect(parseDecimal(text, "test")).toBeNull();
  });

  it("with very many digits, or an exponent without end, is refused before it is computed", () => {
    const { digits, exponent } = DECIMAL_LIMITS;
    expect(() => parseDecimal("1".repeat(digits + 1), "test")).toThrow(/DECIMAL[\s\S]*4097 digits/);
    expect(() => parseDecimal(`1e${exponent + 1}`, "test")).toThrow(/an exponent of 4097/);
    expect(() => parseDecimal(`1e-${"9".repeat(500)}`, "test")).toThrow(/DECIMAL/);
    expect(parseDecimal(`1e${exponent}`, "test")).not.toBeNull();
  });
});
