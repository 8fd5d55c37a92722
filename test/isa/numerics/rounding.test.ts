import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiagnosticError, InvariantError } from "../../../isa/diagnostic.ts";
import type { RandomWordSource } from "../../../isa/numerics/random.ts";
import {
  parseRoundingMode,
  ROUNDING_MODES,
  type RoundingMode,
  round,
  roundQuotient,
} from "../../../isa/numerics/rounding.ts";
import { DETERMINISTIC_ROUNDING_MODES, deterministicRoundingModes, integers } from "../../arbitraries/numerics.ts";
import { binaryRational, RATIONAL_ROUNDING_MODES, roundRational } from "../../oracles/rational-rounding.ts";

/** Gives the words listed, once each, and counts. */
class ListedWords implements RandomWordSource {
  drawn = 0;
  readonly #words: readonly number[];

  constructor(...words: number[]) {
    this.#words = words;
  }

  next(): number {
    const word = this.#words[this.drawn++];
    if (word === undefined) throw new Error("one word too many was drawn");
    return word;
  }
}

describe("the mode table", () => {
  test("twelve modes whose codes are their places in the table", () => {
    expect(Object.values(ROUNDING_MODES).map(({ code }) => code)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect([...RATIONAL_ROUNDING_MODES, "stochastic"]).toEqual(Object.keys(ROUNDING_MODES));
  });

  test("no name of another tool stands in two rows", () => {
    for (const tool of ["paper", "ap", "sc", "ac", "matlab", "qonnx", "riscv"] as const) {
      const names = Object.values(ROUNDING_MODES).flatMap((entry) => entry.names[tool] ?? []);
      expect(new Set(names).size).toBe(names.length);
      expect(names.length).toBeGreaterThan(3);
    }
  });

  test("no two modes decide alike for all sixteen inputs", () => {
    const bits = [false, true];
    const tables = DETERMINISTIC_ROUNDING_MODES.map((mode) =>
      bits
        .flatMap((g) => bits.flatMap((t) => bits.flatMap((n) => bits.map((l) => [g, t, n, l] as const))))
        .map((input) => Number(ROUNDING_MODES[mode].increment?.(...input)))
        .join(""),
    );
    expect(new Set(tables).size).toBe(11);
  });

  test("our names are read; any other is refused with the nearest of ours", () => {
    for (const mode of Object.keys(ROUNDING_MODES)) expect(parseRoundingMode(mode)).toBe(mode);
    expect(() => parseRoundingMode("neerest", "--rounding")).toThrow(
      /error\[ROUNDING\] --rounding: unknown rounding mode "neerest"; did you mean nearest\?/,
    );
    for (const text of ["", "NEAREST", "toString", "__proto__", "constructor", "nearest "]) {
      expect(() => parseRoundingMode(text)).toThrow(DiagnosticError);
    }
  });

  test.each([
    ["RND_INF", "here it is nearest"],
    ["AP_RND_CONV", "here it is nearest-even"],
    ["SC_TRN", "here it is down"],
    ["Nearest", "here it is nearest-up"],
    ["HALF_UP", "here it is nearest"],
    ["UP", "here it is away"],
    ["rod", "here it is odd"],
  ])("another tool's %s is refused, with ours: %s", (text, hint) => {
    expect(() => parseRoundingMode(text)).toThrow(new RegExp(`another tool's name; ${hint}$`));
  });
});

describe("deterministic rounding", () => {
  test("eleven modes are the rational definition for every 9-bit source, F = 4 into F −2…7", () => {
    let cases = 0;
    const wrong: string[] = [];
    for (const mode of RATIONAL_ROUNDING_MODES) {
      for (let droppedBits = -3; droppedBits <= 6; droppedBits++) {
        for (let raw = -256n; raw < 512n; raw++) {
          cases++;
          const found = round(raw, droppedBits, mode);
          const expected = roundRational(binaryRational(raw, droppedBits), mode);
          if (found !== expected) wrong.push(`${mode}: ${raw} · 2^−${droppedBits} gives ${found}, not ${expected}`);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(cases).toBe(11 * 10 * 768);
  });

  test("… and for random raws up to 192 bits with any number of dropped bits", () => {
    fc.assert(
      fc.property(
        integers(192),
        fc.integer({ min: -140, max: 340 }),
        fc.constantFrom(...RATIONAL_ROUNDING_MODES),
        (raw, droppedBits, mode) =>
          round(raw, droppedBits, mode) === roundRational(binaryRational(raw, droppedBits), mode),
      ),
      { numRuns: 5000 },
    );
  });

  test("dropping more bits than a raw has leaves its sign and its being zero", () => {
    for (const mode of RATIONAL_ROUNDING_MODES) {
      expect(round(0n, 1000, mode)).toBe(0n);
      const up = mode === "up" || mode === "away" || mode === "odd";
      const down = mode === "down" || mode === "away" || mode === "odd";
      expect(round(1n, 1000, mode)).toBe(up ? 1n : 0n);
      expect(round(-1n, 1000, mode)).toBe(down ? -1n : 0n);
    }
  });

  test("every mode is monotone and leaves multiples of the last bit alone", () => {
    fc.assert(
      fc.property(
        integers(100),
        integers(100),
        fc.integer({ min: 1, max: 100 }),
        deterministicRoundingModes(),
        (a, b, droppedBits, mode) => {
          const [low, high] = a < b ? [a, b] : [b, a];
          expect(round(low, droppedBits, mode) <= round(high, droppedBits, mode)).toBe(true);
          expect(round(a << BigInt(droppedBits), droppedBits, mode)).toBe(a);
        },
      ),
    );
  });

  // x in quarters (F = 2): −1.75 −1.5 −1.25 −0.75 −0.5 −0.25 0.25 0.5 0.75 1.25 1.5 1.75; reference/peers.md, 4.1.
  const quarters = [-7n, -6n, -5n, -3n, -2n, -1n, 1n, 2n, 3n, 5n, 6n, 7n];
  test.each<[string, RoundingMode, number[]]>([
    ["TRN", "down", [-2, -2, -2, -1, -1, -1, 0, 0, 0, 1, 1, 1]],
    ["TRN_ZERO", "zero", [-1, -1, -1, 0, 0, 0, 0, 0, 0, 1, 1, 1]],
    ["RND", "nearest-up", [-2, -1, -1, -1, 0, 0, 0, 1, 1, 1, 2, 2]],
    ["RND_ZERO", "nearest-zero", [-2, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 2]],
    ["RND_INF", "nearest", [-2, -2, -1, -1, -1, 0, 0, 1, 1, 1, 2, 2]],
    ["RND_MIN_INF", "nearest-down", [-2, -2, -1, -1, -1, 0, 0, 0, 1, 1, 1, 2]],
    ["RND_CONV", "nearest-even", [-2, -2, -1, -1, 0, 0, 0, 0, 1, 1, 2, 2]],
    ["RND_CONV_ODD", "nearest-odd", [-2, -1, -1, -1, -1, 0, 0, 1, 1, 1, 1, 2]],
  ])("%s (%s) turns the quarters into %j", (name, mode, expected) => {
    expect(quarters.map((raw) => Number(round(raw, 2, mode)))).toEqual(expected);
    expect(ROUNDING_MODES[mode].names.ac).toBe(name);
  });

  test.each<[RoundingMode, number]>([
    ["down", 0],
    ["up", 0],
    ["zero", 0],
    ["away", 0],
    ["nearest", 128],
    ["nearest-up", 128],
    ["nearest-down", 128],
    ["nearest-zero", 128],
    ["nearest-even", 128],
    ["nearest-odd", 64],
    ["odd", 0],
  ])("%s by 2 bits and then 2 differs from 4 bits at once in %i of 1,024 raws", (mode, expected) => {
    let differing = 0;
    for (let raw = -512n; raw < 512n; raw++) {
      if (round(round(raw, 2, mode), 2, mode) !== round(raw, 4, mode)) differing++;
    }
    expect(differing).toBe(expected);
  });
});

describe("stochastic rounding", () => {
  test("goes up for exactly as many of the 2^s values of u as the dropped bits say (s ≤ 8), whatever the word's other bits", () => {
    for (let droppedBits = 1; droppedBits <= 8; droppedBits++) {
      const unit = 1n << BigInt(droppedBits);
      for (let raw = -unit; raw < 2n * unit; raw += droppedBits < 7 ? 1n : 5n) {
        let ups = 0;
        for (let u = 0; u < 2 ** droppedBits; u++) {
          const tail = droppedBits % 2 === 0 ? 0 : 2 ** (32 - droppedBits) - 1;
          const word = u * 2 ** (32 - droppedBits) + tail;
          const found = round(raw, droppedBits, "stochastic", new ListedWords(word));
          expect(found).toBe((raw + BigInt(u)) >> BigInt(droppedBits));
          if (found > raw >> BigInt(droppedBits)) ups++;
        }
        expect(BigInt(ups)).toBe(BigInt.asUintN(droppedBits, raw));
      }
    }
  });

  test("a value on the grid never moves, but its word is drawn", () => {
    fc.assert(
      fc.property(
        integers(100),
        fc.integer({ min: 1, max: 100 }),
        fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1),
        (integer, droppedBits, word) => {
          const words = new ListedWords(word);
          expect(round(integer << BigInt(droppedBits), droppedBits, "stochastic", words)).toBe(integer);
          expect(words.drawn).toBe(1);
        },
      ),
    );
  });

  test("a left shift draws no word", () => {
    for (const droppedBits of [0, -1, -40]) {
      const words = new ListedWords();
      expect(round(-5n, droppedBits, "stochastic", words)).toBe(-5n << BigInt(-droppedBits));
      expect(words.drawn).toBe(0);
    }
  });

  test("of more than 32 dropped bits the top 32 take part", () => {
    const top = 0x80000001n;
    for (const below of [0n, 1n, 255n]) {
      const raw = (-3n << 40n) + (top << 8n) + below;
      expect(round(raw, 40, "stochastic", new ListedWords(0x7ffffffe))).toBe(-3n);
      expect(round(raw, 40, "stochastic", new ListedWords(0x7fffffff))).toBe(-2n);
    }
  });

  test("without a source of words it is our bug", () => {
    expect(() => round(1n, 1, "stochastic")).toThrow(InvariantError);
  });
});

describe("quotients", () => {
  test("eleven modes are the rational definition for small numerators and denominators", () => {
    for (const mode of RATIONAL_ROUNDING_MODES) {
      for (let denominator = 1n; denominator <= 12n; denominator++) {
        for (let numerator = -50n; numerator <= 50n; numerator++) {
          expect(roundQuotient(numerator, denominator, mode)).toBe(roundRational({ numerator, denominator }, mode));
        }
      }
    }
  });

  test("… and for random ones", () => {
    fc.assert(
      fc.property(
        integers(192),
        integers(100),
        fc.constantFrom(...RATIONAL_ROUNDING_MODES),
        (numerator, divisor, mode) => {
          const denominator = (divisor < 0n ? -divisor : divisor) + 1n;
          expect(roundQuotient(numerator, denominator, mode)).toBe(roundRational({ numerator, denominator }, mode));
          // A tie and its neighbours, whatever was drawn.
          for (const tie of [2n * numerator - 1n, 2n * numerator, 2n * numerator + 1n]) {
            expect(roundQuotient(tie * denominator, 2n * denominator, mode)).toBe(
              roundRational({ numerator: tie, denominator: 2n }, mode),
            );
          }
        },
      ),
    );
  });

  test("by a power of two is the same as dropping bits, stochastic included", () => {
    fc.assert(
      fc.property(
        integers(100),
        fc.integer({ min: 1, max: 60 }),
        fc.constantFrom(...(Object.keys(ROUNDING_MODES) as RoundingMode[])),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        (raw, droppedBits, mode, word) =>
          roundQuotient(raw, 1n << BigInt(droppedBits), mode, new ListedWords(word)) ===
          round(raw, droppedBits, mode, new ListedWords(word)),
      ),
    );
  });

  test("stochastic thirds: 1/3 goes up from the word 2^32 − ⌊2^32/3⌋ on, and an integer never", () => {
    const threshold = 2 ** 32 - Math.floor(2 ** 32 / 3);
    expect(roundQuotient(1n, 3n, "stochastic", new ListedWords(threshold - 1))).toBe(0n);
    expect(roundQuotient(1n, 3n, "stochastic", new ListedWords(threshold))).toBe(1n);
    expect(roundQuotient(-2n, 3n, "stochastic", new ListedWords(threshold - 1))).toBe(-1n);
    expect(roundQuotient(-2n, 3n, "stochastic", new ListedWords(threshold))).toBe(0n);
    const words = new ListedWords(2 ** 32 - 1);
    expect(roundQuotient(6n, 3n, "stochastic", words)).toBe(2n);
    expect(words.drawn).toBe(1);
  });

  test("by zero or less is our bug", () => {
    expect(() => roundQuotient(1n, 0n, "nearest")).toThrow(InvariantError);
    expect(() => roundQuotient(1n, -1n, "nearest")).toThrow(InvariantError);
  });
});
