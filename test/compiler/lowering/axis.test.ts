import fc from "fast-check";
import { expect, test } from "vitest";
import {
  axisBlock,
  blockLength,
  candidateSizes,
  positionBlock,
  tileSizes,
  tilesAlong,
  type WindowAxis,
  windowBlock,
} from "../../../compiler/lowering/axis.ts";

const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

/** The image position that each block position holds; undefined for padding. */
function positions(block: ReturnType<typeof axisBlock>): readonly (number | undefined)[] {
  return Array.from({ length: blockLength(block) }, (_, index) => {
    const offset = index - block.padBefore;
    return offset >= 0 && offset < block.sourceCount ? block.source + offset : undefined;
  });
}

test("a block holds the positions asked for, zeros outside the image, and at least one of the image", () => {
  fc.assert(
    fc.property(small(-9, 12), small(1, 9), small(1, 8), (first, count, length) => {
      const block = axisBlock(first, count, length);
      const wanted = Array.from({ length: count }, (_, index) => {
        const position = first + index;
        return position >= 0 && position < length ? position : undefined;
      });
      expect(positions(block).slice(block.skip, block.skip + count)).toEqual(wanted);
      expect(block.sourceCount).toBeGreaterThanOrEqual(1);
      expect(block.source + block.sourceCount).toBeLessThanOrEqual(length);
      expect(blockLength(block) - count).toBeLessThanOrEqual(1);
    }),
  );
});

test("a window block holds every kernel position of every output, a position block one of them", () => {
  const axes: fc.Arbitrary<WindowAxis> = fc.record({
    input: small(1, 9),
    output: small(1, 6),
    kernel: small(1, 4),
    stride: small(1, 3),
    dilation: small(1, 3),
    before: small(0, 6),
  });
  fc.assert(
    fc.property(axes, small(0, 5), small(1, 3), (axis, from, size) => {
      const first = Math.min(from, axis.output - 1);
      const count = Math.min(size, axis.output - first);
      const held = (block: ReturnType<typeof axisBlock>, index: number): number | undefined =>
        positions(block)[block.skip + index];
      for (let output = 0; output < count; output++) {
        for (let kernel = 0; kernel < axis.kernel; kernel++) {
          const position = (first + output) * axis.stride - axis.before + kernel * axis.dilation;
          const expected = position >= 0 && position < axis.input ? position : undefined;
          const window = windowBlock(axis, first, count);
          expect(held(window, output * axis.stride + kernel * axis.dilation)).toBe(expected);
          expect(held(positionBlock(axis, first, count, kernel), output * axis.stride)).toBe(expected);
        }
      }
    }),
  );
});

test("tiles cover an axis without gap or overlap", () => {
  expect(tilesAlong(10, 4)).toEqual([
    { first: 0, count: 4 },
    { first: 4, count: 4 },
    { first: 8, count: 2 },
  ]);
  expect(tileSizes(10, 4)).toEqual([
    { count: 2, size: 4 },
    { count: 1, size: 2 },
  ]);
  expect(tileSizes(3, 4)).toEqual([{ count: 1, size: 3 }]);
});

test("candidate sizes reach from the whole axis to one, or to one multiple", () => {
  expect(candidateSizes(10)).toEqual([10, 5, 4, 3, 2, 1]);
  expect(candidateSizes(50, 16)).toEqual([50, 32, 16]);
  expect(candidateSizes(10, 16)).toEqual([10]);
  expect(candidateSizes(1)).toEqual([1]);
  fc.assert(
    fc.property(small(1, 5000), small(1, 64), (total, multiple) => {
      const sizes = candidateSizes(total, multiple);
      expect(sizes[0]).toBe(total);
      expect(sizes.every((size) => size === total || size % multiple === 0)).toBe(true);
      expect(sizes.length).toBeLessThan(60);
    }),
  );
});
