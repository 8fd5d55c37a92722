/**
 * Requantization and pooling on whole blocks. Integers in doubles, two side by side, as in float64.ts: the caller has
 * proved that every value of the chain, and what rounding adds to it, stays below 2^53.
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
