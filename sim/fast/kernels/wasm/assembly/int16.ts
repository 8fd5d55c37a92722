/**
 * Sums of at most 16 bits, products that drop bits: eight sums side by side in sixteen-bit lanes.
 *
 * `dot` of the pairs (x, 1) · (w, bias) is the exact product with its rounding bias (|x·w| ≤ 2^30, bias < 2^15: it fits 32
 * bits), the shift is the floor, `narrow` joins two vectors of four. Order: filters lie side by side and k ascends, so
 * every sum is added in the dataflow's order.
 *
 * Proof that a block needs no fit: a panel's products keep |q| ≤ max|x| · max|w| · 2^−s + 1 (`productsFit`), and a sum a
 * at the start of a block of n steps keeps |a| + max|x| · Σ|w| · 2^−s + n + 1 (`growth`); where both fit their registers, no
 * word of the block overflows, whatever the overflow mode. Other blocks are computed step by step with every fit, and
 * each word that differs from the rounded value is counted. max|x| is that of this very tile.
 *
 * The file is long because sums must stay in variables to stay in vector registers: loops over pixels are written out.
 */
import { ADDRESSES, computeTile, SUMS } from "./driver";
import { PANEL, runsFit, Tile } from "./tile";

export { expand } from "./pairs";

/** Replaced by the bits that a product drops when the module is set up (../modules.ts). */
const DROPPED: i32 = 29;
/** Replaced by 16 − W: words that wrap lie left-aligned. */
const LEFT: i32 = 27;
/** Replaced by 31 − s: brings the lowest kept bit to the top. */
const LOWEST_KEPT: i32 = 26;

/**
 * How products are rounded: by a bias that the packed weights hold; to nearest even; or by another bias that depends on the
 * lowest kept bit.
 */
const BY_BIAS = 0;
const TO_EVEN = 1;
const BY_PARITY = 2;

/** Base and odd bias of rounding by parity. */
const PARITY: usize = memory.data(2 * 16, 16);

/**
 * Which loop fits: saturation of W = 16, plain or symmetric, where saturating and wrapping additions differ at an overflow;
 * clamps, W ≤ 15, where the sum of a word and a product fits sixteen bits; wrapping, with all words left-aligned.
 */
const SATURATE_16 = 0;
const SYMMETRIC_16 = 1;
const CLAMP = 2;
const WRAP = 3;

/**
 * Four rounded products. To nearest even the panel's bias is 2^(s−1) − 1, which leaves the s dropped bits all ones at a
 * tie and only there; the lowest kept bit, added to them, then carries where the floor is odd.
 */
// @ts-ignore: decorator
@inline
function rounded(pair: v128, weights: v128, rounding: i32): v128 {
  const exact = i32x4.dot_i16x8_s(pair, weights);
  if (rounding == BY_BIAS) return i32x4.shr_s(exact, DROPPED);
  const odd = i32x4.shr_s(i32x4.shl(exact, LOWEST_KEPT), 31);
  if (rounding == TO_EVEN) return i32x4.shr_s(i32x4.sub(exact, odd), DROPPED);
  const bias = v128.and(odd, v128.load(PARITY, 16));
  return i32x4.shr_s(i32x4.add(i32x4.add(exact, v128.load(PARITY)), bias), DROPPED);
}

/** Eight rounded products that fit sixteen bits. */
// @ts-ignore: decorator
@inline
function products(pair: v128, low: v128, high: v128, rounding: i32): v128 {
  return i16x8.narrow_i32x4_s(rounded(pair, low, rounding), rounded(pair, high, rounding));
}

/** A block of eight pixels whose words need no fit, input words all positive (or one panel for both signs). */
// @ts-ignore: decorator
@inline
function eightPixels(table: i32, end: i32, weights: usize, rounding: i32): void {
  const p0 = load<usize>(ADDRESSES);
  const p1 = load<usize>(ADDRESSES, 4);
  const p2 = load<usize>(ADDRESSES, 8);
  const p3 = load<usize>(ADDRESSES, 12);
  const p4 = load<usize>(ADDRESSES, 16);
  const p5 = load<usize>(ADDRESSES, 20);
  const p6 = load<usize>(ADDRESSES, 24);
  const p7 = load<usize>(ADDRESSES, 28);
  let a0 = v128.load(SUMS);
  let a1 = v128.load(SUMS, 16);
  let a2 = v128.load(SUMS, 32);
  let a3 = v128.load(SUMS, 48);
  let a4 = v128.load(SUMS, 64);
  let a5 = v128.load(SUMS, 80);
  let a6 = v128.load(SUMS, 96);
  let a7 = v128.load(SUMS, 112);
  for (; table < end; table += 4) {
    const step = load<i32>(table as usize) << 3;
    const low = v128.load(weights);
    const high = v128.load(weights, 16);
    a0 = i16x8.add(a0, products(v128.load32_splat(p0 + step), low, high, rounding));
    a1 = i16x8.add(a1, products(v128.load32_splat(p1 + step), low, high, rounding));
    a2 = i16x8.add(a2, products(v128.load32_splat(p2 + step), low, high, rounding));
    a3 = i16x8.add(a3, products(v128.load32_splat(p3 + step), low, high, rounding));
    a4 = i16x8.add(a4, products(v128.load32_splat(p4 + step), low, high, rounding));
    a5 = i16x8.add(a5, products(v128.load32_splat(p5 + step), low, high, rounding));
    a6 = i16x8.add(a6, products(v128.load32_splat(p6 + step), low, high, rounding));
    a7 = i16x8.add(a7, products(v128.load32_splat(p7 + step), low, high, rounding));
    weights += 32;
  }
  v128.store(SUMS, a0);
  v128.store(SUMS, a1, 16);
  v128.store(SUMS, a2, 32);
  v128.store(SUMS, a3, 48);
  v128.store(SUMS, a4, 64);
  v128.store(SUMS, a5, 80);
  v128.store(SUMS, a6, 96);
  v128.store(SUMS, a7, 112);
}

function eightPixelsByBias(table: i32, end: i32, weights: usize): void {
  eightPixels(table, end, weights, BY_BIAS);
}

function eightPixelsToEven(table: i32, end: i32, weights: usize): void {
  eightPixels(table, end, weights, TO_EVEN);
}

function eightPixelsByParity(table: i32, end: i32, weights: usize): void {
  eightPixels(table, end, weights, BY_PARITY);
}

/** Eight products of the input word in the record at `record`, with the weights for its sign. */
// @ts-ignore: decorator
@inline
function signedProducts(record: usize, weights: usize, rounding: i32): v128 {
  const place = weights + load<usize>(record, 4);
  return products(v128.load32_splat(record), v128.load(place), v128.load(place, 16), rounding);
}

/** The same for input words of both signs. */
function eightSignedPixels(table: i32, end: i32, weights: usize): void {
  const p0 = load<usize>(ADDRESSES);
  const p1 = load<usize>(ADDRESSES, 4);
  const p2 = load<usize>(ADDRESSES, 8);
  const p3 = load<usize>(ADDRESSES, 12);
  const p4 = load<usize>(ADDRESSES, 16);
  const p5 = load<usize>(ADDRESSES, 20);
  const p6 = load<usize>(ADDRESSES, 24);
  const p7 = load<usize>(ADDRESSES, 28);
  let a0 = v128.load(SUMS);
  let a1 = v128.load(SUMS, 16);
  let a2 = v128.load(SUMS, 32);
  let a3 = v128.load(SUMS, 48);
  let a4 = v128.load(SUMS, 64);
  let a5 = v128.load(SUMS, 80);
  let a6 = v128.load(SUMS, 96);
  let a7 = v128.load(SUMS, 112);
  for (; table < end; table += 4) {
    const step = load<i32>(table as usize) << 3;
    a0 = i16x8.add(a0, signedProducts(p0 + step, weights, BY_BIAS));
    a1 = i16x8.add(a1, signedProducts(p1 + step, weights, BY_BIAS));
    a2 = i16x8.add(a2, signedProducts(p2 + step, weights, BY_BIAS));
    a3 = i16x8.add(a3, signedProducts(p3 + step, weights, BY_BIAS));
    a4 = i16x8.add(a4, signedProducts(p4 + step, weights, BY_BIAS));
    a5 = i16x8.add(a5, signedProducts(p5 + step, weights, BY_BIAS));
    a6 = i16x8.add(a6, signedProducts(p6 + step, weights, BY_BIAS));
    a7 = i16x8.add(a7, signedProducts(p7 + step, weights, BY_BIAS));
    weights += 32;
  }
  v128.store(SUMS, a0);
  v128.store(SUMS, a1, 16);
  v128.store(SUMS, a2, 32);
  v128.store(SUMS, a3, 48);
  v128.store(SUMS, a4, 64);
  v128.store(SUMS, a5, 80);
  v128.store(SUMS, a6, 96);
  v128.store(SUMS, a7, 112);
}

/** A block of four pixels in two panels, input words all positive (or one panel for both signs): an input word serves both. */
// @ts-ignore: decorator
@inline
function fourByTwo(table: i32, end: i32, weights: usize, panelBytes: i32, rounding: i32): void {
  const p0 = load<usize>(ADDRESSES);
  const p1 = load<usize>(ADDRESSES, 4);
  const p2 = load<usize>(ADDRESSES, 8);
  const p3 = load<usize>(ADDRESSES, 12);
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
    const low = v128.load(weights);
    const high = v128.load(weights, 16);
    const next = weights + panelBytes;
    const nextLow = v128.load(next);
    const nextHigh = v128.load(next, 16);
    const x0 = v128.load32_splat(p0 + step);
    a0 = i16x8.add(a0, products(x0, low, high, rounding));
    b0 = i16x8.add(b0, products(x0, nextLow, nextHigh, rounding));
    const x1 = v128.load32_splat(p1 + step);
    a1 = i16x8.add(a1, products(x1, low, high, rounding));
    b1 = i16x8.add(b1, products(x1, nextLow, nextHigh, rounding));
    const x2 = v128.load32_splat(p2 + step);
    a2 = i16x8.add(a2, products(x2, low, high, rounding));
    b2 = i16x8.add(b2, products(x2, nextLow, nextHigh, rounding));
    const x3 = v128.load32_splat(p3 + step);
    a3 = i16x8.add(a3, products(x3, low, high, rounding));
    b3 = i16x8.add(b3, products(x3, nextLow, nextHigh, rounding));
    weights += 32;
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

function fourByTwoByBias(table: i32, end: i32, weights: usize, panelBytes: i32): void {
  fourByTwo(table, end, weights, panelBytes, BY_BIAS);
}

function fourByTwoToEven(table: i32, end: i32, weights: usize, panelBytes: i32): void {
  fourByTwo(table, end, weights, panelBytes, TO_EVEN);
}

function fourByTwoByParity(table: i32, end: i32, weights: usize, panelBytes: i32): void {
  fourByTwo(table, end, weights, panelBytes, BY_PARITY);
}

/** The same for input words of both signs. */
function fourSignedByTwo(table: i32, end: i32, weights: usize, panelBytes: i32): void {
  const p0 = load<usize>(ADDRESSES);
  const p1 = load<usize>(ADDRESSES, 4);
  const p2 = load<usize>(ADDRESSES, 8);
  const p3 = load<usize>(ADDRESSES, 12);
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
    const r0 = p0 + step;
    const x0 = v128.load32_splat(r0);
    const w0 = weights + load<usize>(r0, 4);
    a0 = i16x8.add(a0, products(x0, v128.load(w0), v128.load(w0, 16), BY_BIAS));
    const v0 = w0 + panelBytes;
    b0 = i16x8.add(b0, products(x0, v128.load(v0), v128.load(v0, 16), BY_BIAS));
    const r1 = p1 + step;
    const x1 = v128.load32_splat(r1);
    const w1 = weights + load<usize>(r1, 4);
    a1 = i16x8.add(a1, products(x1, v128.load(w1), v128.load(w1, 16), BY_BIAS));
    const v1 = w1 + panelBytes;
    b1 = i16x8.add(b1, products(x1, v128.load(v1), v128.load(v1, 16), BY_BIAS));
    const r2 = p2 + step;
    const x2 = v128.load32_splat(r2);
    const w2 = weights + load<usize>(r2, 4);
    a2 = i16x8.add(a2, products(x2, v128.load(w2), v128.load(w2, 16), BY_BIAS));
    const v2 = w2 + panelBytes;
    b2 = i16x8.add(b2, products(x2, v128.load(v2), v128.load(v2, 16), BY_BIAS));
    const r3 = p3 + step;
    const x3 = v128.load32_splat(r3);
    const w3 = weights + load<usize>(r3, 4);
    a3 = i16x8.add(a3, products(x3, v128.load(w3), v128.load(w3, 16), BY_BIAS));
    const v3 = w3 + panelBytes;
    b3 = i16x8.add(b3, products(x3, v128.load(v3), v128.load(v3, 16), BY_BIAS));
    weights += 32;
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

/** A block of one pixel in the four panels from `slot` on. */
// @ts-ignore: decorator
@inline
function oneByFour(slot: i32, table: i32, end: i32, weights: usize, panelBytes: i32, rounding: i32): void {
  const place = load<usize>(ADDRESSES);
  const sums = SUMS + (slot << 4);
  let a0 = v128.load(sums);
  let a1 = v128.load(sums, 16);
  let a2 = v128.load(sums, 32);
  let a3 = v128.load(sums, 48);
  for (; table < end; table += 4) {
    const record = place + (load<i32>(table as usize) << 3);
    const x = v128.load32_splat(record);
    const w0 = weights + load<usize>(record, 4);
    const w1 = w0 + panelBytes;
    const w2 = w1 + panelBytes;
    const w3 = w2 + panelBytes;
    a0 = i16x8.add(a0, products(x, v128.load(w0), v128.load(w0, 16), rounding));
    a1 = i16x8.add(a1, products(x, v128.load(w1), v128.load(w1, 16), rounding));
    a2 = i16x8.add(a2, products(x, v128.load(w2), v128.load(w2, 16), rounding));
    a3 = i16x8.add(a3, products(x, v128.load(w3), v128.load(w3, 16), rounding));
    weights += 32;
  }
  v128.store(sums, a0);
  v128.store(sums, a1, 16);
  v128.store(sums, a2, 32);
  v128.store(sums, a3, 48);
}

function oneByFourByBias(slot: i32, table: i32, end: i32, weights: usize, panelBytes: i32): void {
  oneByFour(slot, table, end, weights, panelBytes, BY_BIAS);
}

function oneByFourToEven(slot: i32, table: i32, end: i32, weights: usize, panelBytes: i32): void {
  oneByFour(slot, table, end, weights, panelBytes, TO_EVEN);
}

function oneByFourByParity(slot: i32, table: i32, end: i32, weights: usize, panelBytes: i32): void {
  oneByFour(slot, table, end, weights, panelBytes, BY_PARITY);
}

/** A block of one pixel whose words need no fit. */
// @ts-ignore: decorator
@inline
function onePixel(pixel: i32, table: i32, end: i32, weights: usize, rounding: i32): void {
  const place = load<usize>(ADDRESSES + (pixel << 2));
  let sums = v128.load(SUMS + (pixel << 4));
  for (; table < end; table += 4) {
    sums = i16x8.add(sums, signedProducts(place + (load<i32>(table as usize) << 3), weights, rounding));
    weights += 32;
  }
  v128.store(SUMS + (pixel << 4), sums);
}

function onePixelByBias(pixel: i32, table: i32, end: i32, weights: usize): void {
  onePixel(pixel, table, end, weights, BY_BIAS);
}

function onePixelToEven(pixel: i32, table: i32, end: i32, weights: usize): void {
  onePixel(pixel, table, end, weights, TO_EVEN);
}

function onePixelByParity(pixel: i32, table: i32, end: i32, weights: usize): void {
  onePixel(pixel, table, end, weights, BY_PARITY);
}

/** Left-aligns products that are to be wrapped. */
// @ts-ignore: decorator
@inline
function aligned(words: v128, fitting: i32): v128 {
  return fitting == WRAP ? i32x4.shl(words, LEFT) : words;
}

/** Eight products in sixteen bits, fitted where they may overflow. */
// @ts-ignore: decorator
@inline
function fitWords(low: v128, high: v128, check: bool, fitting: i32, least: v128, most: v128): v128 {
  if (check && fitting == WRAP) return v128.shuffle<i16>(low, high, 0, 2, 4, 6, 8, 10, 12, 14);
  const words = i16x8.narrow_i32x4_s(low, high);
  if (!check || fitting == SATURATE_16 || fitting == WRAP) return words;
  return fitting == CLAMP ? i16x8.min_s(i16x8.max_s(words, least), most) : i16x8.max_s(words, least);
}

/** −1 in each of eight lanes whose word is the product. */
// @ts-ignore: decorator
@inline
function same(words: v128, low: v128, high: v128): v128 {
  return i16x8.narrow_i32x4_s(
    i32x4.eq(i32x4.extend_low_i16x8_s(words), low),
    i32x4.eq(i32x4.extend_high_i16x8_s(words), high),
  );
}

/** Eight sums saturated; `exact` is their sum modulo 2^16. */
// @ts-ignore: decorator
@inline
function saturated(sums: v128, words: v128, exact: v128, fitting: i32, least: v128, most: v128): v128 {
  if (fitting == CLAMP) return i16x8.min_s(i16x8.max_s(exact, least), most);
  const fit = i16x8.add_sat_s(sums, words);
  return fitting == SYMMETRIC_16 ? i16x8.max_s(fit, least) : fit;
}

/** Sums as they are fitted, and back. */
// @ts-ignore: decorator
@inline
function raised(sums: v128, fitting: i32): v128 {
  return fitting == WRAP ? i16x8.shl(sums, LEFT) : sums;
}

// @ts-ignore: decorator
@inline
function lowered(sums: v128, fitting: i32): v128 {
  return fitting == WRAP ? i16x8.shr_s(sums, LEFT) : sums;
}

/**
 * A block of `four` pixels from `pixel` on, or of one, every word fitted and every overflow counted: a sum overflows where
 * saturating and wrapping differ. Counted are words that do not, which takes an instruction less; lanes count at most
 * 4 · `BLOCK` of them, lanes without a filter all theirs. `bySign`: input words of either sign have weights of their own.
 */
// @ts-ignore: decorator
@inline
function fitted(
  tile: Tile,
  pixel: i32,
  four: bool,
  table: i32,
  end: i32,
  weights: usize,
  check: bool,
  fitting: i32,
  rounding: i32,
  bySign: bool,
): void {
  const places = ADDRESSES + (pixel << 2);
  const sums = SUMS + (pixel << 4);
  const p0 = load<usize>(places);
  const p1 = load<usize>(places, 4);
  const p2 = load<usize>(places, 8);
  const p3 = load<usize>(places, 12);
  const least = i16x8.splat(<i16>tile.sumMin);
  const most = i16x8.splat(<i16>tile.sumMax);
  const leastProduct = i16x8.splat(<i16>tile.productMin);
  const mostProduct = i16x8.splat(<i16>tile.productMax);
  let a0 = raised(v128.load(sums), fitting);
  let a1 = raised(v128.load(sums, 16), fitting);
  let a2 = raised(v128.load(sums, 32), fitting);
  let a3 = raised(v128.load(sums, 48), fitting);
  let productCount = i16x8.splat(0);
  let sumCount = i16x8.splat(0);
  const writes = ((end - table) >> 2) * (four ? 4 : 1) * PANEL;
  for (; table < end; table += 4) {
    const step = load<i32>(table as usize) << 3;
    const low = v128.load(weights);
    const high = v128.load(weights, 16);
    const r0 = p0 + step;
    const x0 = v128.load32_splat(r0);
    const w0 = bySign ? weights + load<usize>(r0, 4) : weights;
    const l0 = aligned(rounded(x0, bySign ? v128.load(w0) : low, rounding), fitting);
    const h0 = aligned(rounded(x0, bySign ? v128.load(w0, 16) : high, rounding), fitting);
    const q0 = fitWords(l0, h0, check, fitting, leastProduct, mostProduct);
    if (check) productCount = i16x8.sub(productCount, same(q0, l0, h0));
    const t0 = i16x8.add(a0, q0);
    const s0 = saturated(a0, q0, t0, fitting, least, most);
    sumCount = i16x8.sub(sumCount, i16x8.eq(s0, t0));
    a0 = fitting == WRAP ? t0 : s0;
    if (four) {
      const r1 = p1 + step;
      const x1 = v128.load32_splat(r1);
      const w1 = bySign ? weights + load<usize>(r1, 4) : weights;
      const l1 = aligned(rounded(x1, bySign ? v128.load(w1) : low, rounding), fitting);
      const h1 = aligned(rounded(x1, bySign ? v128.load(w1, 16) : high, rounding), fitting);
      const q1 = fitWords(l1, h1, check, fitting, leastProduct, mostProduct);
      if (check) productCount = i16x8.sub(productCount, same(q1, l1, h1));
      const t1 = i16x8.add(a1, q1);
      const s1 = saturated(a1, q1, t1, fitting, least, most);
      sumCount = i16x8.sub(sumCount, i16x8.eq(s1, t1));
      a1 = fitting == WRAP ? t1 : s1;
      const r2 = p2 + step;
      const x2 = v128.load32_splat(r2);
      const w2 = bySign ? weights + load<usize>(r2, 4) : weights;
      const l2 = aligned(rounded(x2, bySign ? v128.load(w2) : low, rounding), fitting);
      const h2 = aligned(rounded(x2, bySign ? v128.load(w2, 16) : high, rounding), fitting);
      const q2 = fitWords(l2, h2, check, fitting, leastProduct, mostProduct);
      if (check) productCount = i16x8.sub(productCount, same(q2, l2, h2));
      const t2 = i16x8.add(a2, q2);
      const s2 = saturated(a2, q2, t2, fitting, least, most);
      sumCount = i16x8.sub(sumCount, i16x8.eq(s2, t2));
      a2 = fitting == WRAP ? t2 : s2;
      const r3 = p3 + step;
      const x3 = v128.load32_splat(r3);
      const w3 = bySign ? weights + load<usize>(r3, 4) : weights;
      const l3 = aligned(rounded(x3, bySign ? v128.load(w3) : low, rounding), fitting);
      const h3 = aligned(rounded(x3, bySign ? v128.load(w3, 16) : high, rounding), fitting);
      const q3 = fitWords(l3, h3, check, fitting, leastProduct, mostProduct);
      if (check) productCount = i16x8.sub(productCount, same(q3, l3, h3));
      const t3 = i16x8.add(a3, q3);
      const s3 = saturated(a3, q3, t3, fitting, least, most);
      sumCount = i16x8.sub(sumCount, i16x8.eq(s3, t3));
      a3 = fitting == WRAP ? t3 : s3;
    }
    weights += 32;
  }
  v128.store(sums, lowered(a0, fitting));
  if (four) {
    v128.store(sums, lowered(a1, fitting), 16);
    v128.store(sums, lowered(a2, fitting), 32);
    v128.store(sums, lowered(a3, fitting), 48);
  }
  if (check) tile.productOverflows += writes - sumOf(productCount);
  tile.sumOverflows += writes - sumOf(sumCount);
}

/**
 * The same for four pixels in two panels whose products fit, input words of both signs: an input word serves both panels.
 * Lanes count at most 8 · `BLOCK` sums.
 */
// @ts-ignore: decorator
@inline
function fittedSignedByTwo(tile: Tile, table: i32, end: i32, weights: usize, panelBytes: i32, fitting: i32): void {
  const p0 = load<usize>(ADDRESSES);
  const p1 = load<usize>(ADDRESSES, 4);
  const p2 = load<usize>(ADDRESSES, 8);
  const p3 = load<usize>(ADDRESSES, 12);
  const least = i16x8.splat(<i16>tile.sumMin);
  const most = i16x8.splat(<i16>tile.sumMax);
  let a0 = v128.load(SUMS);
  let a1 = v128.load(SUMS, 16);
  let a2 = v128.load(SUMS, 32);
  let a3 = v128.load(SUMS, 48);
  let b0 = v128.load(SUMS, 64);
  let b1 = v128.load(SUMS, 80);
  let b2 = v128.load(SUMS, 96);
  let b3 = v128.load(SUMS, 112);
  let sumCount = i16x8.splat(0);
  const writes = ((end - table) >> 2) * 8 * PANEL;
  for (; table < end; table += 4) {
    const step = load<i32>(table as usize) << 3;
    const r0 = p0 + step;
    const x0 = v128.load32_splat(r0);
    const w0 = weights + load<usize>(r0, 4);
    const q0 = products(x0, v128.load(w0), v128.load(w0, 16), BY_BIAS);
    const t0 = i16x8.add(a0, q0);
    a0 = saturated(a0, q0, t0, fitting, least, most);
    sumCount = i16x8.sub(sumCount, i16x8.eq(a0, t0));
    const v0 = w0 + panelBytes;
    const n0 = products(x0, v128.load(v0), v128.load(v0, 16), BY_BIAS);
    const u0 = i16x8.add(b0, n0);
    b0 = saturated(b0, n0, u0, fitting, least, most);
    sumCount = i16x8.sub(sumCount, i16x8.eq(b0, u0));
    const r1 = p1 + step;
    const x1 = v128.load32_splat(r1);
    const w1 = weights + load<usize>(r1, 4);
    const q1 = products(x1, v128.load(w1), v128.load(w1, 16), BY_BIAS);
    const t1 = i16x8.add(a1, q1);
    a1 = saturated(a1, q1, t1, fitting, least, most);
    sumCount = i16x8.sub(sumCount, i16x8.eq(a1, t1));
    const v1 = w1 + panelBytes;
    const n1 = products(x1, v128.load(v1), v128.load(v1, 16), BY_BIAS);
    const u1 = i16x8.add(b1, n1);
    b1 = saturated(b1, n1, u1, fitting, least, most);
    sumCount = i16x8.sub(sumCount, i16x8.eq(b1, u1));
    const r2 = p2 + step;
    const x2 = v128.load32_splat(r2);
    const w2 = weights + load<usize>(r2, 4);
    const q2 = products(x2, v128.load(w2), v128.load(w2, 16), BY_BIAS);
    const t2 = i16x8.add(a2, q2);
    a2 = saturated(a2, q2, t2, fitting, least, most);
    sumCount = i16x8.sub(sumCount, i16x8.eq(a2, t2));
    const v2 = w2 + panelBytes;
    const n2 = products(x2, v128.load(v2), v128.load(v2, 16), BY_BIAS);
    const u2 = i16x8.add(b2, n2);
    b2 = saturated(b2, n2, u2, fitting, least, most);
    sumCount = i16x8.sub(sumCount, i16x8.eq(b2, u2));
    const r3 = p3 + step;
    const x3 = v128.load32_splat(r3);
    const w3 = weights + load<usize>(r3, 4);
    const q3 = products(x3, v128.load(w3), v128.load(w3, 16), BY_BIAS);
    const t3 = i16x8.add(a3, q3);
    a3 = saturated(a3, q3, t3, fitting, least, most);
    sumCount = i16x8.sub(sumCount, i16x8.eq(a3, t3));
    const v3 = w3 + panelBytes;
    const n3 = products(x3, v128.load(v3), v128.load(v3, 16), BY_BIAS);
    const u3 = i16x8.add(b3, n3);
    b3 = saturated(b3, n3, u3, fitting, least, most);
    sumCount = i16x8.sub(sumCount, i16x8.eq(b3, u3));
    weights += 32;
  }
  v128.store(SUMS, a0);
  v128.store(SUMS, a1, 16);
  v128.store(SUMS, a2, 32);
  v128.store(SUMS, a3, 48);
  v128.store(SUMS, b0, 64);
  v128.store(SUMS, b1, 80);
  v128.store(SUMS, b2, 96);
  v128.store(SUMS, b3, 112);
  tile.sumOverflows += writes - sumOf(sumCount);
}

function saturatedSignedByTwo(tile: Tile, table: i32, end: i32, weights: usize, panelBytes: i32): void {
  fittedSignedByTwo(tile, table, end, weights, panelBytes, SATURATE_16);
}

function clampedSignedByTwo(tile: Tile, table: i32, end: i32, weights: usize, panelBytes: i32): void {
  fittedSignedByTwo(tile, table, end, weights, panelBytes, CLAMP);
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

/** The fitting loop of a tile, and of its products where they may overflow. */
// @ts-ignore: decorator
@inline
function fit(
  tile: Tile,
  pixel: i32,
  four: bool,
  table: i32,
  end: i32,
  weights: usize,
  check: bool,
  rounding: i32,
  bySign: bool,
): void {
  const fitting = tile.fitting;
  if (fitting == SATURATE_16) {
    if (check) fitted(tile, pixel, four, table, end, weights, true, SATURATE_16, rounding, bySign);
    else fitted(tile, pixel, four, table, end, weights, false, SATURATE_16, rounding, bySign);
  } else if (fitting == CLAMP) {
    if (check) fitted(tile, pixel, four, table, end, weights, true, CLAMP, rounding, bySign);
    else fitted(tile, pixel, four, table, end, weights, false, CLAMP, rounding, bySign);
  } else if (fitting == SYMMETRIC_16) fitted(tile, pixel, four, table, end, weights, true, SYMMETRIC_16, rounding, bySign);
  else fitted(tile, pixel, four, table, end, weights, true, WRAP, rounding, bySign);
}

function fitOneByBias(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize, check: bool): void {
  fit(tile, pixel, false, table, end, weights, check, BY_BIAS, true);
}

function fitFourByBias(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize, check: bool): void {
  fit(tile, pixel, true, table, end, weights, check, BY_BIAS, false);
}

function fitFourBySign(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize, check: bool): void {
  fit(tile, pixel, true, table, end, weights, check, BY_BIAS, true);
}

function fitOneToEven(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize, check: bool): void {
  fit(tile, pixel, false, table, end, weights, check, TO_EVEN, false);
}

function fitFourToEven(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize, check: bool): void {
  fit(tile, pixel, true, table, end, weights, check, TO_EVEN, false);
}

function fitOneByParity(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize, check: bool): void {
  fit(tile, pixel, false, table, end, weights, check, BY_PARITY, false);
}

function fitFourByParity(tile: Tile, pixel: i32, table: i32, end: i32, weights: usize, check: bool): void {
  fit(tile, pixel, true, table, end, weights, check, BY_PARITY, false);
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
  fits: i32,
  proved: i32,
  rounding: i32,
): void {
  const bySign = rounding == BY_BIAS && tile.negatives && tile.negativeWeights;
  if (pixels == 8 && proved) {
    if (rounding == TO_EVEN) eightPixelsToEven(table, end, weights);
    else if (rounding == BY_PARITY) eightPixelsByParity(table, end, weights);
    else if (bySign) eightSignedPixels(table, end, weights);
    else eightPixelsByBias(table, end, weights);
    return;
  }
  if (pixels == 4 && panels == 2 && proved == 3) {
    if (rounding == TO_EVEN) fourByTwoToEven(table, end, weights, panelBytes);
    else if (rounding == BY_PARITY) fourByTwoByParity(table, end, weights, panelBytes);
    else if (bySign) fourSignedByTwo(table, end, weights, panelBytes);
    else fourByTwoByBias(table, end, weights, panelBytes);
    return;
  }
  if (pixels == 4 && panels == 2 && !proved && fits == 3 && bySign && tile.fitting != SYMMETRIC_16 && tile.fitting != WRAP) {
    if (tile.fitting == SATURATE_16) saturatedSignedByTwo(tile, table, end, weights, panelBytes);
    else clampedSignedByTwo(tile, table, end, weights, panelBytes);
    return;
  }
  let slot = 0;
  for (let panel = 0; panel < panels; ) {
    if (pixels == 1 && panel + 4 <= panels && ((proved >> panel) & 15) == 15) {
      if (rounding == BY_BIAS) oneByFourByBias(slot, table, end, weights, panelBytes);
      else if (rounding == TO_EVEN) oneByFourToEven(slot, table, end, weights, panelBytes);
      else oneByFourByParity(slot, table, end, weights, panelBytes);
      slot += 4;
      panel += 4;
      weights += panelBytes << 2;
      continue;
    }
    const last = slot + pixels;
    if (proved & (1 << panel)) {
      for (; slot < last; slot++) {
        if (rounding == BY_BIAS) onePixelByBias(slot, table, end, weights);
        else if (rounding == TO_EVEN) onePixelToEven(slot, table, end, weights);
        else onePixelByParity(slot, table, end, weights);
      }
    } else {
      const check = !(fits & (1 << panel));
      for (; slot + 4 <= last; slot += 4) {
        if (bySign) fitFourBySign(tile, slot, table, end, weights, check);
        else if (rounding == BY_BIAS) fitFourByBias(tile, slot, table, end, weights, check);
        else if (rounding == TO_EVEN) fitFourToEven(tile, slot, table, end, weights, check);
        else fitFourByParity(tile, slot, table, end, weights, check);
      }
      for (; slot < last; slot++) {
        if (rounding == BY_BIAS) fitOneByBias(tile, slot, table, end, weights, check);
        else if (rounding == TO_EVEN) fitOneToEven(tile, slot, table, end, weights, check);
        else fitOneByParity(tile, slot, table, end, weights, check);
      }
    }
    panel++;
    weights += panelBytes;
  }
}

/** Whether an adder tree may sum a tile's runs in sixteen bits. */
export function provesRuns(address: usize): bool {
  return runsFit(changetype<Tile>(address));
}

/** Computes a tile, rounding by biases in the packed weights. */
export function tileByBias(address: usize): void {
  computeTile(changetype<Tile>(address), false, 8, 2, 3, 32, (tile, pixels, panels, table, end, weights, bytes, fits, proved) => {
    block(tile, pixels, panels, table, end, weights, bytes, fits, proved, BY_BIAS);
  });
}

/** Computes a tile, rounding to nearest even by biases in the packed weights. */
export function tileToEven(address: usize): void {
  computeTile(changetype<Tile>(address), false, 8, 2, 3, 32, (tile, pixels, panels, table, end, weights, bytes, fits, proved) => {
    block(tile, pixels, panels, table, end, weights, bytes, fits, proved, TO_EVEN);
  });
}

/** Computes a tile, rounding by the lowest kept bit. */
export function tileByParity(address: usize): void {
  const record = changetype<Tile>(address);
  v128.store(PARITY, i32x4.splat(record.parityBase));
  v128.store(PARITY, i32x4.splat(record.parityOdd), 16);
  computeTile(record, false, 8, 2, 3, 32, (tile, pixels, panels, table, end, weights, bytes, fits, proved) => {
    block(tile, pixels, panels, table, end, weights, bytes, fits, proved, BY_PARITY);
  });
}
