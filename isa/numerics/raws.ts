import type { FixedPointFormat } from "./format.ts";

/**
 * Raw words of one tensor, one element each. `Int32Array` where every raw of the format fits a signed 32-bit integer,
 * else `BigInt64Array`, which holds an unsigned 64-bit raw by its bit pattern.
 */
export type Raws = Int32Array | BigInt64Array;

export function fitsInt32(format: FixedPointFormat): boolean {
  return format.wordLength <= (format.signed ? 32 : 31);
}

/** `length` zero words of a format, W at most 64. */
export function allocateRaws(format: FixedPointFormat, length: number): Raws {
  return fitsInt32(format) ? new Int32Array(length) : new BigInt64Array(length);
}

/** Raw of element `index` as an exact integer. */
export function rawAt(raws: Raws, index: number, format: FixedPointFormat): bigint {
  if (raws instanceof Int32Array) return BigInt(raws[index] ?? 0);
  const raw = raws[index] ?? 0n;
  return format.signed ? raw : BigInt.asUintN(64, raw);
}

/** Stores a raw that lies in the format's range. */
export function setRaw(raws: Raws, index: number, raw: bigint): void {
  if (raws instanceof Int32Array) raws[index] = Number(raw);
  else raws[index] = raw;
}
