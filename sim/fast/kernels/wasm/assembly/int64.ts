/**
 * Integers of 64 bits, one by one: everything that fits no narrower lane. A product has up to 128 bits; where the tile's
 * largest |x| and the panel's largest |w| show that |x·w| + 2^s < 2^62, one multiplication of 64 bits is exact.
 *
 * A block is proved by growth as in int16.ts (bounds in doubles, with a margin for their rounding), or every word is fitted
 * and counted. k ascends.
 */
import { growth64, STEP_BYTES, Tile64, WORDS_FLOAT64, WORDS_INT32 } from "./tile64";
import { PANEL, RUN_END } from "./tile";

/** Replaced by the bits that a product drops when the module is set up (../modules.ts). */
const DROPPED: i64 = 59;

/** Whether the bias depends on the product's sign or lowest kept bit. */
const CONSTANT_BIAS = false;
const VARIABLE_BIAS = true;

/** Integers at `registers`, in this order; a wrapping register has 64 − W as its shift, others −1. */
const PRODUCT_MIN = 0;
const PRODUCT_MAX = 8;
const RUN_MIN = 16;
const RUN_MAX = 24;
const SUM_MIN = 32;
const SUM_MAX = 40;
const BASE = 48;
const NEGATIVE = 56;
const ODD = 64;
const PRODUCT_SHIFT = 72;
const RUN_SHIFT = 80;
const SUM_SHIFT = 88;

/** Sums of a block of two pixels, and where their input words begin. */
const SUMS: usize = memory.data(2 * 64, 16);
const ADDRESSES: usize = memory.data(2 * 4, 16);

/** Converts the input words to 64 bits at `target`, and notes the largest |x|. */
export function expand(address: usize, target: usize): void {
  const tile = changetype<Tile64>(address);
  let least: i64 = 0;
  let most: i64 = 0;
  let source = tile.source as usize;
  for (let index = 0; index < tile.words; index++) {
    let word: i64;
    if (tile.sourceKind == WORDS_INT32) {
      word = load<i32>(source) as i64;
      source += 4;
    } else {
      word = tile.sourceKind == WORDS_FLOAT64 ? <i64>load<f64>(source) : load<i64>(source);
      source += 8;
    }
    least = min(least, word);
    most = max(most, word);
    store<i64>(target, word);
    target += 8;
  }
  tile.largestInput = max(-<f64>least, <f64>most);
}

/** A rounded product of less than 62 bits. */
// @ts-ignore: decorator
@inline
function rounded(x: i64, w: i64, base: i64, negative: i64, odd: i64, variable: bool): i64 {
  const exact = x * w;
  if (!variable) return (exact + base) >> DROPPED;
  return (exact + base + ((exact >> 63) & negative) + (-((exact >> DROPPED) & 1) & odd)) >> DROPPED;
}

/** A proved block of two pixels. */
// @ts-ignore: decorator
@inline
function twoPixels(tile: Tile64, table: i32, end: i32, weights: usize, variable: bool): void {
  const registers = tile.registers as usize;
  const base = load<i64>(registers, BASE);
  const negative = load<i64>(registers, NEGATIVE);
  const odd = load<i64>(registers, ODD);
  const p0 = load<usize>(ADDRESSES);
  const p1 = load<usize>(ADDRESSES, 4);
  for (let filter = 0; filter < 64; filter += 16) {
    const sums = SUMS + filter;
    let a0 = load<i64>(sums);
    let a1 = load<i64>(sums, 8);
    let b0 = load<i64>(sums, 64);
    let b1 = load<i64>(sums, 72);
    let panel = weights + filter;
    for (let entry = table; entry < end; entry += 4) {
      const step = load<i32>(entry as usize) << 3;
      const x = load<i64>(p0 + step);
      const y = load<i64>(p1 + step);
      const v = load<i64>(panel);
      const w = load<i64>(panel, 8);
      a0 += rounded(x, v, base, negative, odd, variable);
      a1 += rounded(x, w, base, negative, odd, variable);
      b0 += rounded(y, v, base, negative, odd, variable);
      b1 += rounded(y, w, base, negative, odd, variable);
      panel += STEP_BYTES;
    }
    store<i64>(sums, a0);
    store<i64>(sums, a1, 8);
    store<i64>(sums, b0, 64);
    store<i64>(sums, b1, 72);
  }
}

/** An integer in a register's range. */
// @ts-ignore: decorator
@inline
function fit(word: i64, least: i64, most: i64, shift: i64): i64 {
  if (shift >= 0) return (word << shift) >> shift;
  return word < least ? least : word > most ? most : word;
}

/** a + b fitted; one more overflow is counted in the tile where it is not a + b. */
// @ts-ignore: decorator
@inline
function addFitted(tile: Tile64, a: i64, b: i64, least: i64, most: i64, shift: i64): i64 {
  const sum = a + b;
  const carries = ((a ^ sum) & (b ^ sum)) < 0;
  const near = carries && shift < 0 ? (a < 0 ? i64.MIN_VALUE : i64.MAX_VALUE) : sum;
  const word = fit(near, least, most, shift);
  if (carries || word != sum) tile.sumOverflows += 1;
  return word;
}

/** High half of a product of 128 bits, by four products of 32-bit halves (Warren, Hacker's Delight, 8-2). */
// @ts-ignore: decorator
@inline
function highProduct(x: i64, w: i64): i64 {
  const xLow = x & 0xffffffff;
  const wLow = w & 0xffffffff;
  const xHigh = x >> 32;
  const wHigh = w >> 32;
  const low = <i64>((<u64>(xLow * wLow)) >> 32);
  const cross = xHigh * wLow + low;
  const other = xLow * wHigh + (cross & 0xffffffff);
  return xHigh * wHigh + (cross >> 32) + (other >> 32);
}

/** The bias of a product of 128 bits. */
// @ts-ignore: decorator
@inline
function wideBias(low: i64, high: i64, base: i64, negative: i64, odd: i64): i64 {
  return base + ((high >> 63) & negative) + (-((low >> DROPPED) & 1) & odd);
}

/** Low 64 bits of (high · 2^64 + low) · 2^−s; `up` is 64 − s. */
// @ts-ignore: decorator
@inline
function droppedLow(low: i64, high: i64, up: i64): i64 {
  return up == 64 ? low : <i64>((<u64>low) >> (64 - up)) | (high << up);
}

/** A block of one pixel, every word fitted and every overflow counted. `narrow`: products have less than 62 bits. */
function fitted(tile: Tile64, pixel: i32, table: i32, end: i32, weights: usize, narrow: bool): void {
  const registers = tile.registers as usize;
  const leastProduct = load<i64>(registers, PRODUCT_MIN);
  const mostProduct = load<i64>(registers, PRODUCT_MAX);
  const productShift = load<i64>(registers, PRODUCT_SHIFT);
  const least = load<i64>(registers, RUN_MIN);
  const most = load<i64>(registers, RUN_MAX);
  const shift = load<i64>(registers, RUN_SHIFT);
  const base = load<i64>(registers, BASE);
  const negative = load<i64>(registers, NEGATIVE);
  const odd = load<i64>(registers, ODD);
  const up: i64 = 64 - tile.droppedBits;
  const place = load<usize>(ADDRESSES + (pixel << 2));
  let overflows = 0;
  for (let filter = 0; filter < 64; filter += 8) {
    const sums = SUMS + (pixel << 6) + filter;
    let sum = load<i64>(sums);
    let panel = weights + filter;
    for (let entry = table; entry < end; entry += 4) {
      const x = load<i64>(place + (load<i32>(entry as usize) << 3));
      const w = load<i64>(panel);
      let exact: i64;
      let beyond = false;
      let near: i64;
      if (narrow) {
        exact = rounded(x, w, base, negative, odd, VARIABLE_BIAS);
        near = exact;
      } else {
        const exactLow = x * w;
        const exactHigh = highProduct(x, w);
        const low = exactLow + wideBias(exactLow, exactHigh, base, negative, odd);
        const high = exactHigh + (<u64>low < <u64>exactLow ? 1 : 0);
        exact = droppedLow(low, high, up);
        beyond = high >> (64 - up) != exact >> 63;
        near = beyond && productShift < 0 ? (high < 0 ? i64.MIN_VALUE : i64.MAX_VALUE) : exact;
      }
      const word = fit(near, leastProduct, mostProduct, productShift);
      if (beyond || word != exact) overflows += 1;
      sum = addFitted(tile, sum, word, least, most, shift);
      panel += STEP_BYTES;
    }
    store<i64>(sums, sum);
  }
  tile.productOverflows += overflows;
}

/** A proved block of one pixel with products of up to 128 bits. */
function provedWide(tile: Tile64, pixel: i32, table: i32, end: i32, weights: usize): void {
  const registers = tile.registers as usize;
  const base = load<i64>(registers, BASE);
  const negative = load<i64>(registers, NEGATIVE);
  const odd = load<i64>(registers, ODD);
  const up: i64 = 64 - tile.droppedBits;
  const place = load<usize>(ADDRESSES + (pixel << 2));
  for (let filter = 0; filter < 64; filter += 8) {
    const sums = SUMS + (pixel << 6) + filter;
    let sum = load<i64>(sums);
    let panel = weights + filter;
    for (let entry = table; entry < end; entry += 4) {
      const x = load<i64>(place + (load<i32>(entry as usize) << 3));
      const w = load<i64>(panel);
      const exactLow = x * w;
      const exactHigh = highProduct(x, w);
      const low = exactLow + wideBias(exactLow, exactHigh, base, negative, odd);
      sum += droppedLow(low, exactHigh + (<u64>low < <u64>exactLow ? 1 : 0), up);
      panel += STEP_BYTES;
    }
    store<i64>(sums, sum);
  }
}

/** Whether every sum of the pixels lies within ±limit. */
function within(pixels: i32, limit: f64): bool {
  for (let place = 0; place < pixels << 6; place += 8) {
    if (abs(<f64>load<i64>(SUMS + place)) > limit) return false;
  }
  return true;
}

function loadSum(tile: Tile64, address: usize, filter: i32): i64 {
  if (tile.sumKind == WORDS_INT32) return load<i32>(address + (filter << 2)) as i64;
  if (tile.sumKind == WORDS_FLOAT64) return <i64>load<f64>(address + (filter << 3));
  return load<i64>(address + (filter << 3));
}

function storeSum(tile: Tile64, address: usize, filter: i32, sum: i64): void {
  if (tile.sumKind == WORDS_INT32) store<i32>(address + (filter << 2), <i32>sum);
  else if (tile.sumKind == WORDS_FLOAT64) store<f64>(address + (filter << 3), <f64>sum);
  else store<i64>(address + (filter << 3), sum);
}

function startRun(tile: Tile64, pixels: i32, sums: usize, present: i32, fromBank: bool): void {
  memory.fill(SUMS, 0, pixels << 6);
  if (!fromBank) return;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let filter = 0; filter < present; filter++) {
      store<i64>(SUMS + (pixel << 6) + (filter << 3), loadSum(tile, sums + pixel * tile.sumPitch, filter));
    }
  }
}

function endRun(tile: Tile64, pixels: i32, sums: usize, present: i32, opensSum: bool): void {
  const registers = tile.registers as usize;
  const least = load<i64>(registers, SUM_MIN);
  const most = load<i64>(registers, SUM_MAX);
  const shift = load<i64>(registers, SUM_SHIFT);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const row = sums + pixel * tile.sumPitch;
    for (let filter = 0; filter < present; filter++) {
      let sum = load<i64>(SUMS + (pixel << 6) + (filter << 3));
      if (!tile.carries) sum = addFitted(tile, opensSum ? 0 : loadSum(tile, row, filter), sum, least, most, shift);
      storeSum(tile, row, filter, sum);
    }
  }
}

// @ts-ignore: decorator
@inline
function computeTile(tile: Tile64, variable: bool): void {
  tile.productOverflows = 0;
  tile.sumOverflows = 0;
  const registers = tile.registers as usize;
  const mostProduct = min(<f64>load<i64>(registers, PRODUCT_MAX), -<f64>load<i64>(registers, PRODUCT_MIN));
  const mostSum = min(<f64>load<i64>(registers, RUN_MAX), -<f64>load<i64>(registers, RUN_MIN));
  // Sums and ends are doubles in comparisons: a limit is kept clear of what those lose.
  const limit = mostSum - mostSum / 1073741824.0;
  const unit = <f64>(<u64>1 << tile.droppedBits);
  const blocksEnd = tile.blocks + (tile.blockCount << 2);
  let panelWeights = tile.weights as usize;
  let panelBounds = tile.blockWeights as usize;
  for (let filter = 0, panel = 0; filter < tile.filters; filter += PANEL, panel++) {
    const present = min(PANEL, tile.filters - filter);
    const largest = growth64(tile, load<f64>((tile.largestWeights + (panel << 3)) as usize), 1);
    const fits = largest <= mostProduct - mostProduct / 1073741824.0;
    const narrow = largest * unit < 4611686018427387904.0 - 2 * unit;
    for (let first = 0; first < tile.pixels; first += 2) {
      const pixels = min(2, tile.pixels - first);
      const filterBytes = tile.sumKind == WORDS_INT32 ? filter << 2 : filter << 3;
      const sums = (tile.sums + first * tile.sumPitch + filterBytes) as usize;
      for (let pixel = 0; pixel < pixels; pixel++) {
        const offset = load<i32>((tile.pixelOffsets + ((first + pixel) << 2)) as usize);
        store<usize>(ADDRESSES + (pixel << 2), tile.input + (offset << 3));
      }
      if (pixels == 1) store<usize>(ADDRESSES, load<usize>(ADDRESSES), 4);
      let weights = panelWeights;
      let bounds = panelBounds;
      let table = tile.stepOffsets;
      let opensSum = !tile.accumulate;
      startRun(tile, pixels, sums, present, tile.carries && !opensSum);
      for (let blocks = tile.blocks; blocks < blocksEnd; blocks += 4) {
        const entry = load<i32>(blocks as usize);
        const steps = entry & (RUN_END - 1);
        const end = table + (steps << 2);
        const proved = fits && within(pixels, limit - growth64(tile, load<f64>(bounds), steps));
        if (proved && narrow) twoPixels(tile, table, end, weights, variable);
        else {
          for (let pixel = 0; pixel < pixels; pixel++) {
            if (proved) provedWide(tile, pixel, table, end, weights);
            else fitted(tile, pixel, table, end, weights, narrow);
          }
        }
        weights += steps * STEP_BYTES;
        bounds += 8;
        table = end;
        if (entry & RUN_END) {
          endRun(tile, pixels, sums, present, opensSum);
          opensSum = false;
          startRun(tile, pixels, sums, present, false);
        }
      }
    }
    panelWeights += tile.steps * STEP_BYTES;
    panelBounds += tile.blockCount << 3;
  }
}

/** Computes a tile whose products have one bias. */
export function tileByConstant(address: usize): void {
  computeTile(changetype<Tile64>(address), CONSTANT_BIAS);
}

/** Computes a tile whose products' bias depends on sign or lowest kept bit. */
export function tileByProduct(address: usize): void {
  computeTile(changetype<Tile64>(address), VARIABLE_BIAS);
}
