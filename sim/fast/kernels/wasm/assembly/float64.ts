/**
 * Integers in doubles, two side by side: products of at most 53 bits. With s the dropped bits the weights carry the factor
 * 2^−s, so that a product p' = x · w · 2^−s and p' + c, c a multiple of 2^−s below 1, are exact where |x·w| + 2^s ≤ 2^52; the
 * processor's own rounding to an integer is then the mode's. Sums a + q ≤ 2^52 are exact.
 *
 * A block is proved by growth as in int16.ts, or every word is fitted and counted; filters lie side by side, k ascends.
 */
import { growth64, STEP_BYTES, Tile64, WORDS_FLOAT64, WORDS_INT32 } from "./tile64";
import { PANEL, RUN_END } from "./tile";

/** How a product becomes an integer: ⌊p' + c⌋, p' + c with c's sign from p' cut to its integer part, or to nearest even. */
const FLOOR = 0;
const TRUNCATE = 1;
const EVEN = 2;

/** Doubles at `registers`, in this order; a modulus of 0 saturates. */
const PRODUCT_MIN = 0;
const PRODUCT_MAX = 8;
const RUN_MIN = 16;
const RUN_MAX = 24;
const SUM_MIN = 32;
const SUM_MAX = 40;
const BIAS = 48;
const PRODUCT_MODULUS = 56;
const RUN_MODULUS = 64;
const SUM_MODULUS = 72;

/** Sums of a block of two pixels, and where their input words begin. */
const SUMS: usize = memory.data(2 * 64, 16);
const ADDRESSES: usize = memory.data(2 * 4, 16);

/** Converts the input words to doubles at `target`, and notes the largest |x|. May read and write one vector more. */
export function expand(address: usize, target: usize): void {
  const tile = changetype<Tile64>(address);
  let largest = f64x2.splat(0);
  let source = tile.source as usize;
  for (let word = 0; word < tile.words; word += 2) {
    let values: v128;
    if (tile.sourceKind == WORDS_INT32) {
      values = f64x2.convert_low_i32x4_s(v128.load64_zero(source));
      source += 8;
    } else {
      values = v128.load(source);
      source += 16;
    }
    if (word + 1 == tile.words) values = f64x2.replace_lane(values, 1, 0);
    largest = f64x2.pmax(largest, f64x2.abs(values));
    v128.store(target, values);
    target += 16;
  }
  tile.largestInput = max(f64x2.extract_lane(largest, 0), f64x2.extract_lane(largest, 1));
}

/** Two rounded products. */
// @ts-ignore: decorator
@inline
function rounded(x: v128, weights: v128, bias: v128, kind: i32): v128 {
  const exact = f64x2.mul(x, weights);
  if (kind == FLOOR) return f64x2.floor(f64x2.add(exact, bias));
  if (kind == EVEN) return f64x2.nearest(exact);
  const sign = v128.and(exact, i64x2.splat(0x8000000000000000));
  return f64x2.trunc(f64x2.add(exact, v128.or(bias, sign)));
}

/** A proved block of two pixels. */
// @ts-ignore: decorator
@inline
function twoPixels(table: i32, end: i32, weights: usize, bias: v128, kind: i32): void {
  const p0 = load<usize>(ADDRESSES);
  const p1 = load<usize>(ADDRESSES, 4);
  let a0 = v128.load(SUMS);
  let a1 = v128.load(SUMS, 16);
  let a2 = v128.load(SUMS, 32);
  let a3 = v128.load(SUMS, 48);
  let b0 = v128.load(SUMS, 64);
  let b1 = v128.load(SUMS, 80);
  let b2 = v128.load(SUMS, 96);
  let b3 = v128.load(SUMS, 112);
  for (; table < end; table += 4) {
    const step = load<i32>(table as usize) << 3;
    const x = v128.load64_splat(p0 + step);
    const y = v128.load64_splat(p1 + step);
    const w0 = v128.load(weights);
    a0 = f64x2.add(a0, rounded(x, w0, bias, kind));
    b0 = f64x2.add(b0, rounded(y, w0, bias, kind));
    const w1 = v128.load(weights, 16);
    a1 = f64x2.add(a1, rounded(x, w1, bias, kind));
    b1 = f64x2.add(b1, rounded(y, w1, bias, kind));
    const w2 = v128.load(weights, 32);
    a2 = f64x2.add(a2, rounded(x, w2, bias, kind));
    b2 = f64x2.add(b2, rounded(y, w2, bias, kind));
    const w3 = v128.load(weights, 48);
    a3 = f64x2.add(a3, rounded(x, w3, bias, kind));
    b3 = f64x2.add(b3, rounded(y, w3, bias, kind));
    weights += STEP_BYTES;
  }
  v128.store(SUMS, a0);
  v128.store(SUMS, a1, 16);
  v128.store(SUMS, a2, 32);
  v128.store(SUMS, a3, 48);
  v128.store(SUMS, b0, 64);
  v128.store(SUMS, b1, 80);
  v128.store(SUMS, b2, 96);
  v128.store(SUMS, b3, 112);
}

/** Integers fitted into a range: saturated, or modulo a power of two. */
// @ts-ignore: decorator
@inline
function fit(words: v128, least: v128, most: v128, modulus: f64): v128 {
  if (modulus == 0) return f64x2.pmin(f64x2.pmax(words, least), most);
  const turns = f64x2.floor(f64x2.mul(f64x2.sub(words, least), f64x2.splat(1 / modulus)));
  return f64x2.sub(words, f64x2.mul(turns, f64x2.splat(modulus)));
}

/**
 * A block of one pixel, every sum fitted and every overflow counted; products too where `check`. Eight filters at once: the
 * fits of one sum wait for each other.
 */
// @ts-ignore: decorator
@inline
function fitted(
  tile: Tile64,
  pixel: i32,
  table: i32,
  end: i32,
  panel: usize,
  bias: v128,
  check: bool,
  kind: i32,
): void {
  const registers = tile.registers as usize;
  const leastProduct = v128.load64_splat(registers, PRODUCT_MIN);
  const mostProduct = v128.load64_splat(registers, PRODUCT_MAX);
  const least = v128.load64_splat(registers, RUN_MIN);
  const most = v128.load64_splat(registers, RUN_MAX);
  const productModulus = load<f64>(registers, PRODUCT_MODULUS);
  const modulus = load<f64>(registers, RUN_MODULUS);
  const place = load<usize>(ADDRESSES + (pixel << 2));
  const sums = SUMS + (pixel << 6);
  let productCount = i64x2.splat(0);
  let sumCount = i64x2.splat(0);
  let a = v128.load(sums);
  let b = v128.load(sums, 16);
  let c = v128.load(sums, 32);
  let d = v128.load(sums, 48);
  for (; table < end; table += 4) {
    const x = v128.load64_splat(place + (load<i32>(table as usize) << 3));
    const p0 = rounded(x, v128.load(panel), bias, kind);
    let q0 = p0;
    if (check) {
      q0 = fit(p0, leastProduct, mostProduct, productModulus);
      productCount = i64x2.sub(productCount, f64x2.ne(p0, q0));
    }
    const s0 = f64x2.add(a, q0);
    a = fit(s0, least, most, modulus);
    sumCount = i64x2.sub(sumCount, f64x2.ne(a, s0));
    const p1 = rounded(x, v128.load(panel, 16), bias, kind);
    let q1 = p1;
    if (check) {
      q1 = fit(p1, leastProduct, mostProduct, productModulus);
      productCount = i64x2.sub(productCount, f64x2.ne(p1, q1));
    }
    const s1 = f64x2.add(b, q1);
    b = fit(s1, least, most, modulus);
    sumCount = i64x2.sub(sumCount, f64x2.ne(b, s1));
    const p2 = rounded(x, v128.load(panel, 32), bias, kind);
    let q2 = p2;
    if (check) {
      q2 = fit(p2, leastProduct, mostProduct, productModulus);
      productCount = i64x2.sub(productCount, f64x2.ne(p2, q2));
    }
    const s2 = f64x2.add(c, q2);
    c = fit(s2, least, most, modulus);
    sumCount = i64x2.sub(sumCount, f64x2.ne(c, s2));
    const p3 = rounded(x, v128.load(panel, 48), bias, kind);
    let q3 = p3;
    if (check) {
      q3 = fit(p3, leastProduct, mostProduct, productModulus);
      productCount = i64x2.sub(productCount, f64x2.ne(p3, q3));
    }
    const s3 = f64x2.add(d, q3);
    d = fit(s3, least, most, modulus);
    sumCount = i64x2.sub(sumCount, f64x2.ne(d, s3));
    panel += STEP_BYTES;
  }
  v128.store(sums, a);
  v128.store(sums, b, 16);
  v128.store(sums, c, 32);
  v128.store(sums, d, 48);
  if (check) tile.productOverflows += <i32>(i64x2.extract_lane(productCount, 0) + i64x2.extract_lane(productCount, 1));
  tile.sumOverflows += <i32>(i64x2.extract_lane(sumCount, 0) + i64x2.extract_lane(sumCount, 1));
}

function fitSums(tile: Tile64, pixel: i32, table: i32, end: i32, weights: usize, bias: v128, kind: i32): void {
  if (kind == FLOOR) fitted(tile, pixel, table, end, weights, bias, false, FLOOR);
  else if (kind == EVEN) fitted(tile, pixel, table, end, weights, bias, false, EVEN);
  else fitted(tile, pixel, table, end, weights, bias, false, TRUNCATE);
}

function fitAll(tile: Tile64, pixel: i32, table: i32, end: i32, weights: usize, bias: v128, kind: i32): void {
  if (kind == FLOOR) fitted(tile, pixel, table, end, weights, bias, true, FLOOR);
  else if (kind == EVEN) fitted(tile, pixel, table, end, weights, bias, true, EVEN);
  else fitted(tile, pixel, table, end, weights, bias, true, TRUNCATE);
}

/** Whether every sum of the pixels lies within ±limit. */
function within(pixels: i32, limit: f64): bool {
  let largest = f64x2.splat(0);
  for (let part = 0; part < pixels << 6; part += 16) {
    largest = f64x2.pmax(largest, f64x2.abs(v128.load(SUMS + part)));
  }
  return max(f64x2.extract_lane(largest, 0), f64x2.extract_lane(largest, 1)) <= limit;
}

function loadSum(tile: Tile64, address: usize, filter: i32): f64 {
  if (tile.sumKind == WORDS_FLOAT64) return load<f64>(address + (filter << 3));
  return <f64>load<i32>(address + (filter << 2));
}

/** A sum of −0 becomes 0: words have one zero. */
function storeSum(tile: Tile64, address: usize, filter: i32, sum: f64): void {
  if (tile.sumKind == WORDS_FLOAT64) store<f64>(address + (filter << 3), sum + 0.0);
  else store<i32>(address + (filter << 2), <i32>sum);
}

function startRun(tile: Tile64, pixels: i32, sums: usize, present: i32, fromBank: bool): void {
  memory.fill(SUMS, 0, pixels << 6);
  if (!fromBank) return;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let filter = 0; filter < present; filter++) {
      store<f64>(SUMS + (pixel << 6) + (filter << 3), loadSum(tile, sums + pixel * tile.sumPitch, filter));
    }
  }
}

function endRun(tile: Tile64, pixels: i32, sums: usize, present: i32, opensSum: bool): void {
  const registers = tile.registers as usize;
  const least = load<f64>(registers, SUM_MIN);
  const most = load<f64>(registers, SUM_MAX);
  const modulus = load<f64>(registers, SUM_MODULUS);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const row = sums + pixel * tile.sumPitch;
    for (let filter = 0; filter < present; filter++) {
      let sum = load<f64>(SUMS + (pixel << 6) + (filter << 3));
      if (!tile.carries) {
        const exact = (opensSum ? 0 : loadSum(tile, row, filter)) + sum;
        sum = modulus == 0 ? max(least, min(most, exact)) : exact - modulus * floor((exact - least) / modulus);
        if (sum != exact) tile.sumOverflows += 1;
      }
      storeSum(tile, row, filter, sum);
    }
  }
}

// @ts-ignore: decorator
@inline
function computeTile(tile: Tile64, kind: i32): void {
  tile.productOverflows = 0;
  tile.sumOverflows = 0;
  const registers = tile.registers as usize;
  const bias = v128.load64_splat(registers, BIAS);
  const mostProduct = min(load<f64>(registers, PRODUCT_MAX), -load<f64>(registers, PRODUCT_MIN));
  const mostSum = min(load<f64>(registers, RUN_MAX), -load<f64>(registers, RUN_MIN));
  const blocksEnd = tile.blocks + (tile.blockCount << 2);
  let panelWeights = tile.weights as usize;
  let panelBounds = tile.blockWeights as usize;
  for (let filter = 0, panel = 0; filter < tile.filters; filter += PANEL, panel++) {
    const present = min(PANEL, tile.filters - filter);
    const fits = growth64(tile, load<f64>((tile.largestWeights + (panel << 3)) as usize), 1) <= mostProduct;
    for (let first = 0; first < tile.pixels; first += 2) {
      const pixels = min(2, tile.pixels - first);
      const filterBytes = tile.sumKind == WORDS_FLOAT64 ? filter << 3 : filter << 2;
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
        if (fits && within(pixels, mostSum - growth64(tile, load<f64>(bounds), steps))) {
          twoPixels(table, end, weights, bias, kind);
        } else {
          for (let pixel = 0; pixel < pixels; pixel++) {
            if (fits) fitSums(tile, pixel, table, end, weights, bias, kind);
            else fitAll(tile, pixel, table, end, weights, bias, kind);
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

/** Computes a tile: ⌊p' + c⌋. */
export function tileByFloor(address: usize): void {
  computeTile(changetype<Tile64>(address), FLOOR);
}

/** Computes a tile: p' ± c, cut. */
export function tileByTruncation(address: usize): void {
  computeTile(changetype<Tile64>(address), TRUNCATE);
}

/** Computes a tile, ties to even. */
export function tileToEven(address: usize): void {
  computeTile(changetype<Tile64>(address), EVEN);
}
