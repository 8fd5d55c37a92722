import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import type { Raws } from "../../isa/numerics/raws.ts";

/** Raws as float32 values, raw · 2^−F. */
export function rawsToValues(raws: Raws, format: FixedPointFormat): Float32Array {
  const scale = 2 ** -format.fractionLength;
  if (raws instanceof Int32Array) return Float32Array.from(raws, (raw) => raw * scale);
  const exact = format.signed ? (raw: bigint) => raw : (raw: bigint) => BigInt.asUintN(64, raw);
  const values = new Float32Array(raws.length);
  raws.forEach((raw, index) => {
    values[index] = Number(exact(raw)) * scale;
  });
  return values;
}

/** Raws as values that compare as the words do, at any word length. */
export function comparableRaws(raws: Raws, format: FixedPointFormat): ArrayLike<number | bigint> {
  if (raws instanceof Int32Array || format.signed) return raws;
  return new BigUint64Array(raws.buffer, raws.byteOffset, raws.length);
}

/** Arrays one after the other. */
export function joined(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const array of arrays) {
    all.set(array, offset);
    offset += array.length;
  }
  return all;
}
