/** Small pieces of a result: digest, register entries, values, advice. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bitsNeeded, rawRange } from "../../../../isa/numerics/format.ts";
import { allocateRaws, type Raws, rawAt, setRaw } from "../../../../isa/numerics/raws.ts";
import { register } from "../../../../isa/numerics/register.ts";
import type { LayerEntry, RegisterEntry, RunReport } from "../../../../runtime/results/run-report.ts";
import { adviceOn } from "../../../../runtime/session/advice.ts";
import { digestOf } from "../../../../runtime/session/digest.ts";
import { constantEntry, evidenceEntry } from "../../../../runtime/session/figures/register-entry.ts";
import { comparableRaws, rawsToValues } from "../../../../runtime/session/values.ts";
import { EMPTY_HISTOGRAM } from "../../../../sim/value-histogram.ts";
import { formats, rawsOf } from "../../../arbitraries/numerics.ts";

describe("the digest", () => {
  it("is SHA-256 over 64-bit little-endian two's complement words, whatever array holds them", () => {
    const drawn = formats().chain((format) =>
      fc.tuple(fc.constant(format), fc.array(rawsOf(format), { maxLength: 40 })),
    );
    fc.assert(
      fc.property(drawn, fc.constantFrom(1, 200), ([format, words], repeats) => {
        const all = Array.from({ length: repeats }, () => words).flat();
        const raws = allocateRaws(format, all.length);
        all.forEach((raw, index) => {
          setRaw(raws, index, raw);
        });
        const bytes = new DataView(new ArrayBuffer(8 * all.length));
        all.forEach((raw, index) => {
          for (let byte = 0; byte < 8; byte++)
            bytes.setUint8(8 * index + byte, Number((raw >> BigInt(8 * byte)) & 255n));
        });
        expect(digestOf(raws)).toBe(createHash("sha256").update(new Uint8Array(bytes.buffer)).digest("hex"));
      }),
      { numRuns: 150 },
    );
  });

  it("of nothing is SHA-256 of nothing", () => {
    expect(digestOf(new Int32Array(0))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });
});

describe("register entries", () => {
  it("bitsNeeded is the least word that holds both ends, exhaustively for raws −40 … 40", () => {
    for (let min = -40n; min <= 40n; min++) {
      for (let max = min; max <= 40n; max++) {
        for (const signed of min < 0n ? [true] : [true, false]) {
          let least = 1;
          const holds = (wordLength: number): boolean => {
            const range = rawRange({ wordLength, fractionLength: 0, signed });
            return range.min <= min && max <= range.max;
          };
          while (!holds(least)) least++;
          expect(bitsNeeded(min, max, signed)).toBe(least);
        }
      }
    }
  });

  it("an entry shows values, unused bits and the mean error in last bits", () => {
    const spec = register({ wordLength: 8, fractionLength: 4, signed: true }, "down", "wrap", 2);
    const entry = evidenceEntry(
      spec,
      {
        overflow: 3,
        first: null,
        statistics: {
          count: 8,
          min: -9n,
          max: 5n,
          flushedToZero: 2,
          errorSum: -64n,
          errorFraction: 8,
          // −9, −1, 0, 0 (a quarter, and less than 2^−15 of the last bit), 0, 2, 5, 5.
          histogram: {
            positive: [0, 0, 1, 2],
            negative: [1, 0, 0, 0, 1],
            zero: 3,
            underflow: [0, 1, ...Array(13).fill(0), 1],
          },
          trailingZeros: 0,
        },
      },
      () => ({}),
    );
    expect(entry).toEqual({
      format: "8,4 down wrap:2",
      overflow: 3,
      first: null,
      min: -9 / 16,
      max: 5 / 16,
      unusedHighBits: 3,
      flushedToZero: 2,
      // −64 · 2^−8 = −0.25 = −4 last bits of 2^−4, over 8 values.
      meanRoundingError: -0.5,
      unusedLowBits: 0,
      // −(1 − 2^−4) / 2: four dropped bits.
      expectedRoundingError: -15 / 32,
      histogram: {
        octaves: [
          { integerBits: -4, negative: 1, positive: 0 },
          { integerBits: -2, negative: 0, positive: 1 },
          { integerBits: -1, negative: 0, positive: 2 },
          { integerBits: 0, negative: 1, positive: 0 },
        ],
        zero: 3,
        underflow: [
          { integerBits: -19, count: 1 },
          { integerBits: -5, count: 1 },
        ],
      },
    });
  });

  it("a range beyond the word leaves no bit unused", () => {
    const seen = {
      count: 1,
      flushedToZero: 0,
      errorSum: 0n,
      errorFraction: 0,
      histogram: EMPTY_HISTOGRAM,
      trailingZeros: null,
    };
    const unused = (signed: boolean, min: bigint, max: bigint): number | null =>
      evidenceEntry(
        register({ wordLength: 4, fractionLength: 0, signed }),
        { overflow: 1, first: null, statistics: { ...seen, min, max } },
        () => ({}),
      ).unusedHighBits;
    expect([unused(true, 0n, 90n), unused(true, -9n, 0n), unused(false, -1n, 1n), unused(false, 0n, 16n)]).toEqual([
      0, 0, 0, 0,
    ]);
    expect([unused(true, 0n, 0n), unused(false, 0n, 1n), unused(false, 0n, 15n)]).toEqual([3, 3, 0]);
  });

  it("a register that saw nothing has nulls", () => {
    const entry = evidenceEntry(register({ wordLength: 4, fractionLength: 0, signed: true }), undefined, () => ({}));
    expect(entry).toMatchObject({ overflow: 0, first: null, min: null, max: null, unusedHighBits: null });
  });

  it("constants over several tensors show their common range", () => {
    const format = { wordLength: 64, fractionLength: 60, signed: false };
    const raws = (...words: bigint[]): Raws => BigInt64Array.from(words, (word) => BigInt.asIntN(64, word));
    const entry = constantEntry(
      register(format),
      [
        { raws: raws(5n, 2n ** 63n), format },
        { raws: raws(1n), format },
      ],
      7,
    );
    expect(entry).toMatchObject({ overflow: 7, min: 2 ** -60, max: 8, unusedHighBits: 0, unusedLowBits: 0 });
    expect(entry.histogram?.octaves).toEqual([
      { integerBits: -59, negative: 0, positive: 1 },
      { integerBits: -57, negative: 0, positive: 1 },
      { integerBits: 4, negative: 0, positive: 1 },
    ]);
  });
});

describe("raws as numbers", () => {
  it("values are raw · 2^−F in float32; comparable raws keep their order", () => {
    const drawn = formats().chain((format) =>
      fc.tuple(fc.constant(format), fc.array(rawsOf(format), { minLength: 1, maxLength: 20 })),
    );
    fc.assert(
      fc.property(drawn, ([format, words]) => {
        const raws = allocateRaws(format, words.length);
        words.forEach((raw, index) => {
          setRaw(raws, index, raw);
        });
        const values = rawsToValues(raws, format);
        const comparable = comparableRaws(raws, format);
        words.forEach((raw, index) => {
          expect(rawAt(raws, index, format)).toBe(raw);
          expect(values[index]).toBe(Math.fround(Number(raw) * 2 ** -format.fractionLength));
          expect(BigInt(comparable[index] ?? 0)).toBe(raw);
        });
      }),
    );
  });
});

const QUIET: RegisterEntry = {
  format: "16,8 nearest saturate",
  overflow: 0,
  first: null,
  min: -1,
  max: 1,
  unusedHighBits: 1,
  unusedLowBits: 0,
  flushedToZero: 0,
  meanRoundingError: 0,
  expectedRoundingError: 0,
  histogram: null,
};

function layer(name: string, changes: Partial<LayerEntry> = {}): LayerEntry {
  return {
    name,
    kind: "dense",
    datapath: {},
    macs: 10,
    cycles: 10,
    formula: "",
    energyPj: 10,
    utilization: 0.5,
    sqnrDb: 40,
    noise: null,
    doubleRounding: false,
    registers: { output: QUIET },
    ...changes,
  };
}

function advice(layers: readonly LayerEntry[], pValue = 1): string {
  const cycles = { perImage: 100 } as RunReport["cycles"];
  const accuracy = { mcnemar: { onlyFloat: 9, onlyFixed: 0, pValue } } as RunReport["accuracy"];
  return adviceOn({ layers, cycles, accuracy, agreement: null, error: null, images: 100, observedImages: 2 });
}

describe("advice", () => {
  it("the register that overflows most comes first, and says whether accuracy suffers", () => {
    const layers = [
      layer("a", { registers: { product: { ...QUIET, overflow: 5 } } }),
      layer("b", { registers: { accumulator: { ...QUIET, overflow: 1234, min: -300, max: 200 }, output: QUIET } }),
    ];
    expect(advice(layers, 0.001)).toContain("the accumulator register of b");
    expect(advice(layers, 0.001)).toMatch(
      /1,234 times; in the first 2 images they reach -300 … 200; accuracy suffers: give it integer bits/,
    );
    expect(advice(layers, 0.2)).toMatch(/does not suffer measurably on these images: nothing needs to be widened/);
    expect(advice(layers, 0.2)).not.toContain("integer bits");
  });

  it("without overflow but with a loss, the layer of the lowest SQNR", () => {
    const layers = [layer("a"), layer("b", { sqnrDb: 3, registers: { product: { ...QUIET, flushedToZero: 99 } } })];
    expect(advice(layers, 0.01)).toMatch(/fraction is too short, b has the lowest SQNR.*product register of b/);
    expect(advice(layers, 0.06)).not.toContain("fraction");
  });

  it("without a loss, the spare bits that cost most energy, never a bias", () => {
    const layers = [
      layer("a", { energyPj: 1, registers: { weight: { ...QUIET, unusedHighBits: 9, energyPj: 0.5 } } }),
      layer("b", {
        energyPj: 99,
        registers: { weight: { ...QUIET, unusedHighBits: 4, energyPj: 60 }, bias: { ...QUIET, unusedHighBits: 15 } },
      }),
    ];
    expect(advice(layers)).toMatch(
      /weight register of b, whose words take 60 % of the energy, leaves 4 of 16 bits unused/,
    );
  });

  it("else the layer that takes most cycles", () => {
    expect(advice([layer("a"), layer("b", { cycles: 90 })])).toMatch(/b takes 90 % of the cycles/);
  });
});
