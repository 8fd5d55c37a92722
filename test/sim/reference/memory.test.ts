import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { MachineFault } from "../../../sim/reference/machine-fault.ts";
import { WordMemory } from "../../../sim/reference/memory.ts";

const CAPACITY = 600;

describe("WordMemory", () => {
  it("agrees with a memory of single bits that remembers which write set each bit", () => {
    const access = fc.record({
      address: fc.integer({ min: 0, max: 255 }),
      wordLength: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 192 })),
      value: fc.bigInt({ min: 0n, max: 2n ** 192n - 1n }),
    });
    fc.assert(
      fc.property(fc.array(access, { minLength: 1, maxLength: 40 }), (writes) => {
        const memory = new WordMemory("bank", CAPACITY);
        const writer: number[] = [];
        for (const [index, { address, wordLength, value }] of writes.entries()) {
          memory.write(address, BigInt.asUintN(wordLength, value), wordLength);
          for (let bit = address; bit < address + wordLength; bit++) writer[bit] = index;
        }
        for (const [index, { address, wordLength, value }] of writes.entries()) {
          const whole = Array.from({ length: wordLength }, (_, bit) => writer[address + bit] === index).every(Boolean);
          const samePlace = writes.findLast((write) => write.address === address && write.wordLength === wordLength);
          if (samePlace !== writes[index]) continue;
          const read = (): bigint => memory.read(address, fixedPoint(wordLength, 0, false));
          if (whole) expect(read()).toBe(BigInt.asUintN(wordLength, value));
          else expect(read).toThrow(MachineFault);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("gives the same bits to a signed and an unsigned reader", () => {
    const memory = new WordMemory("scratchpad", CAPACITY);
    memory.write(3, -1n, 192);
    expect(memory.read(3, fixedPoint(192, 0))).toBe(-1n);
    expect(memory.read(3, fixedPoint(192, 5, false))).toBe(2n ** 192n - 1n);
  });

  it("refuses another word length, an empty place and a place beyond its end", () => {
    const memory = new WordMemory("scratchpad", CAPACITY);
    memory.write(16, 5n, 8);
    expect(() => memory.read(16, fixedPoint(9, 0))).toThrow(
      "scratchpad: read of 9 bits at bit 16, but the word there has 8 bits",
    );
    expect(() => memory.read(24, fixedPoint(8, 0))).toThrow("no word was written there");
    expect(() => memory.write(593, 0n, 8)).toThrow("word of 8 bits at bit 593, outside its 600 bits");
    memory.write(592, 0n, 8);
    expect(memory.read(592, fixedPoint(8, 0))).toBe(0n);
  });
});
