import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { type FixedPointFormat, fixedPoint, rawRange } from "../../../isa/numerics/format.ts";
import {
  DIALECTS,
  type Dialect,
  fit as fitWord,
  keptRange,
  OVERFLOW_MODES,
  type OverflowMode,
  overflowText,
  parseOverflow,
} from "../../../isa/numerics/overflow.ts";
import { quantize } from "../../../isa/numerics/quantize.ts";
import { register } from "../../../isa/numerics/register.ts";
import { formats, integers, overflowSpecs } from "../../arbitraries/numerics.ts";
import { fitBitString } from "../../oracles/bit-string-overflow.ts";

const FOUR_BITS = fixedPoint(4, 0);
const UNSIGNED_FOUR_BITS = fixedPoint(4, 0, false);

function fitText(value: number, format: FixedPointFormat, text: string, dialect: Dialect = "sc"): number {
  return Number(fitWord(BigInt(value), format, parseOverflow(text), dialect).raw);
}

describe("the mode table", () => {
  test("codes are the places in the table", () => {
    expect(Object.values(OVERFLOW_MODES).map(({ code }) => code)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(Object.values(DIALECTS).map(({ code }) => code)).toEqual([0, 1, 2]);
  });

  test("`monotone` says of each mode what all values into 4 bits show", () => {
    for (const mode of Object.keys(OVERFLOW_MODES) as OverflowMode[]) {
      if (mode === "trap") continue;
      const words = Array.from({ length: 81 }, (_, index) => fitText(index - 40, FOUR_BITS, mode));
      const monotone = words.every((word, index) => index === 0 || word >= (words[index - 1] ?? 0));
      expect(monotone, mode).toBe(OVERFLOW_MODES[mode].monotone);
    }
  });
});

describe("overflow text", () => {
  test.each([
    "saturate",
    "saturate-symmetric",
    "saturate-zero",
    "wrap",
    "wrap:3",
    "wrap:64",
    "wrap-sign-magnitude",
    "wrap-sign-magnitude:2",
    "trap",
  ])("%s is read back as it was written", (text) => {
    expect(overflowText(parseOverflow(text))).toBe(text);
  });

  test("wrap:0 is wrap", () => {
    expect(parseOverflow("wrap:0")).toEqual(parseOverflow("wrap"));
  });

  test.each([
    ["satturate", /unknown overflow mode "satturate"; did you mean saturate\?/],
    ["SAT_SYM", /another tool's name; here it is saturate-symmetric/],
    ["AP_WRAP", /here it is wrap/],
    ["saturate:2", /saturate takes no ":N"/],
    ["wrap:", /no valid N after the colon/],
    ["wrap:-1", /no valid N/],
    ["wrap:1.5", /no valid N/],
    ["wrap:65", /from 0 to W, at most 64/],
    ["wrap:1:2", /no valid N/],
    ["", /unknown overflow mode ""/],
    ["toString", /unknown overflow mode/],
    ["__proto__:1", /unknown overflow mode/],
  ])("%j is refused: %s", (text, message) => {
    expect(() => parseOverflow(text, "--overflow")).toThrow(message);
    expect(() => parseOverflow(text)).toThrow(DiagnosticError);
  });
});

describe("fit", () => {
  // reference/peers.md, 4.2.
  const values = [-20, -17, -16, -13, -12, -9, -8, -7, 7, 8, 9, 12, 15, 16, 17, 20];
  test.each([
    ["wrap", [-4, -1, 0, 3, 4, 7, -8, -7, 7, -8, -7, -4, -1, 0, 1, 4]],
    ["wrap:1", [-4, -1, -8, -5, -4, -1, -8, -7, 7, 0, 1, 4, 7, 0, 1, 4]],
    ["wrap:2", [-8, -5, -8, -5, -8, -5, -8, -7, 7, 4, 5, 4, 7, 4, 5, 4]],
    ["wrap:3", [-8, -7, -8, -7, -8, -7, -8, -7, 7, 6, 7, 6, 7, 6, 7, 6]],
    ["wrap:4", [-8, -8, -8, -8, -8, -8, -8, -7, 7, 7, 7, 7, 7, 7, 7, 7]],
    ["saturate", [-8, -8, -8, -8, -8, -8, -8, -7, 7, 7, 7, 7, 7, 7, 7, 7]],
    ["trap", [-8, -8, -8, -8, -8, -8, -8, -7, 7, 7, 7, 7, 7, 7, 7, 7]],
    ["saturate-symmetric", [-7, -7, -7, -7, -7, -7, -7, -7, 7, 7, 7, 7, 7, 7, 7, 7]],
    ["saturate-zero", [0, 0, 0, 0, 0, 0, -8, -7, 7, 0, 0, 0, 0, 0, 0, 0]],
    ["wrap-sign-magnitude", [3, 0, -1, -4, -5, -8, -8, -7, 7, 7, 6, 3, 0, -1, -2, -5]],
    ["wrap-sign-magnitude:1", [-4, -1, -1, -4, -5, -8, -8, -7, 7, 7, 6, 3, 0, 0, 1, 4]],
    ["wrap-sign-magnitude:2", [-5, -8, -8, -5, -5, -8, -8, -7, 7, 7, 6, 4, 7, 7, 6, 4]],
    ["wrap-sign-magnitude:3", [-8, -8, -8, -8, -8, -8, -8, -7, 7, 7, 6, 7, 7, 7, 6, 7]],
    ["wrap-sign-magnitude:4", [-8, -8, -8, -8, -8, -8, -8, -7, 7, 7, 7, 7, 7, 7, 7, 7]],
  ])("%s into four signed bits gives %j", (text, expected) => {
    expect(values.map((value) => fitText(value, FOUR_BITS, text))).toEqual(expected);
    expect(values.map((value) => fitText(value, FOUR_BITS, text, "ap"))).toEqual(expected);
  });

  test("is the definition on strings of digits for any width, mode and N (sc)", () => {
    fc.assert(
      fc.property(
        formats().chain((format) =>
          fc.record({
            format: fc.constant(format),
            overflow: overflowSpecs(format),
            value: integers(Math.min(192, format.wordLength + 6)),
          }),
        ),
        ({ format, overflow, value }) => {
          const mode = overflow.mode === "trap" ? "saturate" : overflow.mode;
          const { wordLength, signed } = format;
          expect(fitWord(value, format, overflow, "sc").raw).toBe(
            fitBitString(value, wordLength, signed, mode, overflow.saturatedBits),
          );
        },
      ),
      { numRuns: 5000 },
    );
  });

  test("a word is always a word, unchanged in the kept range, changed and counted outside of it", () => {
    fc.assert(
      fc.property(
        fc.tuple(formats(), fc.constantFrom<Dialect>("sc", "ap", "ac")).chain(([format, dialect]) =>
          fc.record({
            format: fc.constant(format),
            dialect: fc.constant(dialect),
            overflow: overflowSpecs(format, dialect),
            value: integers(format.wordLength + 4),
          }),
        ),
        ({ format, dialect, overflow, value }) => {
          const { raw, overflowed } = fitWord(value, format, overflow, dialect);
          const range = rawRange(format);
          expect(raw >= range.min && raw <= range.max).toBe(true);
          const kept = keptRange(format, overflow.mode, dialect);
          expect(overflowed).toBe(value < kept.min || value > kept.max);
          expect(overflowed).toBe(raw !== value);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("saturate-symmetric moves −2^(W−1), which is in range, and counts it", () => {
    expect(fitWord(-8n, FOUR_BITS, parseOverflow("saturate-symmetric"))).toEqual({ raw: -7n, overflowed: true });
    expect(fitWord(-7n, FOUR_BITS, parseOverflow("saturate-symmetric"))).toEqual({ raw: -7n, overflowed: false });
    expect(fitWord(0n, UNSIGNED_FOUR_BITS, parseOverflow("saturate-symmetric")).overflowed).toBe(false);
  });

  test("a negative value into an unsigned register is an overflow to 0", () => {
    expect(fitWord(-1n, UNSIGNED_FOUR_BITS, parseOverflow("saturate"))).toEqual({ raw: 0n, overflowed: true });
  });

  test("wrapping into signed bits with N = W is saturation in every dialect", () => {
    for (let wordLength = 1; wordLength <= 9; wordLength++) {
      for (let value = -600n; value <= 600n; value++) {
        const format = fixedPoint(wordLength, 0);
        const saturated = fitWord(value, format, parseOverflow("saturate"));
        expect(fitWord(value, format, { mode: "wrap", saturatedBits: wordLength }, "ap")).toEqual(saturated);
      }
    }
  });
});

describe("the three corners in which the dialects differ", () => {
  test("(a) saturate-symmetric into one signed bit: −1 in ap and ac, 0 in sc", () => {
    const oneBit = fixedPoint(1, 0);
    const words = (dialect: Dialect): number[] =>
      [-3, -1, 0, 1].map((value) => fitText(value, oneBit, "saturate-symmetric", dialect));
    expect(words("sc")).toEqual([0, 0, 0, 0]);
    expect(words("ap")).toEqual([-1, -1, 0, 0]);
    expect(words("ac")).toEqual([-1, -1, 0, 0]);
    const overflowed = (dialect: Dialect): boolean =>
      fitWord(-1n, oneBit, parseOverflow("saturate-symmetric"), dialect).overflowed;
    expect([overflowed("sc"), overflowed("ap"), overflowed("ac")]).toEqual([true, false, false]);
  });

  test("(b) unsigned wrap:N of a negative value: W = 4, −5, N = 1 is 3 in sc and 11 in ap", () => {
    expect(fitText(-5, UNSIGNED_FOUR_BITS, "wrap:1", "sc")).toBe(3);
    expect(fitText(-5, UNSIGNED_FOUR_BITS, "wrap:1", "ap")).toBe(11);
    expect(fitText(-5, UNSIGNED_FOUR_BITS, "wrap:4", "sc")).toBe(0);
    expect(fitText(-5, UNSIGNED_FOUR_BITS, "wrap:4", "ap")).toBe(15);
    for (const dialect of ["sc", "ap"] as const) {
      expect(fitText(-5, UNSIGNED_FOUR_BITS, "wrap", dialect)).toBe(11);
      expect(fitText(19, UNSIGNED_FOUR_BITS, "wrap:2", dialect)).toBe(15);
      expect(fitText(17, UNSIGNED_FOUR_BITS, "wrap:2", dialect)).toBe(13);
    }
  });

  test("(c) wrap-sign-magnitude where rounding carries across the deleted bit: 15.5 → 16 is −1 in sc and 0 in ap", () => {
    const quantized = (raw: bigint, dialect: Dialect): number =>
      Number(quantize(raw, 1, register(FOUR_BITS, "nearest", "wrap-sign-magnitude", 0, dialect)).raw);
    expect(quantized(31n, "sc")).toBe(-1);
    expect(quantized(31n, "ap")).toBe(0);
    // Without a carry across the bit they agree: 15 and 16 exactly, 14.5 → 15.
    for (const raw of [30n, 32n, 29n, -33n]) expect(quantized(raw, "ap")).toBe(quantized(raw, "sc"));
  });

  test("nowhere else, for every 8-bit source with two dropped bits and W ≤ 5", () => {
    const found = new Set<string>();
    for (let wordLength = 1; wordLength <= 5; wordLength++) {
      for (const signed of [true, false]) {
        const format = fixedPoint(wordLength, 0, signed);
        const specs = [
          ...(["saturate", "saturate-symmetric", "saturate-zero"] as const).map((mode) => ({ mode, saturatedBits: 0 })),
          ...Array.from({ length: wordLength + 1 }, (_, n) => ({ mode: "wrap" as const, saturatedBits: n })),
          ...Array.from({ length: signed ? wordLength + 1 : 0 }, (_, n) => ({
            mode: "wrap-sign-magnitude" as const,
            saturatedBits: n,
          })),
        ];
        for (const { mode, saturatedBits } of specs) {
          for (const rounding of ["down", "nearest"] as const) {
            for (let raw = -128n; raw < 128n; raw++) {
              const result = (dialect: Dialect): bigint =>
                quantize(raw, 2, register(format, rounding, mode, saturatedBits, dialect)).raw;
              const sc = result("sc");
              if (result("ap") !== sc) found.add(`ap ${mode}${signed ? "" : " unsigned"} ${rounding}`);
              const acHasIt = mode !== "wrap-sign-magnitude" && saturatedBits === 0;
              if (acHasIt && result("ac") !== sc) found.add(`ac ${mode} W=${wordLength}`);
            }
          }
        }
      }
    }
    expect([...found].sort()).toEqual([
      "ac saturate-symmetric W=1",
      "ap saturate-symmetric down",
      "ap saturate-symmetric nearest",
      "ap wrap unsigned down",
      "ap wrap unsigned nearest",
      "ap wrap-sign-magnitude nearest",
    ]);
  });
});
