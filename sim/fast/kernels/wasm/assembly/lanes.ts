/** Requantization and pooling on whole blocks; stages.ts says what holds their values. */
import {
  differing,
  fitted,
  fittedInteger,
  IntegerStage,
  load2,
  rounded,
  roundedInteger,
  Stage,
  store2,
  storeFirst,
  total,
  totalOf,
} from "./stages";

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
  /** Power of two that aligns the value with the bias, and with the ends of clip; and these, the lower one 0 for relu. */
  valueScale: f64;
  activationScale: f64;
  lowest: f64;
  highest: f64;
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
  const valueScale = f64x2.splat(task.valueScale);
  const activationScale = f64x2.splat(task.activationScale);
  const lowest = f64x2.splat(task.lowest);
  const highest = f64x2.splat(task.highest);
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
        value = f64x2.pmax(f64x2.mul(value, activationScale), lowest);
        if (activation == 2) value = f64x2.pmin(value, highest);
      }
      const word = rounded(written, value);
      const fit = fitted(written, word);
      // An absent second filter is 0, and clip may make another value of it.
      const differs = differing(i64x2.splat(0), fit, word);
      writtenCount = i64x2.add(writtenCount, both ? differs : v128.and(differs, i64x2(-1, 0)));
      store2((outputs + (filter << outputShift)) as usize, fit, outputsAreDoubles, both);
    }
  }
  if (hasBefore) before.overflows = total(beforeCount);
  if (hasAdded) added.overflows = total(addedCount);
  written.overflows = total(writtenCount);
}

/**
 * The same where sums, outputs and all values of the chain are 32-bit integers: four side by side. Scales are shifts, the
 * ends are integers; biases lie aligned as 32-bit words, filled up to a multiple of four with 0.
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
  const lowest = i32x4.splat(<i32>task.lowest);
  const highest = i32x4.splat(<i32>task.highest);
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
        value = i32x4.max_s(i32x4.shl(value, activationShift), lowest);
        if (activation == 2) value = i32x4.min_s(value, highest);
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
