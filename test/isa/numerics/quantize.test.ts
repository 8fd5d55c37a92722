import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { fixedPoint, rawRange, rawToFloat64 } from "../../../isa/numerics/format.ts";
import { fit as fitWord } from "../../../isa/numerics/overflow.ts";
import { type Quantized, quantize, quantizeFloat64, quantizeQuotient } from "../../../isa/numerics/quantize.ts";
import { type RandomWordSource, Xorshift32 } from "../../../isa/numerics/random.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../../isa/numerics/rounding.ts";
import { deterministicRoundingModes, integers, registers, valuesFor } from "../../arbitraries/numerics.ts";
import { fitBitString } from "../../oracles/bit-string-overflow.ts";
import { exactFloat64 } from "../../oracles/exact-float64.ts";
import {
  binaryRational,
  type Rational,
  type RationalRoundingMode,
  roundRational,
} from "../../oracles/rational-rounding.ts";

class CountedWords implements RandomWordSource {
  drawn = 0;
  readonly #generator = new Xorshift32(1);

  next(): number {
    this.drawn++;
    return this.#generator.next();
  }
}

/** An exact rational into a register, by the independent definitions (sc only). */
function expectedOf(value: Rational, spec: RegisterSpec): Quantized {
  const { wordLength, fractionLength, signed } = spec.format;
  const scale = binaryRational(1n, -fractionLength);
  const scaled = {
    numerator: value.numerator * scale.numerator,
    denominator: value.denominator * scale.denominator,
  };
  const rounded = roundRational(scaled, spec.rounding as RationalRoundingMode);
  const mode = spec.overflow === "trap" ? "saturate" : spec.overflow;
  const raw = fitBitString(rounded, wordLength, signed, mode, spec.saturatedBits);
  return { raw, rounded, overflowed: raw !== rounded };
}

const scRegisters = registers(deterministicRoundingModes()).map((spec): RegisterSpec => ({ ...spec, dialect: "sc" }));

describe("quantize", () => {
  test("rounds first and then fits: 7.5 into 4,0 is 8, which saturates and counts", () => {
    const spec = register(fixedPoint(4, 0));
    expect(quantize(15n, 1, spec)).toEqual({ raw: 7n, rounded: 8n, overflowed: true });
    expect(quantize(14n, 1, spec)).toEqual({ raw: 7n, rounded: 7n, overflowed: false });
    // −8.5 rounds away to −9; to zero it would have fitted.
    expect(quantize(-17n, 1, spec)).toEqual({ raw: -8n, rounded: -9n, overflowed: true });
    expect(quantize(-17n, 1, { ...spec, rounding: "zero" })).toEqual({ raw: -8n, rounded: -8n, overflowed: false });
  });

  test("a negative value keeps its sign until the fit into an unsigned register", () => {
    const spec = register(fixedPoint(4, 0, false));
    expect(quantize(-1n, 1, spec)).toEqual({ raw: 0n, rounded: -1n, overflowed: true });
    expect(quantize(-1n, 2, spec)).toEqual({ raw: 0n, rounded: 0n, overflowed: false });
  });

  test("is the independent definition for every register and value, W up to 64, F negative and above W", () => {
    fc.assert(
      fc.property(
        scRegisters.chain((spec) => fc.tuple(fc.constant(spec), valuesFor(spec))),
        ([spec, { raw, fractionLength }]) => {
          expect(quantize(raw, fractionLength, spec)).toEqual(expectedOf(binaryRational(raw, fractionLength), spec));
        },
      ),
      { numRuns: 10_000 },
    );
  });

  test("the values drawn for that overflow and round often enough to mean something", () => {
    let overflowed = 0;
    let inexact = 0;
    const drawn = fc.sample(
      scRegisters.chain((spec) => fc.tuple(fc.constant(spec), valuesFor(spec))),
      { numRuns: 1000, seed: 1 },
    );
    for (const [spec, { raw, fractionLength }] of drawn) {
      const result = quantize(raw, fractionLength, spec);
      if (result.overflowed) overflowed++;
      if (rawToFloat64(result.rounded, spec.format.fractionLength) !== rawToFloat64(raw, fractionLength)) inexact++;
    }
    expect(overflowed).toBeGreaterThan(150);
    expect(overflowed).toBeLessThan(850);
    expect(inexact).toBeGreaterThan(150);
  });

  test("a word that is already there stays, in every mode but saturate-symmetric at its end", () => {
    fc.assert(
      fc.property(
        registers().chain((spec) => fc.tuple(fc.constant(spec), fc.bigInt(rawRange(spec.format)))),
        ([spec, raw]) => {
          const again = quantize(raw, spec.format.fractionLength, spec);
          const moved =
            spec.overflow === "saturate-symmetric" && spec.format.signed && raw === rawRange(spec.format).min;
          if (!moved) expect(again).toEqual({ raw, rounded: raw, overflowed: false });
          expect(quantize(again.raw, spec.format.fractionLength, spec).raw).toBe(again.raw);
        },
      ),
    );
  });

  test("saturating registers are monotone", () => {
    fc.assert(
      fc.property(
        scRegisters,
        integers(100),
        integers(100),
        fc.integer({ min: -20, max: 100 }),
        (spec, a, b, shift) => {
          const saturating: RegisterSpec = { ...spec, overflow: "saturate", saturatedBits: 0 };
          const at = (raw: bigint): bigint => quantize(raw, spec.format.fractionLength + shift, saturating).raw;
          const [low, high] = a < b ? [a, b] : [b, a];
          expect(at(low) <= at(high)).toBe(true);
        },
      ),
    );
  });
});

describe("quantize float64", () => {
  const spec = register(fixedPoint(8, 4));

  test.each([
    [0, 0n],
    [-0, 0n],
    [1, 16n],
    [-1, -16n],
    [0.03125, 1n],
    [-0.03125, -1n],
    [Number.MIN_VALUE, 0n],
    [-Number.MIN_VALUE, 0n],
    [7.9375, 127n],
    [1e308, 127n],
    [-Number.MAX_VALUE, -128n],
  ])("%d into 8,4 to nearest is %i", (value, raw) => {
    expect(quantizeFloat64(value, spec).raw).toBe(raw);
  });

  test("is the independent definition for every double, subnormals, halves and huge ones included", () => {
    const nearGrid = fc
      .tuple(fc.integer({ min: -600, max: 600 }), fc.integer({ min: -6, max: 6 }), fc.constantFrom(-1, 0, 1))
      .map(([integer, exponent, ulps]) => {
        const value = integer * 2 ** exponent;
        return value + ulps * Math.abs(value) * 2 ** -52;
      });
    const subnormal = fc.tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.constantFrom(2 ** -1022, 2 ** -1060));
    const doubles = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      nearGrid,
      subnormal.map(([fraction, scale]) => fraction * scale),
      fc.constantFrom(Number.MIN_VALUE, 2 ** -1022, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 63, -(2 ** 63), 2 ** 64),
    );
    fc.assert(
      fc.property(doubles, scRegisters, (value, target) => {
        expect(quantizeFloat64(value, target)).toEqual(expectedOf(exactFloat64(value), target));
      }),
      { numRuns: 5000 },
    );
  });

  test("reads subnormal doubles at their own scale: 5 · 2^−1074 is raw 5 at F = 1074", () => {
    const finest = register({ wordLength: 64, fractionLength: 1074, signed: true });
    expect(quantizeFloat64(5 * Number.MIN_VALUE, finest).raw).toBe(5n);
    expect(quantizeFloat64(-(2 ** -1022), finest).raw).toBe(-(2n ** 52n));
    expect(quantizeFloat64(2 ** -1022 - Number.MIN_VALUE, finest).raw).toBe(2n ** 52n - 1n);
  });

  test("brings every word back from the double it stands for", () => {
    fc.assert(
      fc.property(
        registers(undefined, 53).chain((target) => fc.tuple(fc.constant(target), fc.bigInt(rawRange(target.format)))),
        ([target, raw]) => {
          const plain: RegisterSpec = { ...target, overflow: "saturate", saturatedBits: 0 };
          const value = rawToFloat64(raw, target.format.fractionLength);
          expect(quantizeFloat64(value, plain)).toEqual({ raw, rounded: raw, overflowed: false });
        },
      ),
    );
  });

  test("stochastic draws a word only where the double's own last bit is dropped", () => {
    const stochastic = register(fixedPoint(8, 4), "stochastic");
    for (const [value, drawn] of [
      [0, 0],
      [-0, 0],
      [0.0625, 0],
      [100, 0],
      [1e300, 0],
      [0.03125, 1],
      [1.03125, 1],
      [Number.MIN_VALUE, 1],
    ] as const) {
      const words = new CountedWords();
      quantizeFloat64(value, stochastic, words);
      expect(words.drawn, String(value)).toBe(drawn);
    }
    const scaled = register(fixedPoint(8, -3), "stochastic");
    for (const [value, drawn] of [
      [0, 0],
      [8, 0],
      [4, 1],
    ] as const) {
      const words = new CountedWords();
      quantizeFloat64(value, scaled, words);
      expect(words.drawn, String(value)).toBe(drawn);
    }
  });

  test.each([
    ["saturate", true, 127n, -128n],
    ["saturate", false, 255n, 0n],
    ["saturate-symmetric", true, 127n, -127n],
    ["saturate-symmetric", false, 255n, 0n],
    ["saturate-zero", true, 0n, 0n],
    ["saturate-zero", false, 0n, 0n],
  ] as const)("infinities under %s (signed: %s) are %i and %i, counted as overflow", (mode, signed, high, low) => {
    const target = register(fixedPoint(8, 4, signed), "nearest", mode);
    expect(quantizeFloat64(Infinity, target)).toMatchObject({ raw: high, overflowed: true });
    expect(quantizeFloat64(-Infinity, target)).toMatchObject({ raw: low, overflowed: true });
  });

  test.each(["wrap", "wrap-sign-magnitude", "trap"] as const)("infinities under %s are refused", (mode) => {
    expect(() => quantizeFloat64(-Infinity, register(fixedPoint(8, 4), "nearest", mode), undefined, "bias[3]")).toThrow(
      /error\[NOT_FINITE\] bias\[3\]: found −Infinity/,
    );
  });

  test("NaN is refused, and said where", () => {
    expect(() => quantizeFloat64(Number.NaN, spec, undefined, "weights[7]")).toThrow(
      /error\[NOT_A_NUMBER\] weights\[7\]: found NaN/,
    );
    expect(() => quantizeFloat64(Number.NaN, spec)).toThrow(DiagnosticError);
  });
});

describe("quantize quotient", () => {
  test("is the independent definition for random numerators, denominators and registers", () => {
    fc.assert(
      fc.property(
        scRegisters,
        integers(100),
        fc.oneof(fc.bigInt({ min: 1n, max: 64n }), fc.bigInt({ min: 1n, max: 2n ** 40n })),
        fc.integer({ min: -40, max: 40 }),
        (spec, numerator, denominator, distance) => {
          const fractionLength = spec.format.fractionLength + distance;
          const exact = binaryRational(numerator, fractionLength);
          const value = { numerator: exact.numerator, denominator: exact.denominator * denominator };
          expect(quantizeQuotient(numerator, denominator, fractionLength, spec)).toEqual(expectedOf(value, spec));
        },
      ),
      { numRuns: 5000 },
    );
  });

  test("by one is quantize, in every dialect", () => {
    fc.assert(
      fc.property(
        registers(deterministicRoundingModes()).chain((spec) => fc.tuple(fc.constant(spec), valuesFor(spec))),
        ([spec, { raw, fractionLength }]) => {
          expect(quantizeQuotient(raw, 1n, fractionLength, spec)).toEqual(quantize(raw, fractionLength, spec));
        },
      ),
    );
  });

  test("the average of 1, 2 and 2 at F = 4 into F = 4: 5/3 is 2 to nearest, 1 cut", () => {
    expect(quantizeQuotient(5n, 3n, 4, register(fixedPoint(8, 4))).raw).toBe(2n);
    expect(quantizeQuotient(5n, 3n, 4, register(fixedPoint(8, 4), "zero")).raw).toBe(1n);
    expect(quantizeQuotient(-5n, 2n, 4, register(fixedPoint(8, 4), "nearest-even")).raw).toBe(-2n);
  });

  test("stochastic always draws exactly one word, quantize only where bits are dropped", () => {
    const spec = register(fixedPoint(8, 4), "stochastic");
    for (const fractionLength of [2, 4, 6]) {
      const quotient = new CountedWords();
      quantizeQuotient(8n, 2n, fractionLength, spec, quotient);
      expect(quotient.drawn).toBe(1);
      const plain = new CountedWords();
      quantize(8n, fractionLength, spec, plain);
      expect(plain.drawn).toBe(fractionLength > 4 ? 1 : 0);
    }
  });
});

test("quantize is fit after round: no third step, for every mode and dialect", () => {
  fc.assert(
    fc.property(
      registers().chain((spec) => fc.tuple(fc.constant(spec), valuesFor(spec))),
      ([spec, { raw, fractionLength }]) => {
        const result = quantize(raw, fractionLength, spec, new CountedWords());
        const overflow = { mode: spec.overflow, saturatedBits: spec.saturatedBits };
        const droppedBits = fractionLength - spec.format.fractionLength;
        const floor = droppedBits > 0 ? raw >> BigInt(droppedBits) : result.rounded;
        expect(result.rounded === floor || result.rounded === floor + 1n).toBe(true);
        const { raw: word, overflowed } = fitWord(result.rounded, spec.format, overflow, spec.dialect, floor);
        expect({ word, overflowed }).toEqual({ word: result.raw, overflowed: result.overflowed });
      },
    ),
  );
  expect(Object.keys(ROUNDING_MODES) satisfies string[] as RoundingMode[]).toHaveLength(12);
});
