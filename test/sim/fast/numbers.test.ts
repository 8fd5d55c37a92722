import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantize } from "../../../isa/numerics/quantize.ts";
import { type RandomWordSource, registerGenerator } from "../../../isa/numerics/random.ts";
import { register } from "../../../isa/numerics/register.ts";
import { ROUNDING_MODES, round } from "../../../isa/numerics/rounding.ts";
import { roundingBias } from "../../../isa/numerics/rounding-bias.ts";
import { GeneratorBank } from "../../../sim/fast/arithmetic/generator-bank.ts";
import { NumberQuantizer, quantizesInNumbers } from "../../../sim/fast/arithmetic/number-quantizer.ts";
import { DETERMINISTIC_ROUNDING_MODES, integers, registers } from "../../arbitraries/numerics.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 200_000 : 5000;

describe("a rounding bias", () => {
  it.each(DETERMINISTIC_ROUNDING_MODES)(
    "%s: floor of the biased value is the rounded value, for all 9-bit raws",
    (mode) => {
      for (let droppedBits = 0; droppedBits <= 11; droppedBits++) {
        const { base, negative, odd } = roundingBias(mode, droppedBits);
        for (let raw = -256; raw < 256; raw++) {
          const floor = Math.floor(raw / 2 ** droppedBits);
          const bias = base + (raw < 0 ? negative : 0) + (floor % 2 === 0 ? 0 : odd);
          expect(BigInt(Math.floor((raw + bias) / 2 ** droppedBits))).toBe(round(BigInt(raw), droppedBits, mode));
        }
      }
    },
  );

  it("does not exist for stochastic rounding", () => {
    expect(() => roundingBias("stochastic", 3)).toThrow("stochastic");
  });
});

class Words implements RandomWordSource {
  drawn = 0;
  readonly #word: number;

  constructor(word: number) {
    this.#word = word;
  }

  next(): number {
    this.drawn++;
    return this.#word;
  }
}

describe("quantizing in doubles", () => {
  it("equals the definition wherever it claims to be exact, random words included", () => {
    let inside = 0;
    const values = fc.tuple(
      registers(undefined, 60),
      fc.integer({ min: -12, max: 50 }),
      integers(53),
      fc.oneof(fc.nat({ max: 2 ** 32 - 1 }), fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1)),
    );
    fc.assert(
      fc.property(values, ([spec, droppedBits, raw, word]) => {
        const magnitude = raw < 0n ? -raw : raw;
        if (!quantizesInNumbers(magnitude, droppedBits)) return;
        inside++;
        const fractionLength = spec.format.fractionLength + droppedBits;
        const words = new Words(word);
        const expected = quantize(raw, fractionLength, spec, words);
        const quantizer = new NumberQuantizer(fractionLength, spec);
        expect(quantizer.draws).toBe(words.drawn > 0);
        const found = quantizer.apply(Number(raw), word);
        expect(BigInt(quantizer.rounded)).toBe(expected.rounded);
        expect(quantizer.overflows).toBe(expected.overflowed ? 1 : 0);
        // A word of more than 53 bits that replaces an overflow is no double; such registers never overflow here.
        if (!expected.overflowed || spec.format.wordLength <= 53) expect(BigInt(found)).toBe(expected.raw);
      }),
      { numRuns: RUNS },
    );
    expect(inside).toBeGreaterThan(RUNS / 4);
  });

  it("is exact up to the limit that the proof gives, and says no one beyond", () => {
    expect(quantizesInNumbers(2n ** 52n - 2n ** 20n, 20)).toBe(true);
    expect(quantizesInNumbers(2n ** 52n - 2n ** 20n + 1n, 20)).toBe(false);
    expect(quantizesInNumbers(2n ** 40n, -12)).toBe(true);
    expect(quantizesInNumbers(2n ** 40n + 1n, -12)).toBe(false);
    for (const mode of DETERMINISTIC_ROUNDING_MODES) {
      const spec = register({ wordLength: 40, fractionLength: 0, signed: true }, mode);
      const quantizer = new NumberQuantizer(20, spec);
      const end = 2n ** 52n - 2n ** 20n;
      for (const raw of [end, end - 1n, end - 2n ** 19n, -end, 1n - end, 2n ** 19n - end]) {
        expect(BigInt(quantizer.apply(Number(raw)))).toBe(quantize(raw, 20, spec).raw);
      }
    }
  });
});

describe("a bank of generators", () => {
  it("holds the generators of the definition, in any order of draws", () => {
    const seeds = fc.record({
      seed: fc.nat({ max: 2 ** 32 - 1 }),
      instruction: fc.nat({ max: 10_000 }),
      image: fc.nat({ max: 2 ** 31 }),
      registerCode: fc.nat({ max: 4 }),
      firstRow: fc.nat({ max: 20 }),
    });
    const draws = fc.array(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 3 })), { maxLength: 40 });
    fc.assert(
      fc.property(seeds, draws, ({ seed, instruction, image, registerCode, firstRow }, order) => {
        const bank = new GeneratorBank({ seed, instruction, registerCode }, { firstRow, rows: 3, columns: 4 });
        const defined = new Map<string, RandomWordSource>();
        for (let time = 0; time < 2; time++) {
          defined.clear();
          bank.restart(image);
          for (const [row, column] of order) {
            const key = `${row} ${column}`;
            const place = firstRow + row;
            const source = defined.get(key) ?? registerGenerator(seed, instruction, image, registerCode, place, column);
            defined.set(key, source);
            expect(bank.select(place, column).next()).toBe(source.next());
          }
        }
      }),
    );
  });
});

describe("the table of rounding modes", () => {
  it("has one mode that draws, and eleven biases", () => {
    expect(Object.keys(ROUNDING_MODES).length - DETERMINISTIC_ROUNDING_MODES.length).toBe(1);
    expect(DETERMINISTIC_ROUNDING_MODES.length).toBe(11);
  });
});
