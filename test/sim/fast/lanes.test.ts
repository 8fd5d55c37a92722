import { describe, expect, it } from "vitest";
import type { Dataflow } from "../../../isa/dataflow/table.ts";
import { type FixedPointFormat, fixedPoint, rawRange } from "../../../isa/numerics/format.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import { PLAIN_KERNELS } from "../../../sim/fast/kernels/plain.ts";
import { chooseLane } from "../../../sim/fast/lanes.ts";
import { defineTile } from "./matrix-definition.ts";
import { buildTile, type DrawnTile, resetSums, sumsOf, type TileParts } from "./matrix-tiles.ts";

interface Registers {
  readonly operand: FixedPointFormat;
  readonly weight: FixedPointFormat;
  readonly product: RegisterSpec;
  readonly accumulator: RegisterSpec;
  readonly dataflow?: Dataflow;
  readonly steps?: number;
  readonly accumulate?: boolean;
  readonly weights?: readonly bigint[];
}

/** A tile in which everything is as large as it can be: ends of the formats against each other. */
function extremeTile(registers: Registers, side: "products" | "mixed"): DrawnTile {
  const [input, weight, sum] = [registers.operand, registers.weight, registers.accumulator.format].map(rawRange) as [
    ReturnType<typeof rawRange>,
    ReturnType<typeof rawRange>,
    ReturnType<typeof rawRange>,
  ];
  const mixed = side === "mixed";
  const parts: TileParts = {
    dataflow: "output-stationary",
    steps: 6,
    accumulate: true,
    pixels: 3,
    filters: 5,
    rows: 4,
    columns: 2,
    macPipeline: 0,
    weightDoubleBuffer: false,
    drainOverlap: false,
    constant: registers.weights !== undefined,
    input: mixed ? [input.min, input.max, input.min + 1n] : [input.min],
    weights: mixed ? [weight.max, weight.min] : [weight.min],
    bank: mixed ? [sum.max, sum.min, 0n] : [sum.max],
    image: 0,
    seed: 1,
    ...registers,
  };
  return buildTile(parts);
}

/** The chosen kernel, after it has been seen to be right at the extremes. */
function chosen(registers: Registers): string {
  const names = (["products", "mixed"] as const).map((side) => {
    const tile = extremeTile(registers, side);
    const kernel = PLAIN_KERNELS.matrix(tile.problem, chooseLane(tile.problem));
    resetSums(tile);
    const bound = kernel.bind(tile.problem, tile.operands);
    bound.run(0);
    const { sums, writes } = defineTile(tile.problem, tile.words);
    expect(sumsOf(tile)).toEqual(sums);
    expect(bound.accumulator.overflows).toBe(
      writes.filter(({ register: name, rounded, word }) => name === "accumulator" && rounded !== word).length,
    );
    return kernel.name;
  });
  expect(names[0]).toBe(names[1]);
  return names[0] ?? "";
}

const signed = (wordLength: number, fractionLength = 0): FixedPointFormat => fixedPoint(wordLength, fractionLength);
const saturating = (wordLength: number, fractionLength = 0): RegisterSpec =>
  register(signed(wordLength, fractionLength), "nearest");

describe("the int32 lane ends", () => {
  it("where a product and its rounding bias need 32 bits: 2^30 + 2^30 is one too many", () => {
    const with16 = (fraction: number): Registers => ({
      operand: signed(16, fraction),
      weight: signed(16),
      product: saturating(16),
      accumulator: saturating(16),
    });
    expect(chosen(with16(29))).toBe("int32 ordered");
    expect(chosen(with16(30))).toBe("float64 ordered");
  });

  it("where exact products need 32 bits", () => {
    const exact = (weightBits: number): Registers => ({
      operand: signed(16),
      weight: signed(weightBits),
      product: register(signed(16 + weightBits), "down", "wrap"),
      accumulator: saturating(20),
    });
    expect(chosen(exact(16))).toBe("int32 ordered");
    expect(chosen(exact(17))).toBe("float64 ordered");
  });

  it("where a product shifted left needs 32 bits", () => {
    const shifted = (fraction: number): Registers => ({
      operand: signed(8),
      weight: signed(8),
      product: register(signed(31, fraction), "down"),
      accumulator: register(signed(30, fraction), "down"),
    });
    expect(chosen(shifted(15))).toBe("int32 ordered");
    expect(chosen(shifted(17))).toBe("float64 ordered");
  });

  it("where sum and product together need 32 bits", () => {
    const summed = (sumBits: number): Registers => ({
      operand: signed(15),
      weight: signed(15),
      product: saturating(29),
      accumulator: saturating(sumBits),
    });
    expect(chosen(summed(31))).toBe("int32 ordered");
    expect(chosen(summed(32))).toBe("float64 ordered");
  });

  it("where two sums of a bank addition need 32 bits", () => {
    const added = (sumBits: number): Registers => ({
      operand: signed(8),
      weight: signed(8),
      product: saturating(12),
      accumulator: saturating(sumBits),
      dataflow: "weight-stationary",
    });
    expect(chosen(added(30))).toBe("int32 ordered");
    expect(chosen(added(31))).toBe("float64 ordered");
  });

  it("where the products of a tree's chunk and the bank need 32 bits", () => {
    const gathered = (productBits: number): Registers => ({
      operand: signed(16),
      weight: signed(15),
      product: saturating(productBits),
      accumulator: saturating(30),
      dataflow: "tree",
    });
    expect(chosen(gathered(29))).toBe("int32 ordered");
    expect(chosen(gathered(30))).toBe("float64 ordered");
  });

  it("where an aligned product needs 32 bits", () => {
    const aligned = (fraction: number): Registers => ({
      operand: signed(8),
      weight: signed(8),
      product: saturating(8),
      accumulator: saturating(24, fraction),
    });
    expect(chosen(aligned(23))).toBe("int32 ordered");
    expect(chosen(aligned(24))).toBe("float64 ordered");
  });

  it("where an operand is unsigned and needs 32 bits", () => {
    const unsigned = (wordLength: number): Registers => ({
      operand: fixedPoint(wordLength, 0, false),
      weight: fixedPoint(1, 0, false),
      product: saturating(20),
      accumulator: saturating(20),
    });
    expect(chosen(unsigned(31))).toBe("int32 ordered");
    expect(chosen(unsigned(32))).toBe("float64 ordered");
  });
});

describe("the float64 lane ends", () => {
  it("where a product and its rounding bias exceed 2^52", () => {
    const rounded = (weightBits: number): Registers => ({
      operand: signed(26, 20),
      weight: signed(weightBits),
      product: saturating(40),
      accumulator: saturating(40),
    });
    expect(chosen(rounded(27))).toBe("float64 ordered");
    expect(chosen(rounded(28))).toBe("bigint stepwise");
  });

  it("where sum and product together exceed 2^52", () => {
    const summed = (sumBits: number): Registers => ({
      operand: signed(24),
      weight: signed(24),
      product: saturating(47),
      accumulator: saturating(sumBits),
    });
    expect(chosen(summed(52))).toBe("float64 ordered");
    expect(chosen(summed(53))).toBe("bigint stepwise");
  });

  it("where a rounded addition exceeds 2^52", () => {
    const rounding = (sumBits: number): Registers => ({
      operand: signed(16),
      weight: signed(16),
      product: register(signed(31), "down"),
      accumulator: register(signed(sumBits, -8), "nearest-even"),
    });
    expect(chosen(rounding(44))).toBe("float64 stepwise");
    expect(chosen(rounding(46))).toBe("bigint stepwise");
  });
});

describe("the plain dot product", () => {
  const wide = (sumBits: number, weights?: readonly bigint[]): Registers => ({
    operand: signed(12),
    weight: signed(12),
    product: register(signed(24), "down", "wrap"),
    accumulator: register(signed(sumBits), "down", "wrap"),
    accumulate: false,
    ...(weights ? { weights } : {}),
  });

  it("serves where no partial sum can leave the accumulator: 6 · 2^22 needs 26 bits", () => {
    expect(chosen(wide(26))).toBe("int32 dot");
    expect(chosen(wide(25))).toBe("int32 ordered");
  });

  it("serves narrower accumulators where the weights are known to be small", () => {
    expect(chosen(wide(25, [1000n, -3n]))).toBe("int32 dot");
  });

  it("does not where the sum may start anywhere in a bank that it could leave", () => {
    expect(chosen({ ...wide(26), accumulate: true })).toBe("int32 ordered");
  });

  it("serves in doubles beyond 32 bits and in big integers beyond 52", () => {
    const exact = (wordLength: number): Registers => ({
      operand: signed(wordLength),
      weight: signed(wordLength),
      product: register(signed(2 * wordLength), "down", "wrap"),
      accumulator: register(signed(2 * wordLength + 4), "down", "wrap"),
      accumulate: false,
    });
    expect(chosen(exact(15))).toBe("int32 dot");
    expect(chosen(exact(16))).toBe("float64 dot");
    expect(chosen(exact(25))).toBe("float64 dot");
    expect(chosen(exact(26))).toBe("bigint dot");
    expect(chosen(exact(64))).toBe("bigint dot");
  });

  it("gives way to free additions where products are rounded", () => {
    const rounded: Registers = {
      operand: signed(12, 6),
      weight: signed(12, 6),
      product: saturating(12, 6),
      accumulator: register(signed(16, 6), "down", "wrap"),
      accumulate: false,
    };
    expect(chosen(rounded)).toBe("int32 free");
    expect(chosen({ ...rounded, accumulator: register(signed(14, 6), "down", "wrap") })).toBe("int32 ordered");
  });
});
