import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  combineSeed,
  registerGenerator,
  splitmix32,
  tensorGenerator,
  Xorshift32,
} from "../../../isa/numerics/random.ts";
import { round } from "../../../isa/numerics/rounding.ts";

const words = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const MASK = 0xffffffffn;

describe("xorshift32", () => {
  test("gives the published first words of the state 2463534242", () => {
    const generator = new Xorshift32(2463534242);
    expect([generator.next(), generator.next(), generator.next()]).toEqual([723471715, 2497366906, 2064144800]);
  });

  test("is three shifts and exclusive ors of 32 bits, the new state being the word", () => {
    fc.assert(
      fc.property(words, (state) => {
        let expected = BigInt(state === 0 ? 1 : state);
        expected ^= (expected << 13n) & MASK;
        expected ^= expected >> 17n;
        expected ^= (expected << 5n) & MASK;
        const generator = new Xorshift32(state);
        const first = generator.next();
        expect(BigInt(first)).toBe(expected);
        expect(generator.next()).toBe(new Xorshift32(first).next());
      }),
    );
  });

  test("replaces the state 0 by 1", () => {
    expect(new Xorshift32(0).next()).toBe(new Xorshift32(1).next());
    expect(new Xorshift32(2 ** 32).next()).toBe(270369);
  });

  test("has the full period 2^32 − 1: its step is a matrix over GF(2) of exactly that order", () => {
    // Column i of the matrix is what becomes of the state with only bit i set.
    const step = Array.from({ length: 32 }, (_, bit) => new Xorshift32(2 ** bit).next());
    const identity = Array.from({ length: 32 }, (_, bit) => 2 ** bit);
    const apply = (matrix: number[], vector: number): number => {
      let result = 0;
      matrix.forEach((column, bit) => {
        if ((vector >>> bit) & 1) result ^= column;
      });
      return result >>> 0;
    };
    const power = (exponent: number): number[] => {
      let result = identity;
      let square = step;
      for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
        const current = square;
        if (rest % 2 === 1) result = result.map((column) => apply(current, column));
        square = square.map((column) => apply(current, column));
      }
      return result;
    };
    const period = 2 ** 32 - 1;
    expect(power(period)).toEqual(identity);
    for (const prime of [3, 5, 17, 257, 65537]) expect(power(period / prime)).not.toEqual(identity);
  });
});

describe("seeds", () => {
  test("splitmix32 is its definition in exact integers", () => {
    fc.assert(
      fc.property(words, (x) => {
        let mixed = (BigInt(x) + 0x9e3779b9n) & MASK;
        mixed = ((mixed ^ (mixed >> 16n)) * 0x21f0aaadn) & MASK;
        mixed = ((mixed ^ (mixed >> 15n)) * 0x735a2d97n) & MASK;
        expect(BigInt(splitmix32(x))).toBe(mixed ^ (mixed >> 15n));
      }),
    );
  });

  test("splitmix32 is a permutation: each of its stages has an inverse", () => {
    const inverse = (word: number): number => {
      const unshift = (value: number, by: number): number => {
        let result = value;
        for (let known = by; known < 32; known += by) result = (value ^ (result >>> by)) >>> 0;
        return result;
      };
      const invertOdd = (odd: number): number => {
        let reciprocal = odd;
        for (let i = 0; i < 5; i++) reciprocal = Math.imul(reciprocal, 2 - Math.imul(odd, reciprocal));
        return reciprocal;
      };
      let value = unshift(word, 15);
      value = unshift(Math.imul(value, invertOdd(0x735a2d97)) >>> 0, 15);
      value = unshift(Math.imul(value, invertOdd(0x21f0aaad)) >>> 0, 16);
      return (value - 0x9e3779b9) >>> 0;
    };
    fc.assert(fc.property(words, (x) => inverse(splitmix32(x)) === x));
  });

  test("combineSeed folds word by word, order included", () => {
    expect(combineSeed(7)).toBe(splitmix32(7));
    expect(combineSeed(7, 1)).toBe(splitmix32((splitmix32(7) ^ 1) >>> 0));
    expect(combineSeed(7, 1, 2)).toBe(splitmix32((combineSeed(7, 1) ^ 2) >>> 0));
    expect(combineSeed(7, 1, 2)).not.toBe(combineSeed(7, 2, 1));
    expect(combineSeed(-1)).toBe(combineSeed(2 ** 32 - 1));
  });

  test("registerGenerator starts at (seed, instruction, image, register, row, column); each of the six matters", () => {
    const base: [number, number, number, number, number, number] = [1, 2, 3, 4, 5, 6];
    const first = registerGenerator(...base).next();
    expect(first).toBe(new Xorshift32(combineSeed(...base)).next());
    for (let place = 0; place < 6; place++) {
      const changed = [...base] as typeof base;
      changed[place] = 99;
      expect(registerGenerator(...changed).next()).not.toBe(first);
    }
  });

  test("no two of the 16 × 16 elements, 4 registers and 16 instructions start in the same state", () => {
    const states = new Set<number>();
    for (let instruction = 0; instruction < 16; instruction++) {
      for (let code = 0; code < 4; code++) {
        for (let element = 0; element < 256; element++) {
          states.add(registerGenerator(0, instruction, 0, code, element >> 4, element & 15).next());
        }
      }
    }
    expect(states.size).toBe(16 * 4 * 256);
  });

  test("tensorGenerator hashes the name's UTF-8 bytes by FNV-1a, whose published values are these", () => {
    for (const [name, hash] of [
      ["", 0x811c9dc5],
      ["a", 0xe40c292c],
      ["foobar", 0xbf9cf968],
    ] as const) {
      expect(tensorGenerator(5, name).next()).toBe(new Xorshift32(combineSeed(5, hash)).next());
    }
    let hash = 0x811c9dc5;
    for (const byte of [0xc3, 0xa9]) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    expect(tensorGenerator(5, "é").next()).toBe(new Xorshift32(combineSeed(5, hash)).next());
  });
});

describe("stochastic rounding with the generator", () => {
  test("65,536 roundings of x + 5/16 go up 5/16 of the time, within four standard deviations", () => {
    const generator = registerGenerator(2017, 0, 0, 1, 0, 0);
    const draws = 65_536;
    let ups = 0;
    for (let draw = 0; draw < draws; draw++) ups += Number(round(5n, 4, "stochastic", generator));
    const deviation = Math.sqrt(draws * (5 / 16) * (11 / 16));
    expect(Math.abs(ups - (draws * 5) / 16)).toBeLessThan(4 * deviation);
  });
});
