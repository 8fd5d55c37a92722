import { InvariantError } from "../../../isa/diagnostic.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { type MatrixWork, macsOf } from "../matrix-work.ts";
import type { Opponent } from "./opponent.ts";

/**
 * The sum of one filter on one patch: every product rounded to nearest, ties away from zero, and saturated, every
 * addition saturated, in order. Words of any length would do; telling V8 by `BigInt.asIntN(64, …)` around the operations
 * that 64 bits suffice, and keeping words in BigInt64Array, makes it three times as fast.
 */
export type BigintSum = (patch: BigInt64Array, weights: BigInt64Array) => bigint;

/** `droppedBits` ≥ 1: what a product has more fraction bits than its register, which is of W bits as the sum is. */
export function bigintSum(droppedBits: number, wordLength: number): BigintSum {
  if (droppedBits < 1 || wordLength > 32) throw new InvariantError("sums in 64 bits of rounded products only");
  const shift = BigInt(droppedBits);
  const end = 1n << BigInt(wordLength - 1);
  const [min, max] = [-end, end - 1n];
  // What rounds to nearest before the shift: half a unit; one less for a negative product, whose tie goes down.
  const half = 1n << (shift - 1n);
  const halfBelow = half - 1n;
  return (patch, weights) => {
    let sum = 0n;
    for (let step = 0; step < weights.length; step++) {
      const exact = BigInt.asIntN(64, (patch[step] as bigint) * (weights[step] as bigint));
      let product = BigInt.asIntN(64, BigInt.asIntN(64, exact + (exact < 0n ? halfBelow : half)) >> shift);
      if (product > max) product = max;
      else if (product < min) product = min;
      sum = BigInt.asIntN(64, sum + product);
      if (sum > max) sum = max;
      else if (sum < min) sum = min;
    }
    return sum;
  };
}

/** Whether `bigintSum` computes what a register pair asks for. */
export function isNearestSaturate({ rounding, overflow }: RegisterSpec): boolean {
  return rounding === "nearest" && overflow === "saturate";
}

/** The sums of a matrix product, and the means to compare them. */
export function bigintMatrix(work: MatrixWork): Opponent & { readonly sums: Float64Array } {
  const { pixels, filters, steps, product, accumulator } = work;
  if (!isNearestSaturate(product) || !isNearestSaturate(accumulator))
    throw new InvariantError("nearest, saturate only");
  const droppedBits = work.operand.fractionLength + work.weight.fractionLength - product.format.fractionLength;
  const sumOf = bigintSum(droppedBits, product.format.wordLength);
  const input = BigInt64Array.from(work.input, BigInt);
  const columns = Array.from({ length: filters }, (_, filter) =>
    BigInt64Array.from({ length: steps }, (_unused, step) => BigInt(work.weights[step * filters + filter] ?? 0)),
  );
  const patch = new BigInt64Array(steps);
  const sums = new Float64Array(pixels * filters);
  const once = (): void => {
    for (let pixel = 0; pixel < pixels; pixel++) {
      const base = work.pixelOffsets[pixel] ?? 0;
      for (let step = 0; step < steps; step++) patch[step] = input[base + (work.stepOffsets[step] ?? 0)] as bigint;
      for (const [filter, column] of columns.entries()) sums[pixel * filters + filter] = Number(sumOf(patch, column));
    }
  };
  const macs = macsOf(work);
  return {
    name: "BigInt",
    version: `V8 ${process.versions.v8}`,
    grain: macs,
    run: (amount) => {
      for (let done = 0; done < amount; done += macs) once();
    },
    close: () => {},
    sums,
  };
}
