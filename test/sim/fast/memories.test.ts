import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixedPoint } from "../../../isa/format.ts";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import type { Program, TensorSymbol } from "../../../isa/program.ts";
import { Dram } from "../../../sim/fast/memory/dram.ts";
import { OnChipMemories } from "../../../sim/fast/memory/on-chip.ts";
import { allocateWords, setWord, wordAt } from "../../../sim/fast/memory/words.ts";
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
    hostSoftmax: false,
    metadata: {},
  };
}

/** Two tensors that touch: 64 words of 8 bits each. */
const NEIGHBOURS: readonly TensorSymbol[] = [
  { name: "b", role: "output", address: 512, shape: [1, 1, 64], format: fixedPoint(8, 0) },
  { name: "a", role: "input", address: 0, shape: [4, 4, 4], format: fixedPoint(8, 0) },
];

describe("a block of DRAM", () => {
  it("splits into runs that hold exactly its words, in order, each inside one tensor", () => {
    const blocks = fc.record({
      first: fc.nat({ max: 40 }),
      rows: fc.integer({ min: 1, max: 4 }),
      columns: fc.integer({ min: 1, max: 3 }),
      channels: fc.integer({ min: 1, max: 6 }),
      rowStride: fc.nat({ max: 20 }),
      columnStride: fc.nat({ max: 9 }),
    });
    fc.assert(
      fc.property(blocks, ({ first, ...block }) => {
        const runs = new Dram(programOf(NEIGHBOURS)).runs({ ...block, address: first * 8, wordLength: 8 });
        const found: number[] = [];
        for (const { tensor, offset, length, position } of runs) {
          expect(position).toBe(found.length);
          expect(offset + length).toBeLessThanOrEqual(64);
          for (let index = 0; index < length; index++) found.push(tensor.symbol.address / 8 + offset + index);
        }
        const expected: number[] = [];
        for (let row = 0; row < block.rows; row++) {
          for (let column = 0; column < block.columns; column++) {
            for (let channel = 0; channel < block.channels; channel++) {
              expected.push(first + row * block.rowStride + column * block.columnStride + channel);
            }
          }
        }
        expect(found).toEqual(expected);
      }),
    );
  });

  it("outside all tensors is a broken promise of admission", () => {
    const dram = new Dram(programOf(NEIGHBOURS));
    const block = { wordLength: 8, rows: 1, columns: 1, channels: 1, rowStride: 0, columnStride: 0 };
    for (const address of [1024, 4]) expect(() => dram.runs({ ...block, address })).toThrow("lies in no tensor");
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
