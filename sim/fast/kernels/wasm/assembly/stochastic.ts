/**
 * Stochastic products in sixteen-bit sums, on an output-stationary array: as int16.ts, with the top s bits of a random word
 * in place of the bias. Element (r, c) of the array has its own xorshift32 generator, stepped once per product; filters
 * that lie side by side belong to neighbouring columns, so four generators step in one vector. Folds are taken in the
 * array's order (columns outside, rows inside), in which a generator goes on from tile to tile.
 *
 * A random bias is below 2^s, like every other: the proof of int16.ts holds.
 */
import { ADDRESSES, readable, SUMS, within16, writeSums } from "./driver";
import { clearSums, growth, PANEL, productsFit, RUN_END, Tile } from "./tile";

export { expand } from "./pairs";

/** Replaced by the bits that a product drops, s, when the module is set up (../modules.ts). */
const DROPPED: i32 = 29;
/** Replaced by 16 − W: sums lie left-aligned while they are fitted. */
const LEFT: i32 = 27;
/** Replaced by 32 − s. */
const RANDOM: i32 = 23;

/** `fitting` of registers that wrap; as in int16.ts. */
const WRAP = 3;

const STEP_BYTES: i32 = 32;

/** The next states of four generators. */
// @ts-ignore: decorator
@inline
function next(state: v128): v128 {
  const first = v128.xor(state, i32x4.shl(state, 13));
  const second = v128.xor(first, i32x4.shr_u(first, 17));
  return v128.xor(second, i32x4.shl(second, 5));
}

/** Four products, rounded by the words of four generators. */
// @ts-ignore: decorator
@inline
function rounded(pair: v128, weights: v128, state: v128): v128 {
  const exact = i32x4.dot_i16x8_s(pair, weights);
  return i32x4.shr_s(i32x4.add(exact, i32x4.shr_u(state, RANDOM)), DROPPED);
}

/** A proved block of two pixels, whose generators' states lie at `states` and `others`. */
function twoPixels(table: i32, end: i32, weights: usize, states: usize, others: usize): void {
  const p0 = load<usize>(ADDRESSES);
  const p1 = load<usize>(ADDRESSES, 4);
  let a0 = v128.load(SUMS);
  let a1 = v128.load(SUMS, 16);
  let s0 = v128.load(states);
  let s1 = v128.load(states, 16);
  let s2 = v128.load(others);
  let s3 = v128.load(others, 16);
  for (; table < end; table += 4) {
    const step = load<i32>(table as usize) << 3;
    const low = v128.load(weights);
    const high = v128.load(weights, 16);
    s0 = next(s0);
    s1 = next(s1);
    s2 = next(s2);
    s3 = next(s3);
    const x = v128.load32_splat(p0 + step);
    a0 = i16x8.add(a0, i16x8.narrow_i32x4_s(rounded(x, low, s0), rounded(x, high, s1)));
    const y = v128.load32_splat(p1 + step);
    a1 = i16x8.add(a1, i16x8.narrow_i32x4_s(rounded(y, low, s2), rounded(y, high, s3)));
    weights += STEP_BYTES;
  }
  v128.store(SUMS, a0);
  v128.store(SUMS, a1, 16);
  v128.store(states, s0);
  v128.store(states, s1, 16);
  v128.store(others, s2);
  v128.store(others, s3, 16);
}

/** A block of one pixel, every word fitted and every overflow counted as in int16.ts; words lie left-aligned. */
// @ts-ignore: decorator
@inline
function fitted(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize, states: usize, check: bool): void {
  const place = load<usize>(ADDRESSES + (pixel << 2));
  const left: i32 = clz(tile.sumMax) - 17;
  const unusedBits: i32 = (1 << left) - 1;
  const lowestSum: i32 = tile.sumMin << left;
  const lowestWord: i32 = max(tile.productMin << left, <i32>i16.MIN_VALUE);
  const unused = i16x8.splat(<i16>unusedBits);
  const lowest = i16x8.splat(<i16>lowestSum);
  const lowestProduct = i16x8.splat(<i16>lowestWord);
  const wraps = tile.fitting == WRAP;
  let sums = i16x8.shl(v128.load(SUMS + (pixel << 4)), LEFT);
  let s0 = v128.load(states);
  let s1 = v128.load(states, 16);
  const writes = ((end - table) >> 2) * PANEL;
  let productCount = i16x8.splat(0);
  let sumCount = i16x8.splat(0);
  for (; table < end; table += 4) {
    const pair = v128.load32_splat(place + (load<i32>(table as usize) << 3));
    s0 = next(s0);
    s1 = next(s1);
    const low = i32x4.shl(rounded(pair, v128.load(weights), s0), LEFT);
    const high = i32x4.shl(rounded(pair, v128.load(weights, 16), s1), LEFT);
    let words: v128;
    if (wraps) words = v128.shuffle<i16>(low, high, 0, 2, 4, 6, 8, 10, 12, 14);
    else words = i16x8.max_s(v128.andnot(i16x8.narrow_i32x4_s(low, high), unused), lowestProduct);
    if (check) {
      const same = i16x8.narrow_i32x4_s(
        i32x4.eq(i32x4.extend_low_i16x8_s(words), low),
        i32x4.eq(i32x4.extend_high_i16x8_s(words), high),
      );
      productCount = i16x8.sub(productCount, same);
    }
    const wrapped = i16x8.add(sums, words);
    let fit = i16x8.add_sat_s(sums, words);
    if (!wraps) fit = i16x8.max_s(v128.andnot(fit, unused), lowest);
    sumCount = i16x8.sub(sumCount, i16x8.eq(fit, wrapped));
    sums = wraps ? wrapped : fit;
    weights += STEP_BYTES;
  }
  v128.store(SUMS + (pixel << 4), i16x8.shr_s(sums, LEFT));
  v128.store(states, s0);
  v128.store(states, s1, 16);
  if (check) tile.productOverflows += writes - sumOf(productCount);
  tile.sumOverflows += writes - sumOf(sumCount);
}

function fitSums(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize, states: usize): void {
  fitted(tile, pixel, table, end, weights, states, false);
}

function fitAll(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize, states: usize): void {
  fitted(tile, pixel, table, end, weights, states, true);
}

// @ts-ignore: decorator
@inline
function sumOf(counts: v128): i32 {
  const pairs = i32x4.extadd_pairwise_i16x8_u(counts);
  return (
    i32x4.extract_lane(pairs, 0) +
    i32x4.extract_lane(pairs, 1) +
    i32x4.extract_lane(pairs, 2) +
    i32x4.extract_lane(pairs, 3)
  );
}

/** States of a generator pair that nobody needs: the second pixel where there is only one. */
const SPARE: usize = memory.data(32, 16);

/** One panel of one or two pixels: all their steps. */
function panelOf(tile: Tile, panel: i32, filter: i32, present: i32, first: i32, pixels: i32, states: usize): void {
  const pitch = panelsPerFold(tile) << 5;
  const fits = productsFit(tile, panel);
  const sums = (tile.sums + first * tile.sumPitch + (filter << 2)) as usize;
  for (let pixel = 0; pixel < pixels; pixel++) {
    const offset = load<i32>((tile.pixelOffsets + ((first + pixel) << 2)) as usize);
    store<usize>(ADDRESSES + (pixel << 2), tile.input + (offset << 3));
    const row = readable(sums + pixel * tile.sumPitch, present);
    v128.store(SUMS + (pixel << 4), i16x8.narrow_i32x4_s(v128.load(row), v128.load(row, 16)));
  }
  if (pixels == 1) store<usize>(ADDRESSES, load<usize>(ADDRESSES), 4);
  const others = pixels == 1 ? SPARE : states + pitch;
  let weights = (tile.weights + panel * tile.steps * STEP_BYTES) as usize;
  let table = tile.stepOffsets;
  for (let block = 0; block < tile.blockCount; block++) {
    const steps = load<i32>((tile.blocks + (block << 2)) as usize) & (RUN_END - 1);
    const end = table + (steps << 2);
    const bound = load<u32>((tile.blockWeights + ((panel * tile.blockCount + block) << 2)) as usize);
    const limit = (tile.sumMax as i64) - growth(tile, bound, steps);
    if (fits && limit >= 0 && within16(0, pixels, <i32>limit)) twoPixels(table, end, weights, states, others);
    else {
      for (let pixel = 0; pixel < pixels; pixel++) {
        if (fits) fitSums(tile, pixel, table, end, weights, states + pixel * pitch);
        else fitAll(tile, pixel, table, end, weights, states + pixel * pitch);
      }
    }
    weights += steps * STEP_BYTES;
    table = end;
  }
  for (let pixel = 0; pixel < pixels; pixel++) {
    const words = v128.load(SUMS + (pixel << 4));
    const address = sums + pixel * tile.sumPitch;
    writeSums(address, present, i32x4.extend_low_i16x8_s(words), i32x4.extend_high_i16x8_s(words));
  }
}

// @ts-ignore: decorator
@inline
function panelsPerFold(tile: Tile): i32 {
  return (min(tile.columns, tile.filters) + PANEL - 1) / PANEL;
}

/** Computes a tile whose generators have been set. */
export function tileByChance(address: usize): void {
  const tile = changetype<Tile>(address);
  tile.productOverflows = 0;
  tile.sumOverflows = 0;
  clearSums(tile);
  const pitch = panelsPerFold(tile) << 5;
  const panels = panelsPerFold(tile);
  for (let firstFilter = 0, fold = 0; firstFilter < tile.filters; firstFilter += tile.columns, fold++) {
    const endFilter = min(tile.filters, firstFilter + tile.columns);
    for (let firstPixel = 0; firstPixel < tile.pixels; firstPixel += tile.rows) {
      const endPixel = min(tile.pixels, firstPixel + tile.rows);
      for (let filter = firstFilter, panel = 0; filter < endFilter; filter += PANEL, panel++) {
        const present = min(PANEL, endFilter - filter);
        for (let pixel = firstPixel; pixel < endPixel; pixel += 2) {
          const states = (tile.states + (pixel - firstPixel) * pitch + (panel << 5)) as usize;
          panelOf(tile, fold * panels + panel, filter, present, pixel, min(2, endPixel - pixel), states);
        }
      }
    }
  }
}
