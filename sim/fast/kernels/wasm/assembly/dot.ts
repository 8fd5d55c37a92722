/**
 * Exact products of words of at most sixteen bits, sums of at most 32 bits: the pairwise dot product.
 *
 * `dot` of the pairs (x, x') · (w, w') of two neighbouring steps is exact but for 2 · (−2^15)², which is excluded: no
 * weight is −2^15 (`dotPlan`). Where a block is proved to overflow nowhere (`growth`: |a| + max|x| · Σ|w| fits the accumulator),
 * additions are free, so products may be added in pairs. Other blocks add product by product, k ascending, with every fit.
 */
import { ADDRESSES, carriesOut, computeTile, SUMS } from "./driver";
import { PANEL, runsFit, Tile } from "./tile";

/** How a sum is fitted; as `fitting` of the record. */
const CLAMP = 0;
const SATURATE_32 = 1;
const WRAP = 2;
const WRAP_32 = 3;

/**
 * Packs 32-bit input words as sixteen-bit words, one after the other. May read seven words and write sixteen bytes more.
 * Notes the largest |x|.
 */
export function expand(address: usize, target: usize): void {
  const tile = changetype<Tile>(address);
  let largest = i32x4.splat(0);
  const end = tile.source + (tile.words << 2);
  for (let source = tile.source; source < end; source += 32) {
    const low = v128.load(source as usize);
    const high = v128.load(source as usize, 16);
    largest = i32x4.max_s(largest, i32x4.max_s(i32x4.abs(low), i32x4.abs(high)));
    v128.store(target, i16x8.narrow_i32x4_s(low, high));
    target += 16;
  }
  largest = i32x4.max_s(largest, v128.shuffle<i32>(largest, largest, 2, 3, 0, 1));
  largest = i32x4.max_s(largest, v128.shuffle<i32>(largest, largest, 1, 0, 3, 2));
  tile.largestInput = i32x4.extract_lane(largest, 0);
}

/** A proved block of four pixels. */
function fourPixels(table: i32, end: i32, weights: usize): void {
  const p0 = load<usize>(ADDRESSES);
  const p1 = load<usize>(ADDRESSES, 4);
  const p2 = load<usize>(ADDRESSES, 8);
  const p3 = load<usize>(ADDRESSES, 12);
  let a0 = v128.load(SUMS);
  let b0 = v128.load(SUMS, 16);
  let a1 = v128.load(SUMS, 32);
  let b1 = v128.load(SUMS, 48);
  let a2 = v128.load(SUMS, 64);
  let b2 = v128.load(SUMS, 80);
  let a3 = v128.load(SUMS, 96);
  let b3 = v128.load(SUMS, 112);
  for (; table < end; table += 4) {
    const step = load<i32>(table as usize) << 1;
    const low = v128.load(weights);
    const high = v128.load(weights, 16);
    const x0 = v128.load32_splat(p0 + step);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(x0, low));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(x0, high));
    const x1 = v128.load32_splat(p1 + step);
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(x1, low));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(x1, high));
    const x2 = v128.load32_splat(p2 + step);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(x2, low));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(x2, high));
    const x3 = v128.load32_splat(p3 + step);
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(x3, low));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(x3, high));
    weights += 32;
  }
  v128.store(SUMS, a0);
  v128.store(SUMS, b0, 16);
  v128.store(SUMS, a1, 32);
  v128.store(SUMS, b1, 48);
  v128.store(SUMS, a2, 64);
  v128.store(SUMS, b2, 80);
  v128.store(SUMS, a3, 96);
  v128.store(SUMS, b3, 112);
}

/** A proved block of one pixel. */
function onePixel(pixel: i32, table: i32, end: i32, weights: usize): void {
  const place = load<usize>(ADDRESSES + (pixel << 2));
  let low = v128.load(SUMS + (pixel << 5));
  let high = v128.load(SUMS + (pixel << 5), 16);
  for (; table < end; table += 4) {
    const pair = v128.load32_splat(place + (load<i32>(table as usize) << 1));
    low = i32x4.add(low, i32x4.dot_i16x8_s(pair, v128.load(weights)));
    high = i32x4.add(high, i32x4.dot_i16x8_s(pair, v128.load(weights, 16)));
    weights += 32;
  }
  v128.store(SUMS + (pixel << 5), low);
  v128.store(SUMS + (pixel << 5), high, 16);
}

/** a + q fitted. CLAMP and WRAP have W ≤ 31: −2^30 ≤ a < 2^30 and |q| < 2^30, so that a + q fits 32 bits. */
// @ts-ignore: decorator
@inline
function fit(sum: v128, a: v128, q: v128, fitting: i32, least: v128, most: v128, shift: i32): v128 {
  if (fitting == CLAMP) return i32x4.min_s(i32x4.max_s(sum, least), most);
  if (fitting == WRAP) return i32x4.shr_s(i32x4.shl(sum, shift), shift);
  const saturated = v128.xor(i32x4.shr_s(a, 31), i32x4.splat(0x7fffffff));
  return i32x4.max_s(v128.bitselect(saturated, sum, i32x4.shr_s(carriesOut(a, q, sum), 31)), least);
}

/** A block of one pixel, every sum fitted and every overflow counted, as words that do not (int16.ts) or by carry. */
// @ts-ignore: decorator
@inline
function fitted(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize, fitting: i32): void {
  const place = load<usize>(ADDRESSES + (pixel << 2));
  const least = i32x4.splat(tile.sumMin);
  const most = i32x4.splat(tile.sumMax);
  const shift = tile.wrapShift;
  const first = i32x4.splat(0xffff);
  const zero = i32x4.splat(0);
  let low = v128.load(SUMS + (pixel << 5));
  let high = v128.load(SUMS + (pixel << 5), 16);
  let count = zero;
  let same = zero;
  const writes = ((end - table) >> 2) * 2 * PANEL;
  for (; table < end; table += 4) {
    const pair = v128.load32_splat(place + (load<i32>(table as usize) << 1));
    const weightsLow = v128.load(weights);
    const weightsHigh = v128.load(weights, 16);
    for (let half = 0; half < 2; half++) {
      const word = half == 0 ? v128.and(pair, first) : v128.andnot(pair, first);
      const productLow = i32x4.dot_i16x8_s(word, weightsLow);
      const productHigh = i32x4.dot_i16x8_s(word, weightsHigh);
      const sumLow = i32x4.add(low, productLow);
      const sumHigh = i32x4.add(high, productHigh);
      if (fitting == WRAP_32) {
        count = i32x4.sub(count, i32x4.shr_s(carriesOut(low, productLow, sumLow), 31));
        count = i32x4.sub(count, i32x4.shr_s(carriesOut(high, productHigh, sumHigh), 31));
        low = sumLow;
        high = sumHigh;
      } else {
        low = fit(sumLow, low, productLow, fitting, least, most, shift);
        high = fit(sumHigh, high, productHigh, fitting, least, most, shift);
        same = i32x4.sub(same, i32x4.eq(low, sumLow));
        same = i32x4.sub(same, i32x4.eq(high, sumHigh));
      }
    }
    weights += 32;
  }
  v128.store(SUMS + (pixel << 5), low);
  v128.store(SUMS + (pixel << 5), high, 16);
  tile.sumOverflows += fitting == WRAP_32 ? sumOf(count) : writes - sumOf(same);
}

// @ts-ignore: decorator
@inline
function sumOf(counts: v128): i32 {
  return (
    i32x4.extract_lane(counts, 0) +
    i32x4.extract_lane(counts, 1) +
    i32x4.extract_lane(counts, 2) +
    i32x4.extract_lane(counts, 3)
  );
}

function fitClamp(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize): void {
  fitted(tile, pixel, table, end, weights, CLAMP);
}

function fitSaturate32(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize): void {
  fitted(tile, pixel, table, end, weights, SATURATE_32);
}

function fitWrap(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize): void {
  fitted(tile, pixel, table, end, weights, WRAP);
}

function fitWrap32(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize): void {
  fitted(tile, pixel, table, end, weights, WRAP_32);
}

/** Whether an adder tree may sum a tile's runs in 32 bits. */
export function provesRuns(address: usize): bool {
  return runsFit(changetype<Tile>(address));
}

/** Computes a tile whose words `expand` has packed. */
export function computeDots(address: usize): void {
  computeTile(
    changetype<Tile>(address),
    true,
    4,
    1,
    1,
    32,
    (tile, pixels, panels, table, end, weights, panelBytes, _fits, proved) => {
      if (pixels == 4 && proved) {
        fourPixels(table, end, weights);
        return;
      }
      let slot = 0;
      for (let panel = 0; panel < panels; panel++, weights += panelBytes) {
        for (let last = slot + pixels; slot < last; slot++) {
          if (proved & (1 << panel)) onePixel(slot, table, end, weights);
          else if (tile.fitting == CLAMP) fitClamp(tile, slot, table, end, weights);
          else if (tile.fitting == SATURATE_32) fitSaturate32(tile, slot, table, end, weights);
          else if (tile.fitting == WRAP) fitWrap(tile, slot, table, end, weights);
          else fitWrap32(tile, slot, table, end, weights);
        }
      }
    },
  );
}
