/**
 * Requantization and pooling on whole blocks. Integers in doubles, two side by side, as in float64.ts, or in 32 bits, four
 * side by side: the caller has proved that every value of the chain, and what rounding adds to it, stays below 2^53, or
 * below 2^31.
 */

/** How a stage makes an integer of a scaled value, and fits it; as in ../lane-kernels.ts. */
const FLOOR: f64 = 0;
const TRUNCATE: f64 = 1;
const EVEN: f64 = 2;
const EXACT: f64 = 3;

/** A quantization: doubles in this order. A modulus of 0 saturates. */
@unmanaged
class Stage {
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

/** A requantize instruction, as the TypeScript side writes it. Addresses and pitches are in bytes. */
@unmanaged
class Requantization {
  pixels: i32;
  filters: i32;
  sums: i32;
  sumPitch: i32;
  /** 1: words are doubles, else 32-bit integers. */
  sumsAreDoubles: i32;
  outputs: i32;
  outputPitch: i32;
  outputsAreDoubles: i32;
  /** Doubles, aligned with the value and filled up to an even number with 0; 0: no bias. */
  biases: i32;
  /** Stages before the bias and after it, or 0; then of the output. */
  before: i32;
  added: i32;
  written: i32;
  /** 0 none, 1 relu, 2 clip. */
  activation: i32;
  unused: i32;
  /** Power of two that aligns the value with the bias, and with the bound of clip; and that bound. */
  valueScale: f64;
  activationScale: f64;
  bound: f64;
}

/** Two values rounded to integers. */
// @ts-ignore: decorator
@inline
function rounded(stage: Stage, value: v128): v128 {
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
function fitted(stage: Stage, word: v128): v128 {
  const modulus = stage.modulus;
  const least = f64x2.splat(stage.min);
  if (modulus == 0) return f64x2.pmin(f64x2.pmax(word, least), f64x2.splat(stage.max));
  const turns = f64x2.floor(f64x2.mul(f64x2.sub(word, least), f64x2.splat(1 / modulus)));
  return f64x2.sub(word, f64x2.mul(turns, f64x2.splat(modulus)));
}

// @ts-ignore: decorator
@inline
function differing(count: v128, a: v128, b: v128): v128 {
  return i64x2.sub(count, f64x2.ne(a, b));
}

// @ts-ignore: decorator
@inline
function total(count: v128): f64 {
  return <f64>(i64x2.extract_lane(count, 0) + i64x2.extract_lane(count, 1));
}

/** Two words from `address` on, of which the second may be missing: it is 0 then. */
// @ts-ignore: decorator
@inline
function load2(address: usize, doubles: bool, both: bool): v128 {
  if (doubles) return both ? v128.load(address) : v128.load64_zero(address);
  return f64x2.convert_low_i32x4_s(both ? v128.load64_zero(address) : v128.load32_zero(address));
}

// @ts-ignore: decorator
@inline
function store2(address: usize, words: v128, doubles: bool, both: bool): void {
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

/** Computes a requantize instruction, and counts the overflows of its stages. */
export function requantize(address: usize): void {
  const task = changetype<Requantization>(address);
  const before = changetype<Stage>(task.before as usize);
  const added = changetype<Stage>(task.added as usize);
  const written = changetype<Stage>(task.written as usize);
  const hasBefore = task.before != 0;
  const hasAdded = task.added != 0;
  const activation = task.activation;
  const zero = f64x2.splat(0);
  const valueScale = f64x2.splat(task.valueScale);
  const activationScale = f64x2.splat(task.activationScale);
  const bound = f64x2.splat(task.bound);
  const sumsAreDoubles = task.sumsAreDoubles != 0;
  const outputsAreDoubles = task.outputsAreDoubles != 0;
  const sumShift = sumsAreDoubles ? 3 : 2;
  const outputShift = outputsAreDoubles ? 3 : 2;
  let beforeCount = i64x2.splat(0);
  let addedCount = i64x2.splat(0);
  let writtenCount = i64x2.splat(0);
  for (let pixel = 0; pixel < task.pixels; pixel++) {
    const sums = task.sums + pixel * task.sumPitch;
    const outputs = task.outputs + pixel * task.outputPitch;
    for (let filter = 0; filter < task.filters; filter += 2) {
      const both = filter + 1 < task.filters;
      let value = load2((sums + (filter << sumShift)) as usize, sumsAreDoubles, both);
      if (hasBefore) {
        const word = rounded(before, value);
        value = fitted(before, word);
        beforeCount = differing(beforeCount, value, word);
      }
      if (hasAdded) {
        const bias = v128.load((task.biases + (filter << 3)) as usize);
        const word = rounded(added, f64x2.add(f64x2.mul(value, valueScale), bias));
        value = fitted(added, word);
        addedCount = differing(addedCount, value, word);
      }
      if (activation != 0) {
        value = f64x2.pmax(f64x2.mul(value, activationScale), zero);
        if (activation == 2) value = f64x2.pmin(value, bound);
      }
      const word = rounded(written, value);
      const fit = fitted(written, word);
      writtenCount = differing(writtenCount, fit, word);
      store2((outputs + (filter << outputShift)) as usize, fit, outputsAreDoubles, both);
    }
  }
  if (hasBefore) before.overflows = total(beforeCount);
  if (hasAdded) added.overflows = total(addedCount);
  written.overflows = total(writtenCount);
}

/** A quantization of 32-bit integers: fields in this order. `wrapShift`: 32 − W where it wraps, else −1. */
@unmanaged
class IntegerStage {
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
function roundedInteger(stage: IntegerStage, value: v128): v128 {
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
function fittedInteger(stage: IntegerStage, word: v128): v128 {
  const shift = stage.wrapShift;
  if (shift >= 0) return i32x4.shr_s(i32x4.shl(word, shift), shift);
  return i32x4.min_s(i32x4.max_s(word, i32x4.splat(stage.min)), i32x4.splat(stage.max));
}

// @ts-ignore: decorator
@inline
function totalOf(count: v128): i32 {
  return (
    i32x4.extract_lane(count, 0) +
    i32x4.extract_lane(count, 1) +
    i32x4.extract_lane(count, 2) +
    i32x4.extract_lane(count, 3)
  );
}

/**
 * The same where sums, outputs and all values of the chain are 32-bit integers: four side by side. Scales are shifts, the
 * bound is an integer; biases lie aligned as 32-bit words, filled up to a multiple of four with 0.
 */
// @ts-ignore: decorator
@inline
function requantizeRows(task: Requantization, hasBefore: bool, hasAdded: bool): void {
  const before = changetype<IntegerStage>(task.before as usize);
  const added = changetype<IntegerStage>(task.added as usize);
  const written = changetype<IntegerStage>(task.written as usize);
  const valueShift = <i32>task.valueScale;
  const activationShift = <i32>task.activationScale;
  const activation = task.activation;
  const bound = i32x4.splat(<i32>task.bound);
  const zero = i32x4.splat(0);
  const filters = task.filters;
  let beforeCount = zero;
  let addedCount = zero;
  let writtenCount = zero;
  for (let pixel = 0; pixel < task.pixels; pixel++) {
    let sums = (task.sums + pixel * task.sumPitch) as usize;
    let output = (task.outputs + pixel * task.outputPitch) as usize;
    let bias = task.biases as usize;
    for (let filter = 0; filter < filters; filter += 4) {
      const present = min(4, filters - filter);
      const mask = i32x4.gt_s(i32x4.splat(present), i32x4(0, 1, 2, 3));
      let value = v128.load(sums);
      if (hasBefore) {
        const word = roundedInteger(before, value);
        value = fittedInteger(before, word);
        beforeCount = i32x4.sub(beforeCount, v128.and(mask, i32x4.ne(value, word)));
      }
      if (hasAdded) {
        const word = roundedInteger(added, i32x4.add(i32x4.shl(value, valueShift), v128.load(bias)));
        value = fittedInteger(added, word);
        addedCount = i32x4.sub(addedCount, v128.and(mask, i32x4.ne(value, word)));
      }
      if (activation != 0) {
        value = i32x4.max_s(i32x4.shl(value, activationShift), zero);
        if (activation == 2) value = i32x4.min_s(value, bound);
      }
      const word = roundedInteger(written, value);
      const fit = fittedInteger(written, word);
      writtenCount = i32x4.sub(writtenCount, v128.and(mask, i32x4.ne(fit, word)));
      if (present == 4) v128.store(output, fit);
      else storeFirst(output, fit, present << 2);
      sums += 16;
      output += 16;
      bias += 16;
    }
  }
  if (hasBefore) before.overflows = totalOf(beforeCount);
  if (hasAdded) added.overflows = totalOf(addedCount);
  written.overflows = totalOf(writtenCount);
}

/** Computes a requantize instruction in 32-bit integers, and counts the overflows of its stages. */
export function requantizeIntegers(address: usize): void {
  const task = changetype<Requantization>(address);
  if (task.before != 0) requantizeRows(task, true, task.added != 0);
  else if (task.added != 0) requantizeRows(task, false, true);
  else requantizeRows(task, false, false);
}

/** A maximum pooling; addresses and offsets in bytes. */
@unmanaged
class Maximum {
  outputs: i32;
  channels: i32;
  doubles: i32;
  /** Of each output: one past the last of its windows' offsets. */
  ends: i32;
  offsets: i32;
  input: i32;
  output: i32;
}

/** The largest word of each window, channel by channel. */
export function maximum(address: usize): void {
  const task = changetype<Maximum>(address);
  const bytes = task.channels << (task.doubles ? 3 : 2);
  let output = task.output as usize;
  let table = task.offsets;
  for (let index = 0; index < task.outputs; index++) {
    const end = task.offsets + (load<i32>((task.ends + (index << 2)) as usize) << 2);
    for (let channel = 0; channel < bytes; channel += 16) {
      let largest = v128.load((task.input + load<i32>(table as usize) + channel) as usize);
      for (let entry = table + 4; entry < end; entry += 4) {
        const words = v128.load((task.input + load<i32>(entry as usize) + channel) as usize);
        largest = task.doubles ? f64x2.pmax(largest, words) : i32x4.max_s(largest, words);
      }
      if (channel + 16 <= bytes) v128.store(output + channel, largest);
      else storeFirst(output + channel, largest, bytes - channel);
    }
    output += bytes;
    table = end;
  }
}

/** The first `bytes` bytes of a vector: 4, 8 or 12. */
function storeFirst(address: usize, words: v128, bytes: i32): void {
  store<i32>(address, i32x4.extract_lane(words, 0));
  if (bytes > 4) store<i32>(address, i32x4.extract_lane(words, 1), 4);
  if (bytes > 8) store<i32>(address, i32x4.extract_lane(words, 2), 8);
}
