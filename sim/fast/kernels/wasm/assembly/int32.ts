/**
 * Products that drop bits, sums of 17 to 32 bits: products as in int16.ts, each added in 32 bits. In a proved block neither
 * products nor sums are fitted; elsewhere both are, k ascending.
 */
import { ADDRESSES, carriesOut, computeTile, SUMS } from "./driver";
import { runsFit, Tile } from "./tile";

export { expand } from "./pairs";

/** Replaced by the bits that a product drops when the module is set up (../modules.ts). */
const DROPPED: i32 = 29;
/** Replaced by 31 − s: brings the lowest kept bit to the top. */
const LOWEST_KEPT: i32 = 26;

const BY_BIAS = false;
const BY_PARITY = true;

/** Base and odd bias of rounding by parity. */
const PARITY: usize = memory.data(2 * 16, 16);

/** Four rounded products. */
// @ts-ignore: decorator
@inline
function rounded(pair: v128, weights: v128, parity: bool): v128 {
  const exact = i32x4.dot_i16x8_s(pair, weights);
  if (!parity) return i32x4.shr_s(exact, DROPPED);
  const odd = v128.and(i32x4.shr_s(i32x4.shl(exact, LOWEST_KEPT), 31), v128.load(PARITY, 16));
  return i32x4.shr_s(i32x4.add(i32x4.add(exact, v128.load(PARITY)), odd), DROPPED);
}

/** A proved block of four pixels, input words all positive (or one panel for both signs). */
// @ts-ignore: decorator
@inline
function fourPixels(table: i32, end: i32, weights: usize, parity: bool): void {
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
    const step = load<i32>(table as usize) << 3;
    const low = v128.load(weights);
    const high = v128.load(weights, 16);
    const x0 = v128.load32_splat(p0 + step);
    a0 = i32x4.add(a0, rounded(x0, low, parity));
    b0 = i32x4.add(b0, rounded(x0, high, parity));
    const x1 = v128.load32_splat(p1 + step);
    a1 = i32x4.add(a1, rounded(x1, low, parity));
    b1 = i32x4.add(b1, rounded(x1, high, parity));
    const x2 = v128.load32_splat(p2 + step);
    a2 = i32x4.add(a2, rounded(x2, low, parity));
    b2 = i32x4.add(b2, rounded(x2, high, parity));
    const x3 = v128.load32_splat(p3 + step);
    a3 = i32x4.add(a3, rounded(x3, low, parity));
    b3 = i32x4.add(b3, rounded(x3, high, parity));
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

function fourPixelsByBias(table: i32, end: i32, weights: usize): void {
  fourPixels(table, end, weights, BY_BIAS);
}

function fourPixelsByParity(table: i32, end: i32, weights: usize): void {
  fourPixels(table, end, weights, BY_PARITY);
}

/** A proved block of one pixel, input words of both signs. */
// @ts-ignore: decorator
@inline
function onePixel(pixel: i32, table: i32, end: i32, weights: usize, parity: bool): void {
  const place = load<usize>(ADDRESSES + (pixel << 2));
  let low = v128.load(SUMS + (pixel << 5));
  let high = v128.load(SUMS + (pixel << 5), 16);
  for (; table < end; table += 4) {
    const record = place + (load<i32>(table as usize) << 3);
    const panel = weights + load<usize>(record, 4);
    const pair = v128.load32_splat(record);
    low = i32x4.add(low, rounded(pair, v128.load(panel), parity));
    high = i32x4.add(high, rounded(pair, v128.load(panel, 16), parity));
    weights += 32;
  }
  v128.store(SUMS + (pixel << 5), low);
  v128.store(SUMS + (pixel << 5), high, 16);
}

function onePixelByBias(pixel: i32, table: i32, end: i32, weights: usize): void {
  onePixel(pixel, table, end, weights, BY_BIAS);
}

function onePixelByParity(pixel: i32, table: i32, end: i32, weights: usize): void {
  onePixel(pixel, table, end, weights, BY_PARITY);
}

/** Four words in a range, or wrapped: shift ≥ 0. */
// @ts-ignore: decorator
@inline
function fit(words: v128, least: v128, most: v128, shift: i32): v128 {
  if (shift >= 0) return i32x4.shr_s(i32x4.shl(words, shift), shift);
  return i32x4.min_s(i32x4.max_s(words, least), most);
}

/** A block of one pixel, every word fitted and every overflow counted. */
// @ts-ignore: decorator
@inline
function fitted(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize, parity: bool): void {
  const place = load<usize>(ADDRESSES + (pixel << 2));
  const least = i32x4.splat(tile.sumMin);
  const most = i32x4.splat(tile.sumMax);
  const leastProduct = i32x4.splat(tile.productMin);
  const mostProduct = i32x4.splat(tile.productMax);
  const end32 = i32x4.splat(0x7fffffff);
  const shift = tile.wrapShift;
  const productShift = tile.fitting;
  let productCount = i32x4.splat(0);
  let sumCount = i32x4.splat(0);
  for (; table < end; table += 4) {
    const record = place + (load<i32>(table as usize) << 3);
    const panel = weights + load<usize>(record, 4);
    const pair = v128.load32_splat(record);
    for (let half = 0; half < 2; half++) {
      const sums = SUMS + (pixel << 5) + (half << 4);
      const exact = rounded(pair, v128.load(panel + (half << 4)), parity);
      const words = fit(exact, leastProduct, mostProduct, productShift);
      productCount = i32x4.sub(productCount, i32x4.ne(words, exact));
      const before = v128.load(sums);
      const sum = i32x4.add(before, words);
      const carries = i32x4.shr_s(carriesOut(before, words, sum), 31);
      const saturated = v128.bitselect(v128.xor(i32x4.shr_s(before, 31), end32), sum, carries);
      const after = fit(shift >= 0 ? sum : saturated, least, most, shift);
      sumCount = i32x4.sub(sumCount, v128.or(i32x4.ne(after, sum), carries));
      v128.store(sums, after);
    }
    weights += 32;
  }
  tile.productOverflows += sumOf(productCount);
  tile.sumOverflows += sumOf(sumCount);
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

function fitByBias(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize): void {
  fitted(tile, pixel, table, end, weights, BY_BIAS);
}

function fitByParity(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize): void {
  fitted(tile, pixel, table, end, weights, BY_PARITY);
}

/** Whether an adder tree may sum a tile's runs in 32 bits. */
export function provesRuns(address: usize): bool {
  return runsFit(changetype<Tile>(address));
}

/** The block of `Block` in driver.ts. */
// @ts-ignore: decorator
@inline
function block(
  tile: Tile,
  pixels: i32,
  panels: i32,
  table: i32,
  end: i32,
  weights: usize,
  panelBytes: i32,
  proved: i32,
  parity: bool,
): void {
  if (pixels == 4 && proved && (parity || !(tile.negatives && tile.negativeWeights))) {
    if (parity) fourPixelsByParity(table, end, weights);
    else fourPixelsByBias(table, end, weights);
    return;
  }
  let slot = 0;
  for (let panel = 0; panel < panels; panel++, weights += panelBytes) {
    for (let last = slot + pixels; slot < last; slot++) {
      if (proved & (1 << panel)) {
        if (parity) onePixelByParity(slot, table, end, weights);
        else onePixelByBias(slot, table, end, weights);
      } else if (parity) fitByParity(tile, slot, table, end, weights);
      else fitByBias(tile, slot, table, end, weights);
    }
  }
}

/** Computes a tile, rounding by biases in the packed weights. */
export function tileByBias(address: usize): void {
  computeTile(changetype<Tile>(address), true, 4, 1, 3, 32, (tile, pixels, panels, table, end, weights, bytes, _fits, proved) => {
    block(tile, pixels, panels, table, end, weights, bytes, proved, BY_BIAS);
  });
}

/** Computes a tile, rounding by the lowest kept bit. */
export function tileByParity(address: usize): void {
  const record = changetype<Tile>(address);
  v128.store(PARITY, i32x4.splat(record.parityBase));
  v128.store(PARITY, i32x4.splat(record.parityOdd), 16);
  computeTile(record, true, 4, 1, 3, 32, (tile, pixels, panels, table, end, weights, bytes, _fits, proved) => {
    block(tile, pixels, panels, table, end, weights, bytes, proved, BY_PARITY);
  });
}
