import { describe, expect, it } from "vitest";
import { fixedPoint, rawRange } from "../../../isa/numerics/format.ts";
import { OVERFLOW_MODES, type OverflowMode } from "../../../isa/numerics/overflow.ts";
import { quantize } from "../../../isa/numerics/quantize.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import { PLAIN_KERNELS } from "../../../sim/fast/kernels/plain.ts";
import { chooseLane } from "../../../sim/fast/lanes.ts";
import { DETERMINISTIC_ROUNDING_MODES } from "../../arbitraries/numerics.ts";
import { buildTile, sumsOf } from "./matrix-tiles.ts";

const OPERAND = fixedPoint(4, 2);
const MODES = (Object.keys(OVERFLOW_MODES) as OverflowMode[]).flatMap((overflow) =>
  DETERMINISTIC_ROUNDING_MODES.map((rounding) => [rounding, overflow] as const),
);

/** Every raw of the operands. */
function rawsOf4Bits(): bigint[] {
  const { min, max } = rawRange(OPERAND);
  return Array.from({ length: Number(max - min) + 1 }, (_, index) => min + BigInt(index));
}

/**
 * All pairs of 4-bit operands in one tile: pixel e is the input raw e, filter n the weight raw n; both steps multiply the
 * same pair, so the second addition starts from every sum that a product can leave.
 */
function allPairs(product: RegisterSpec, accumulator: RegisterSpec): { sums: bigint[]; expected: bigint[] } {
  const raws = rawsOf4Bits();
  const tile = buildTile({
    dataflow: "output-stationary",
    operand: OPERAND,
    weight: OPERAND,
    product,
    accumulator,
    pixels: 16,
    filters: 16,
    steps: 2,
    rows: 4,
    columns: 4,
    macPipeline: 0,
    weightDoubleBuffer: false,
    drainOverlap: false,
    accumulate: false,
    constant: false,
    input: [0n],
    weights: [0n],
    bank: [0n],
    image: 0,
    seed: 0,
  });
  const { input, weights } = tile.operands;
  const operands = {
    ...tile.operands,
    inputBase: 0,
    pixelOffsets: Int32Array.from({ length: 16 }, (_, pixel) => pixel),
    stepOffsets: Int32Array.of(0, 0),
  };
  for (const [index, raw] of raws.entries()) {
    input[index] = Number(raw);
    for (const step of [0, 1]) weights.words[weights.base + step * weights.pitch + index] = Number(raw);
  }
  PLAIN_KERNELS.matrix(tile.problem, chooseLane(tile.problem)).bind(tile.problem, operands).run(0);
  const common = Math.max(product.format.fractionLength, accumulator.format.fractionLength);
  const sumShift = BigInt(common - accumulator.format.fractionLength);
  const productShift = BigInt(common - product.format.fractionLength);
  const expected = raws.flatMap((x) =>
    raws.map((w) => {
      const word = quantize(x * w, 2 * OPERAND.fractionLength, product).raw;
      const add = (sum: bigint): bigint =>
        quantize((sum << sumShift) + (word << productShift), common, accumulator).raw;
      return add(add(0n));
    }),
  );
  return { sums: sumsOf({ ...tile, operands }), expected };
}

describe("all pairs of 4-bit operands", () => {
  it.each(MODES)("products rounded %s and fitted by %s, into the accumulator as well", (rounding, overflow) => {
    for (const wordLength of [1, 2, 3, 5]) {
      for (const fractionLength of [-1, 1, 2, 5]) {
        for (const isSigned of [true, false]) {
          if (!isSigned && overflow === "wrap-sign-magnitude") continue;
          for (const sumFraction of [fractionLength - 2, fractionLength, fractionLength + 1]) {
            const product = register(fixedPoint(wordLength, fractionLength, isSigned), rounding, overflow);
            const accumulator = register(fixedPoint(4, sumFraction), rounding, overflow);
            const { sums, expected } = allPairs(product, accumulator);
            expect(sums).toEqual(expected);
          }
        }
      }
    }
  });

  it.each([1, 2, 3])("wrap:%i and wrap-sign-magnitude:%i in every dialect that has them", (saturatedBits) => {
    for (const overflow of ["wrap", "wrap-sign-magnitude"] as const) {
      for (const dialect of ["sc", "ap"] as const) {
        for (const wordLength of [3, 4]) {
          const product = register(fixedPoint(wordLength, 2), "nearest", overflow, saturatedBits, dialect);
          const accumulator = register(fixedPoint(wordLength, 2), "nearest", overflow, saturatedBits, dialect);
          const { sums, expected } = allPairs(product, accumulator);
          expect(sums).toEqual(expected);
        }
      }
    }
  });

  it("wrap-sign-magnitude of ap looks at the bit before rounding", () => {
    const product = register(fixedPoint(3, 1), "up", "wrap-sign-magnitude", 0, "ap");
    const { sums, expected } = allPairs(product, register(fixedPoint(6, 1)));
    expect(sums).toEqual(expected);
  });
});
