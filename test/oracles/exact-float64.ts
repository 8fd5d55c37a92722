/**
 * Doubles as exact fractions, found by arithmetic and not by looking at their bits. Independent of isa/.
 */
import type { Rational } from "./rational-rounding.ts";

/** A finite double as an exact fraction: doubling a double is exact, and ends at an integer. */
export function exactFloat64(value: number): Rational {
  if (!Number.isFinite(value)) throw new RangeError(`${value} is not finite`);
  let scaled = value;
  let denominator = 1n;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    denominator *= 2n;
  }
  return { numerator: BigInt(scaled), denominator };
}

/** The neighbouring doubles of a finite double, by their order as 64-bit words. */
export function neighbours(value: number): { readonly below: number; readonly above: number; readonly even: boolean } {
  const view = new DataView(new ArrayBuffer(8));
  const ordinal = (double: number): bigint => {
    view.setFloat64(0, double);
    const word = view.getBigInt64(0);
    return word < 0n ? -(word & 0x7fffffffffffffffn) : word;
  };
  const double = (order: bigint): number => {
    view.setBigInt64(0, order < 0n ? -order : order);
    const magnitude = view.getFloat64(0);
    return order < 0n ? -magnitude : magnitude;
  };
  const order = ordinal(value);
  return { below: double(order - 1n), above: double(order + 1n), even: order % 2n === 0n };
}
