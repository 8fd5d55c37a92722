/** Vector instructions on whole blocks; stages.ts says what holds their values. */
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

/** As in ../lane-kernels.ts; `COPY` reads operand a alone. */
const COPY: i32 = 0;
const ADD: i32 = 1;
const SUBTRACT: i32 = 2;
const MULTIPLY: i32 = 3;
const MAXIMUM: i32 = 4;
const MINIMUM: i32 = 5;

/** A vector instruction, as the TypeScript side writes it. Addresses are in bytes. */
@unmanaged
class ElementWise {
  elements: i32;
  operation: i32;
  a: i32;
  b: i32;
  outputs: i32;
  /** 1: words are doubles, else 32-bit integers. */
  aIsDoubles: i32;
  bIsDoubles: i32;
  outputsAreDoubles: i32;
  written: i32;
  /** 0 none, 1 relu, 2 clip. */
  activation: i32;
  /**
   * Powers of two that align the operands, and the value with the ends of clip; or their logarithms. And these, the lower one 0
   * for relu.
   */
  scaleA: f64;
  scaleB: f64;
  activationScale: f64;
  lowest: f64;
  highest: f64;
}

// @ts-ignore: decorator
@inline
function computed(operation: i32, a: v128, b: v128): v128 {
  if (operation == ADD) return f64x2.add(a, b);
  if (operation == SUBTRACT) return f64x2.sub(a, b);
  if (operation == MULTIPLY) return f64x2.mul(a, b);
  if (operation == MAXIMUM) return f64x2.pmax(a, b);
  if (operation == MINIMUM) return f64x2.pmin(a, b);
  return a;
}

// @ts-ignore: decorator
@inline
function computedInteger(operation: i32, a: v128, b: v128): v128 {
  if (operation == ADD) return i32x4.add(a, b);
  if (operation == SUBTRACT) return i32x4.sub(a, b);
  if (operation == MULTIPLY) return i32x4.mul(a, b);
  if (operation == MAXIMUM) return i32x4.max_s(a, b);
  if (operation == MINIMUM) return i32x4.min_s(a, b);
  return a;
}

// @ts-ignore: decorator
@inline
function inDoubles(task: ElementWise, operation: i32): void {
  const written = changetype<Stage>(task.written as usize);
  const activation = task.activation;
  const scaleA = f64x2.splat(task.scaleA);
  const scaleB = f64x2.splat(task.scaleB);
  const activationScale = f64x2.splat(task.activationScale);
  const lowest = f64x2.splat(task.lowest);
  const highest = f64x2.splat(task.highest);
  const aIsDoubles = task.aIsDoubles != 0;
  const bIsDoubles = task.bIsDoubles != 0;
  const outputsAreDoubles = task.outputsAreDoubles != 0;
  const shiftA = aIsDoubles ? 3 : 2;
  const shiftB = bIsDoubles ? 3 : 2;
  const outputShift = outputsAreDoubles ? 3 : 2;
  let count = i64x2.splat(0);
  for (let element = 0; element < task.elements; element += 2) {
    const both = element + 1 < task.elements;
    const a = f64x2.mul(load2((task.a + (element << shiftA)) as usize, aIsDoubles, both), scaleA);
    const b = f64x2.mul(load2((task.b + (element << shiftB)) as usize, bIsDoubles, both), scaleB);
    let value = computed(operation, a, b);
    if (activation != 0) {
      value = f64x2.pmax(f64x2.mul(value, activationScale), lowest);
      if (activation == 2) value = f64x2.pmin(value, highest);
    }
    const word = rounded(written, value);
    const fit = fitted(written, word);
    const differs = differing(i64x2.splat(0), fit, word);
    count = i64x2.add(count, both ? differs : v128.and(differs, i64x2(-1, 0)));
    store2((task.outputs + (element << outputShift)) as usize, fit, outputsAreDoubles, both);
  }
  written.overflows = total(count);
}

// @ts-ignore: decorator
@inline
function inIntegers(task: ElementWise, operation: i32): void {
  const written = changetype<IntegerStage>(task.written as usize);
  const activation = task.activation;
  const zero = i32x4.splat(0);
  const shiftA = <i32>task.scaleA;
  const shiftB = <i32>task.scaleB;
  const activationShift = <i32>task.activationScale;
  const lowest = i32x4.splat(<i32>task.lowest);
  const highest = i32x4.splat(<i32>task.highest);
  let count = zero;
  for (let element = 0; element < task.elements; element += 4) {
    const offset = (element << 2) as usize;
    const present = min(4, task.elements - element);
    const a = i32x4.shl(v128.load(task.a + offset), shiftA);
    const b = i32x4.shl(v128.load(task.b + offset), shiftB);
    let value = computedInteger(operation, a, b);
    if (activation != 0) {
      value = i32x4.max_s(i32x4.shl(value, activationShift), lowest);
      if (activation == 2) value = i32x4.min_s(value, highest);
    }
    const word = roundedInteger(written, value);
    const fit = fittedInteger(written, word);
    const differs = i32x4.ne(fit, word);
    if (present == 4) {
      count = i32x4.sub(count, differs);
      v128.store(task.outputs + offset, fit);
    } else {
      count = i32x4.sub(count, v128.and(differs, i32x4.gt_s(i32x4.splat(present), i32x4(0, 1, 2, 3))));
      storeFirst(task.outputs + offset, fit, present << 2);
    }
  }
  written.overflows = totalOf(count);
}

/** Computes a vector instruction, and counts the overflows of its output. */
export function elementWise(address: usize): void {
  const task = changetype<ElementWise>(address);
  const operation = task.operation;
  if (operation == ADD) inDoubles(task, ADD);
  else if (operation == SUBTRACT) inDoubles(task, SUBTRACT);
  else if (operation == MULTIPLY) inDoubles(task, MULTIPLY);
  else if (operation == MAXIMUM) inDoubles(task, MAXIMUM);
  else if (operation == MINIMUM) inDoubles(task, MINIMUM);
  else inDoubles(task, COPY);
}

/** The same where all words and all values of the chain are 32-bit integers. Scales are shifts, the ends integers. */
export function elementWiseIntegers(address: usize): void {
  const task = changetype<ElementWise>(address);
  const operation = task.operation;
  if (operation == ADD) inIntegers(task, ADD);
  else if (operation == SUBTRACT) inIntegers(task, SUBTRACT);
  else if (operation == MULTIPLY) inIntegers(task, MULTIPLY);
  else if (operation == MAXIMUM) inIntegers(task, MAXIMUM);
  else if (operation == MINIMUM) inIntegers(task, MINIMUM);
  else inIntegers(task, COPY);
}
