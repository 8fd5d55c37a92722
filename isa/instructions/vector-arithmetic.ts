/** What the vector unit computes of an element, exactly: the value that the activation (of arithmetic) or the output register takes. */
import { add, aligned, combine, type Exact, larger, multiply, smaller } from "../numerics/exact.ts";
import type { ConfigureBounds } from "./configure-bounds.ts";
import type { ConfigurePieces } from "./configure-pieces.ts";
import { type ConfigureTable, tableEntry, tablePosition } from "./configure-table.ts";
import type { ArithmeticVectorOperation } from "./vector.ts";

/** The exact result of each operation that calculates. Unary ones get `a` twice. */
export const VECTOR_ARITHMETIC: Readonly<
  Record<ArithmeticVectorOperation, (a: Exact, b: Exact, shift: number) => Exact>
> = {
  copy: (a) => a,
  add,
  subtract: (a, b) => combine(a, b, (x, y) => x - y),
  multiply,
  maximum: (a, b) => combine(a, b, larger),
  minimum: (a, b) => combine(a, b, smaller),
  shift: (a, _b, shift) => ({ raw: a.raw, fractionLength: a.fractionLength - shift }),
};

/** Word of the weight scratchpad by its position behind the instruction's table address, in the format that the operation reads. */
export type ConstantWords = (position: number) => Exact;

/** `lookup`: the word of the entry that stands for a. */
export function lookedUp(table: ConfigureTable, a: Exact, words: ConstantWords): Exact {
  return words(tableEntry(table, a.raw));
}

/** `interpolate`: on the line between the two entries around a. */
export function interpolated(table: ConfigureTable, a: Exact, words: ConstantWords): Exact {
  const { entry, fraction } = tablePosition(table, a.raw);
  const before = words(entry);
  const behind = words(entry + 1);
  return {
    raw: (before.raw << BigInt(table.shift)) + (behind.raw - before.raw) * fraction,
    fractionLength: before.fractionLength + table.shift,
  };
}

/** `pieces`: on one of two lines, cut to the bounds, which have `fractionLength` fraction bits. */
export function onLine(
  { threshold, below, above, slopeFraction }: ConfigurePieces,
  { offset, hasLower, lower, hasUpper, upper }: ConfigureBounds,
  a: Exact,
  fractionLength: number,
): Exact {
  const product = multiply(a, { raw: a.raw < threshold ? below : above, fractionLength: Number(slopeFraction) });
  let value: Exact = { ...product, raw: product.raw + offset };
  if (hasLower) value = combine(value, { raw: lower, fractionLength }, larger);
  if (hasUpper) value = combine(value, { raw: upper, fractionLength }, smaller);
  return value;
}

/** `slopes`: a from 0 up, a · slope below; F is the larger of both. */
export function sloped(a: Exact, slope: Exact): Exact {
  const fractionLength = Math.max(a.fractionLength, a.fractionLength + slope.fractionLength);
  return { raw: aligned(a.raw < 0n ? multiply(a, slope) : a, fractionLength), fractionLength };
}

/** `hardSwish` times `HARD_SWISH_DIVISOR`: a · min(max(a + 3, 0), 6). */
export function hardSwishDividend(a: Exact): Exact {
  const whole = (raw: bigint): Exact => ({ raw, fractionLength: 0 });
  const gate = combine(add(a, whole(3n)), whole(6n), (x, most) => smaller(larger(x, 0n), most));
  return multiply(a, gate);
}

export const HARD_SWISH_DIVISOR = 6n;
