/**
 * Registers written on whole blocks. Integers in doubles, two side by side, as in float64.ts, or in 32 bits, four side by
 * side: the caller has proved that every value of the chain, and what rounding adds to it, stays below 2^53, or below 2^31.
 */

/** How a stage makes an integer of a scaled value, and fits it; as in ../lane-kernels.ts. */
const FLOOR: f64 = 0;
const TRUNCATE: f64 = 1;
const EVEN: f64 = 2;
const EXACT: f64 = 3;

/** A quantization: doubles in this order. A modulus of 0 saturates. */
@unmanaged
export class Stage {
  rounding: f64;
  /** 2^−s. */
  scale: f64;
  bias: f64;
  min: f64;
  max: f64;
  modulus: f64;
  /** Set by the kernel. */
  overflows: f64;
}

/** Two values rounded to integers. */
// @ts-ignore: decorator
@inline
export function rounded(stage: Stage, value: v128): v128 {
  const rounding = stage.rounding;
  const scaled = f64x2.mul(value, f64x2.splat(stage.scale));
  if (rounding == EXACT) return scaled;
  if (rounding == EVEN) return f64x2.nearest(scaled);
  const bias = f64x2.splat(stage.bias);
  if (rounding == FLOOR) return f64x2.floor(f64x2.add(scaled, bias));
  return f64x2.trunc(f64x2.add(scaled, v128.or(bias, v128.and(scaled, i64x2.splat(0x8000000000000000)))));
}

// @ts-ignore: decorator
@inline
export function fitted(stage: Stage, word: v128): v128 {
  const modulus = stage.modulus;
  const least = f64x2.splat(stage.min);
  if (modulus == 0) return f64x2.pmin(f64x2.pmax(word, least), f64x2.splat(stage.max));
  const turns = f64x2.floor(f64x2.mul(f64x2.sub(word, least), f64x2.splat(1 / modulus)));
  return f64x2.sub(word, f64x2.mul(turns, f64x2.splat(modulus)));
}

// @ts-ignore: decorator
@inline
export function differing(count: v128, a: v128, b: v128): v128 {
  return i64x2.sub(count, f64x2.ne(a, b));
}

// @ts-ignore: decorator
@inline
export function total(count: v128): f64 {
  return <f64>(i64x2.extract_lane(count, 0) + i64x2.extract_lane(count, 1));
}

/** Two words from `address` on, of which the second may be missing: it is 0 then. */
// @ts-ignore: decorator
@inline
export function load2(address: usize, doubles: bool, both: bool): v128 {
  if (doubles) return both ? v128.load(address) : v128.load64_zero(address);
  return f64x2.convert_low_i32x4_s(both ? v128.load64_zero(address) : v128.load32_zero(address));
}

// @ts-ignore: decorator
@inline
export function store2(address: usize, words: v128, doubles: bool, both: bool): void {
  if (doubles) {
    // A word of −0 becomes 0.
    const clean = f64x2.add(words, f64x2.splat(0));
    if (both) v128.store(address, clean);
    else v128.store64_lane(address, clean, 0);
    return;
  }
  const integers = i32x4.trunc_sat_f64x2_s_zero(words);
  if (both) v128.store64_lane(address, integers, 0);
  else v128.store32_lane(address, integers, 0);
}

/** A quantization of 32-bit integers: fields in this order. `wrapShift`: 32 − W where it wraps, else −1. */
@unmanaged
export class IntegerStage {
  /** Zeros appended, or bits dropped. */
  raised: i32;
  dropped: i32;
  /** Rounding as an addition before the floor; `negative` to negative values, `odd` where the floor is odd. */
  base: i32;
  negative: i32;
  odd: i32;
  min: i32;
  max: i32;
  wrapShift: i32;
  /** Set by the kernel. */
  overflows: i32;
}

// @ts-ignore: decorator
@inline
export function roundedInteger(stage: IntegerStage, value: v128): v128 {
  const dropped = stage.dropped;
  if (dropped == 0) return i32x4.shl(value, stage.raised);
  const negative = v128.and(i32x4.shr_s(value, 31), i32x4.splat(stage.negative));
  let biased = i32x4.add(i32x4.add(value, i32x4.splat(stage.base)), negative);
  if (stage.odd != 0) {
    const odd = i32x4.shr_s(i32x4.shl(value, 31 - dropped), 31);
    biased = i32x4.add(biased, v128.and(odd, i32x4.splat(stage.odd)));
  }
  return i32x4.shr_s(biased, dropped);
}

// @ts-ignore: decorator
@inline
export function fittedInteger(stage: IntegerStage, word: v128): v128 {
  const shift = stage.wrapShift;
  if (shift >= 0) return i32x4.shr_s(i32x4.shl(word, shift), shift);
  return i32x4.min_s(i32x4.max_s(word, i32x4.splat(stage.min)), i32x4.splat(stage.max));
}

// @ts-ignore: decorator
@inline
export function totalOf(count: v128): i32 {
  return (
    i32x4.extract_lane(count, 0) +
    i32x4.extract_lane(count, 1) +
    i32x4.extract_lane(count, 2) +
    i32x4.extract_lane(count, 3)
  );
}

/** The first `bytes` bytes of a vector: 4, 8 or 12. */
export function storeFirst(address: usize, words: v128, bytes: i32): void {
  store<i32>(address, i32x4.extract_lane(words, 0));
  if (bytes > 4) store<i32>(address, i32x4.extract_lane(words, 1), 4);
  if (bytes > 8) store<i32>(address, i32x4.extract_lane(words, 2), 8);
}
