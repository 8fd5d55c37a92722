/** Blocks of wide multipliers, against parts that are really multiplied and added up. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import { DSP_PORTS, multiplierBlocks } from "../../sim/dsp-blocks.ts";

const word = (wordLength: number, signed = true): FixedPointFormat => ({ wordLength, fractionLength: 0, signed });

/** Cuts a signed word of `bits` into parts that a signed port of `port` bits takes, lowest first, each with its weight. */
function cut(value: bigint, bits: number, port: number): { readonly part: bigint; readonly shift: bigint }[] {
  const found: { part: bigint; shift: bigint }[] = [];
  let [rest, shift, left] = [value, 0, bits];
  while (left > port) {
    const low = BigInt(port - 1);
    found.push({ part: rest & ((1n << low) - 1n), shift: BigInt(shift) });
    rest >>= low;
    [shift, left] = [shift + port - 1, left - (port - 1)];
  }
  return [...found, { part: rest, shift: BigInt(shift) }];
}

describe("DSP blocks of a multiplier", () => {
  it.each([
    [27, 18, 1],
    [18, 27, 1],
    [18, 18, 1],
    [16, 16, 1],
    [28, 18, 2],
    [27, 19, 2],
    [27, 27, 2],
    [28, 27, 2],
    [28, 28, 4],
    [32, 32, 4],
    [35, 27, 2],
    [64, 64, 12],
    [1, 1, 1],
  ])("%i × %i bits take %i", (a, b, blocks) => {
    expect(multiplierBlocks(word(a), word(b))).toBe(blocks);
  });

  it("an unsigned operand counts its sign bit", () => {
    expect(multiplierBlocks(word(18, false), word(27))).toBe(2);
    expect(multiplierBlocks(word(17, false), word(27))).toBe(1);
    expect(multiplierBlocks(word(26, false), word(17, false))).toBe(1);
  });

  it("as many parts, multiplied pairwise and added, give the product; either order gives the same number", () => {
    const bits = fc.integer({ min: 1, max: 64 });
    fc.assert(
      fc.property(
        bits,
        bits,
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
        (m, n, x, y) => {
          const [a, b] = [BigInt.asIntN(m, x), BigInt.asIntN(n, y)];
          const { wide, narrow } = DSP_PORTS;
          const counts = [
            [wide, narrow],
            [narrow, wide],
          ].map(([p, q]) => {
            const [left, right] = [cut(a, m, p ?? 0), cut(b, n, q ?? 0)];
            const pairs = left.flatMap((l) => right.map((r) => ({ l, r })));
            for (const { part } of left) expect(part === BigInt.asIntN(p ?? 0, part)).toBe(true);
            for (const { part } of right) expect(part === BigInt.asIntN(q ?? 0, part)).toBe(true);
            const product = pairs.reduce((sum, { l, r }) => sum + ((l.part * r.part) << (l.shift + r.shift)), 0n);
            expect(product).toBe(a * b);
            return pairs.length;
          });
          expect(multiplierBlocks(word(m), word(n))).toBe(Math.min(...counts));
          expect(multiplierBlocks(word(n), word(m))).toBe(multiplierBlocks(word(m), word(n)));
        },
      ),
    );
  });
});
