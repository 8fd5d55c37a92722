import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import type { Program, TensorSymbol } from "../../../isa/program/program.ts";
import { blockRuns, forEachRun } from "../../../sim/fast/memory/block-runs.ts";
import { Dram } from "../../../sim/fast/memory/dram.ts";
import { OnChipMemories } from "../../../sim/fast/memory/on-chip.ts";
import { allocateWords, setWord, wordAt, wordCopier } from "../../../sim/fast/memory/words.ts";
import { BankBounds } from "../../../sim/fast/prepare/bank-bounds.ts";
import { ResidentWeights } from "../../../sim/fast/prepare/resident-weights.ts";

function programOf(tensors: readonly TensorSymbol[]): Program {
  return {
    machine: DEFAULT_MACHINE,
    seed: 0,
    instructions: [],
    tensors,
    constants: [],
    layers: [],
    tiles: [],
    compileOverflow: [],
    input: "a",
    output: "b",
    hostOperators: [],
    metadata: {},
  };
}

/** Two tensors that touch: 64 words of 8 bits each. */
const NEIGHBOURS: readonly TensorSymbol[] = [
  { name: "b", role: "output", address: 512, shape: [1, 1, 64], format: fixedPoint(8, 0) },
  { name: "a", role: "input", address: 0, shape: [4, 4, 4], format: fixedPoint(8, 0) },
];

describe("a block between two memories", () => {
  const sides = fc.record({
    rows: fc.integer({ min: 1, max: 4 }),
    columns: fc.integer({ min: 1, max: 3 }),
    channels: fc.integer({ min: 1, max: 6 }),
  });
  const pitches = fc.record({ rowPitch: fc.nat({ max: 20 }), columnPitch: fc.nat({ max: 9 }) });

  it("goes in runs that hold exactly its words, in order, in both places", () => {
    fc.assert(
      fc.property(sides, pitches, pitches, fc.boolean(), (block, from, drawn, dense) => {
        const { rows, columns, channels } = block;
        const to = dense ? { rowPitch: columns * channels, columnPitch: channels } : drawn;
        const found: [number, number][] = [];
        forEachRun(blockRuns(block, from, to), (first, target, length) => {
          for (let index = 0; index < length; index++) found.push([first + index, target + index]);
        });
        const expected: [number, number][] = [];
        for (let row = 0; row < rows; row++) {
          for (let column = 0; column < columns; column++) {
            for (let channel = 0; channel < channels; channel++) {
              const place = (side: typeof from): number => row * side.rowPitch + column * side.columnPitch + channel;
              expected.push([place(from), place(to)]);
            }
          }
        }
        expect(found).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it("is one run where it is dense in both places, and a row a run where only its rows are", () => {
    const dense = { rowPitch: 12, columnPitch: 3 };
    const block = { rows: 5, columns: 4, channels: 3 };
    expect(blockRuns(block, dense, dense)).toMatchObject({ rows: 1, columns: 1, length: 60 });
    expect(blockRuns(block, { ...dense, rowPitch: 13 }, dense)).toMatchObject({ rows: 5, columns: 1, length: 12 });
    expect(blockRuns(block, dense, { ...dense, columnPitch: 4 })).toMatchObject({ rows: 5, columns: 4, length: 3 });
  });

  it("moves as many words as there are, short runs and long ones, with the sign of the target", () => {
    for (const length of [1, 31, 32, 100]) {
      for (const wordLength of [8, 40, 60]) {
        const source = allocateWords({ wordLength, signed: false, fractionLength: 0 }, length + 3);
        const same = allocateWords({ wordLength, signed: false, fractionLength: 0 }, length + 3);
        const signed = allocateWords({ wordLength, signed: true, fractionLength: 0 }, length + 3);
        const greatest = (1n << BigInt(wordLength)) - 1n;
        for (let index = 0; index < source.length; index++) setWord(source, index, greatest - BigInt(index));
        wordCopier({ words: source, signed: false }, { words: same, signed: false }, wordLength)(2, 1, length);
        wordCopier({ words: source, signed: false }, { words: signed, signed: true }, wordLength)(2, 1, length);
        for (let index = 0; index < length + 3; index++) {
          const inside = index >= 1 && index <= length;
          expect(wordAt(same, index)).toBe(inside ? greatest - BigInt(index + 1) : 0n);
          expect(wordAt(signed, index)).toBe(inside ? -1n - BigInt(index + 1) : 0n);
        }
      }
    }
  });

  it("lies in one tensor of DRAM; anything else is a broken promise of admission", () => {
    const dram = new Dram(programOf(NEIGHBOURS));
    const block = { wordLength: 8, rows: 2, columns: 3, channels: 2, rowStride: 8, columnStride: 2 };
    expect(dram.place({ ...block, address: 512 + 16 })).toMatchObject({ tensor: { symbol: { name: "b" } }, offset: 2 });
    expect(dram.place({ ...block, address: 50 * 8 })).toMatchObject({ tensor: { symbol: { name: "a" } }, offset: 50 });
    for (const address of [1024, 4]) expect(() => dram.place({ ...block, address })).toThrow("lies in no tensor");
    expect(() => dram.place({ ...block, address: 51 * 8 })).toThrow("leaves its tensor");
  });
});

describe("on-chip memories", () => {
  it("hand words to a reader of the other signedness, row by row, and leave the gaps alone", () => {
    fc.assert(
      fc.property(fc.constantFrom(3, 8, 31, 32, 40, 53, 60), fc.boolean(), (wordLength, signed) => {
        const memories = new OnChipMemories();
        const extent = { rows: 2, pitch: 3, length: 2 };
        const written = memories.extentRegion("accumulatorBank", { wordLength, signed }, 5, extent);
        const read = memories.region("accumulatorBank", { wordLength, signed: !signed }, 5 + wordLength, 4);
        memories.allocate((type, length) => allocateWords({ ...type, fractionLength: 0 }, length));
        const end = 1n << BigInt(wordLength - 1);
        const all = signed ? -1n : 2n * end - 1n;
        for (const index of [0, 1, 2, 3, 4]) setWord(written.words, written.start + index, all);
        written.mirror(extent)?.();
        const other = signed ? 2n * end - 1n : -1n;
        const found = [0, 1, 2, 3].map((index) => wordAt(read.words, read.start + index));
        // Words 1, 3 and 4 of the region were written; word 2 is a gap.
        expect(found).toEqual([other, 0n, other, other]);
      }),
    );
  });

  it("mirror nothing where all readers agree", () => {
    const memories = new OnChipMemories();
    const extent = { rows: 1, pitch: 4, length: 4 };
    const region = memories.extentRegion("outputBuffer", { wordLength: 8, signed: true }, 0, extent);
    memories.region("outputBuffer", { wordLength: 8, signed: false }, 4, 4);
    memories.allocate((type, length) => allocateWords({ ...type, fractionLength: 0 }, length));
    expect(region.mirror(extent)).toBeNull();
  });
});

describe("constants in the weight scratchpad", () => {
  const dram = new Dram(programOf(NEIGHBOURS));
  const tensor = dram.tensor("a");
  const type = { wordLength: 8, signed: true };
  const loaded = (weights: ResidentWeights, load: number, address: number, words: number, offset: number): void =>
    weights.loaded(load, type, { first: address, end: address + words * 8 }, [
      { address, words, source: { tensor, offset } },
    ]);

  it("are found in their tensor, whole or row by row", () => {
    const weights = new ResidentWeights();
    loaded(weights, 1, 80, 12, 20);
    expect(weights.find(88, type, 3, 4, 3)).toEqual({ tensor, base: 21, pitch: 4 });
    loaded(weights, 2, 800, 4, 0);
    loaded(weights, 3, 840, 4, 10);
    expect(weights.find(800, type, 2, 5, 3)).toEqual({ tensor, base: 0, pitch: 10 });
    expect([1, 2, 3].map((load) => weights.isNeeded(load))).toEqual([false, false, false]);
  });

  it("are loaded after all where a reader sees anything else", () => {
    const weights = new ResidentWeights();
    loaded(weights, 1, 0, 10, 0);
    loaded(weights, 2, 40, 2, 30);
    expect(weights.find(0, type, 1, 5, 5)).toEqual({ tensor, base: 0, pitch: 5 });
    expect(weights.find(56, type, 1, 3, 3)).toEqual({ tensor, base: 7, pitch: 3 });
    expect(weights.find(24, type, 1, 4, 4)).toBeNull();
    expect([1, 2].map((load) => weights.isNeeded(load))).toEqual([true, true]);
  });

  it("are not followed under another word length, signedness or grid", () => {
    const weights = new ResidentWeights();
    loaded(weights, 1, 0, 10, 0);
    expect(weights.find(0, { wordLength: 16, signed: true }, 1, 2, 2)).toBeNull();
    expect(weights.find(0, { wordLength: 8, signed: false }, 1, 2, 2)).toBeNull();
    expect(weights.find(4, type, 1, 2, 2)).toBeNull();
  });
});

describe("bounds of sums in the bank", () => {
  const tile = { address: 0, wordLength: 16, signed: true, pixels: 4, filters: 3, pitch: 5 };
  const bound = { min: -9n, max: 7n };

  it("hold for the tile and its first pixels and filters, until a word of it is overwritten", () => {
    const bank = new BankBounds();
    bank.wrote(tile, bound);
    expect(bank.boundOf(tile)).toEqual(bound);
    expect(bank.boundOf({ ...tile, pixels: 2, filters: 1 })).toEqual(bound);
    expect(bank.boundOf({ ...tile, filters: 4 })).toBeNull();
    expect(bank.boundOf({ ...tile, pitch: 6 })).toBeNull();
    expect(bank.boundOf({ ...tile, wordLength: 8 })).toBeNull();
    expect(bank.boundOf({ ...tile, signed: false })).toBeNull();
    bank.wrote({ ...tile, address: 18 * 16 }, null);
    expect(bank.boundOf(tile)).toEqual(bound);
    bank.wrote({ ...tile, address: 17 * 16 }, null);
    expect(bank.boundOf(tile)).toBeNull();
  });
});
