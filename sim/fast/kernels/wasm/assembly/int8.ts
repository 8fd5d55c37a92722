/**
 * Products that fit sixteen bits with their rounding bias: |x·w| + 2^s ≤ 2^15, which words of at most eight bits
 * satisfy, and sums of at most fifteen bits. One multiplication of sixteen-bit lanes gives eight products, one addition
 * their bias, one shift their floor.
 *
 * Blocks are proved or fitted as in int16.ts. In a fitted block |a| ≤ 2^14 and |q| ≤ 2^14, so their sum fits sixteen bits.
 *
 * The file is long because sums must stay in variables to stay in vector registers: loops over pixels are written out.
 */
import { ADDRESSES, computeTile, SUMS } from "./driver";
import { PANEL, runsFit, Tile } from "./tile";

/** Replaced by the bits that a product drops when the module is set up (../modules.ts). */
const DROPPED: i32 = 13;
/** Replaced by 15 − s: brings the lowest kept bit to the top. */
const LOWEST_KEPT: i32 = 14;

/** How the bias of a product is found: in the panel, in the panel of its input's sign, or by the lowest kept bit. */
const ONE_PANEL = 0;
const PANEL_BY_SIGN = 1;
const BY_PARITY = 2;

/** Base and odd bias of rounding by parity. */
const PARITY: usize = memory.data(2 * 16, 16);

/**
 * Packs `words` input words from 32-bit words at `source` into records of eight bytes at `target`: x twice in sixteen bits,
 * and `negativeWeights` where x is negative, else 0. Notes the largest |x| and whether any x is negative.
 */
export function expand(address: usize, target: usize): void {
  const tile = changetype<Tile>(address);
  const negativeOffset = i32x4.splat(tile.negativeWeights);
  const low = i32x4.splat(0xffff);
  let largest = i32x4.splat(0);
  let signs = i32x4.splat(0);
  const end = tile.source + (tile.words << 2);
  for (let source = tile.source; source < end; source += 16) {
    const words = v128.load(source as usize);
    const sign = i32x4.shr_s(words, 31);
    const pairs = v128.or(v128.and(words, low), i32x4.shl(words, 16));
    const offsets = v128.and(sign, negativeOffset);
    largest = i32x4.max_s(largest, i32x4.abs(words));
    signs = v128.or(signs, sign);
    v128.store(target, v128.shuffle<i32>(pairs, offsets, 0, 4, 1, 5));
    v128.store(target, v128.shuffle<i32>(pairs, offsets, 2, 6, 3, 7), 16);
    target += 32;
  }
  largest = i32x4.max_s(largest, v128.shuffle<i32>(largest, largest, 2, 3, 0, 1));
  largest = i32x4.max_s(largest, v128.shuffle<i32>(largest, largest, 1, 0, 3, 2));
  tile.largestInput = i32x4.extract_lane(largest, 0);
  tile.negatives = v128.any_true(signs) ? 1 : 0;
}

/** Eight rounded products of the input word in a record. A step's panel holds eight weights, then their biases. */
// @ts-ignore: decorator
@inline
function products(record: usize, weights: v128, biases: v128, panel: usize, rounding: i32): v128 {
  const exact = i16x8.mul(v128.load32_splat(record), weights);
  if (rounding == ONE_PANEL) return i16x8.shr_s(i16x8.add(exact, biases), DROPPED);
  if (rounding == PANEL_BY_SIGN) {
    return i16x8.shr_s(i16x8.add(exact, v128.load(panel + load<usize>(record, 4), 16)), DROPPED);
  }
  const odd = v128.and(i16x8.shr_s(i16x8.shl(exact, LOWEST_KEPT), 15), v128.load(PARITY, 16));
  return i16x8.shr_s(i16x8.add(i16x8.add(exact, v128.load(PARITY)), odd), DROPPED);
}

/** A proved block of eight pixels. */
// @ts-ignore: decorator
@inline
function eightPixels(table: i32, end: i32, panel: usize, rounding: i32): void {
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
    const weights = v128.load(panel);
    const biases = v128.load(panel, 16);
    a0 = i16x8.add(a0, products(p0 + step, weights, biases, panel, rounding));
    a1 = i16x8.add(a1, products(p1 + step, weights, biases, panel, rounding));
    a2 = i16x8.add(a2, products(p2 + step, weights, biases, panel, rounding));
    a3 = i16x8.add(a3, products(p3 + step, weights, biases, panel, rounding));
    a4 = i16x8.add(a4, products(p4 + step, weights, biases, panel, rounding));
    a5 = i16x8.add(a5, products(p5 + step, weights, biases, panel, rounding));
    a6 = i16x8.add(a6, products(p6 + step, weights, biases, panel, rounding));
    a7 = i16x8.add(a7, products(p7 + step, weights, biases, panel, rounding));
    panel += 32;
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

function eightPixelsOnePanel(table: i32, end: i32, panel: usize): void {
  eightPixels(table, end, panel, ONE_PANEL);
}

function eightPixelsBySign(table: i32, end: i32, panel: usize): void {
  eightPixels(table, end, panel, PANEL_BY_SIGN);
}

function eightPixelsByParity(table: i32, end: i32, panel: usize): void {
  eightPixels(table, end, panel, BY_PARITY);
}

/** A proved block of four pixels in two panels: an input word serves both. */
// @ts-ignore: decorator
@inline
function fourByTwo(table: i32, end: i32, panel: usize, panelBytes: i32, rounding: i32): void {
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
    const next = panel + panelBytes;
    const weights = v128.load(panel);
    const biases = v128.load(panel, 16);
    const nextWeights = v128.load(next);
    const nextBiases = v128.load(next, 16);
    a0 = i16x8.add(a0, products(p0 + step, weights, biases, panel, rounding));
    b0 = i16x8.add(b0, products(p0 + step, nextWeights, nextBiases, next, rounding));
    a1 = i16x8.add(a1, products(p1 + step, weights, biases, panel, rounding));
    b1 = i16x8.add(b1, products(p1 + step, nextWeights, nextBiases, next, rounding));
    a2 = i16x8.add(a2, products(p2 + step, weights, biases, panel, rounding));
    b2 = i16x8.add(b2, products(p2 + step, nextWeights, nextBiases, next, rounding));
    a3 = i16x8.add(a3, products(p3 + step, weights, biases, panel, rounding));
    b3 = i16x8.add(b3, products(p3 + step, nextWeights, nextBiases, next, rounding));
    panel += 32;
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

function fourByTwoOnePanel(table: i32, end: i32, panel: usize, panelBytes: i32): void {
  fourByTwo(table, end, panel, panelBytes, ONE_PANEL);
}

function fourByTwoBySign(table: i32, end: i32, panel: usize, panelBytes: i32): void {
  fourByTwo(table, end, panel, panelBytes, PANEL_BY_SIGN);
}

function fourByTwoByParity(table: i32, end: i32, panel: usize, panelBytes: i32): void {
  fourByTwo(table, end, panel, panelBytes, BY_PARITY);
}

/** A proved block of one pixel. */
// @ts-ignore: decorator
@inline
function onePixel(pixel: i32, table: i32, end: i32, panel: usize, rounding: i32): void {
  const place = load<usize>(ADDRESSES + (pixel << 2));
  let sums = v128.load(SUMS + (pixel << 4));
  for (; table < end; table += 4) {
    const record = place + (load<i32>(table as usize) << 3);
    sums = i16x8.add(sums, products(record, v128.load(panel), i16x8.splat(0), panel, rounding));
    panel += 32;
  }
  v128.store(SUMS + (pixel << 4), sums);
}

/** Words fitted into a range; `shift` ≥ 0: wrapped to 16 − shift bits. */
// @ts-ignore: decorator
@inline
function fit(words: v128, least: v128, most: v128, shift: i32): v128 {
  if (shift >= 0) return i16x8.shr_s(i16x8.shl(words, shift), shift);
  return i16x8.min_s(i16x8.max_s(words, least), most);
}

/**
 * A block of `four` pixels from `pixel` on, or of one, every word fitted and every overflow counted, as in int16.ts. Lanes
 * count at most 4 · `BLOCK` words.
 */
// @ts-ignore: decorator
@inline
function fitted(
  tile: Tile,
  pixel: i32,
  four: bool,
  table: i32,
  end: i32,
  panel: usize,
  check: bool,
  wraps: bool,
  rounding: i32,
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
  const shift = wraps && tile.wrapShift >= 0 ? tile.wrapShift - 16 : -1;
  const productShift = wraps ? tile.fitting : -1;
  const none = i16x8.splat(0);
  let a0 = v128.load(sums);
  let a1 = v128.load(sums, 16);
  let a2 = v128.load(sums, 32);
  let a3 = v128.load(sums, 48);
  let productCount = i16x8.splat(0);
  let sumCount = i16x8.splat(0);
  const writes = ((end - table) >> 2) * (four ? 4 : 1) * PANEL;
  for (; table < end; table += 4) {
    const step = load<i32>(table as usize) << 3;
    const weights = v128.load(panel);
    let q0 = products(p0 + step, weights, none, panel, rounding);
    if (check) {
      const f0 = fit(q0, leastProduct, mostProduct, productShift);
      productCount = i16x8.sub(productCount, i16x8.eq(f0, q0));
      q0 = f0;
    }
    const t0 = i16x8.add(a0, q0);
    a0 = fit(t0, least, most, shift);
    sumCount = i16x8.sub(sumCount, i16x8.eq(a0, t0));
    if (four) {
      let q1 = products(p1 + step, weights, none, panel, rounding);
      if (check) {
        const f1 = fit(q1, leastProduct, mostProduct, productShift);
        productCount = i16x8.sub(productCount, i16x8.eq(f1, q1));
        q1 = f1;
      }
      const t1 = i16x8.add(a1, q1);
      a1 = fit(t1, least, most, shift);
      sumCount = i16x8.sub(sumCount, i16x8.eq(a1, t1));
      let q2 = products(p2 + step, weights, none, panel, rounding);
      if (check) {
        const f2 = fit(q2, leastProduct, mostProduct, productShift);
        productCount = i16x8.sub(productCount, i16x8.eq(f2, q2));
        q2 = f2;
      }
      const t2 = i16x8.add(a2, q2);
      a2 = fit(t2, least, most, shift);
      sumCount = i16x8.sub(sumCount, i16x8.eq(a2, t2));
      let q3 = products(p3 + step, weights, none, panel, rounding);
      if (check) {
        const f3 = fit(q3, leastProduct, mostProduct, productShift);
        productCount = i16x8.sub(productCount, i16x8.eq(f3, q3));
        q3 = f3;
      }
      const t3 = i16x8.add(a3, q3);
      a3 = fit(t3, least, most, shift);
      sumCount = i16x8.sub(sumCount, i16x8.eq(a3, t3));
    }
    panel += 32;
  }
  v128.store(sums, a0);
  if (four) {
    v128.store(sums, a1, 16);
    v128.store(sums, a2, 32);
    v128.store(sums, a3, 48);
  }
  if (check) tile.productOverflows += writes - sumOf(productCount);
  tile.sumOverflows += writes - sumOf(sumCount);
}

/**
 * The same for four pixels in two panels whose sums and products saturate to eight bits, or whose products lie in them:
 * both panels of a pixel share a vector of sixteen lanes, in which a sum overflows where saturating and wrapping differ. A
 * lane counts at most 4 · `BLOCK` sums, and 8 · `BLOCK` products.
 */
// @ts-ignore: decorator
@inline
function saturatedToBytes(
  tile: Tile,
  table: i32,
  end: i32,
  panel: usize,
  panelBytes: i32,
  check: bool,
  rounding: i32,
): void {
  const p0 = load<usize>(ADDRESSES);
  const p1 = load<usize>(ADDRESSES, 4);
  const p2 = load<usize>(ADDRESSES, 8);
  const p3 = load<usize>(ADDRESSES, 12);
  let a0 = i8x16.narrow_i16x8_s(v128.load(SUMS), v128.load(SUMS, 64));
  let a1 = i8x16.narrow_i16x8_s(v128.load(SUMS, 16), v128.load(SUMS, 80));
  let a2 = i8x16.narrow_i16x8_s(v128.load(SUMS, 32), v128.load(SUMS, 96));
  let a3 = i8x16.narrow_i16x8_s(v128.load(SUMS, 48), v128.load(SUMS, 112));
  let productCount = i16x8.splat(0);
  let sumCount = i8x16.splat(0);
  const writes = ((end - table) >> 2) * 8 * PANEL;
  for (; table < end; table += 4) {
    const step = load<i32>(table as usize) << 3;
    const next = panel + panelBytes;
    const weights = v128.load(panel);
    const biases = v128.load(panel, 16);
    const nextWeights = v128.load(next);
    const nextBiases = v128.load(next, 16);
    const q0 = products(p0 + step, weights, biases, panel, rounding);
    const r0 = products(p0 + step, nextWeights, nextBiases, next, rounding);
    const w0 = i8x16.narrow_i16x8_s(q0, r0);
    if (check) {
      productCount = i16x8.sub(productCount, i16x8.eq(i16x8.extend_low_i8x16_s(w0), q0));
      productCount = i16x8.sub(productCount, i16x8.eq(i16x8.extend_high_i8x16_s(w0), r0));
    }
    const t0 = i8x16.add(a0, w0);
    a0 = i8x16.add_sat_s(a0, w0);
    sumCount = i8x16.sub(sumCount, i8x16.eq(a0, t0));
    const q1 = products(p1 + step, weights, biases, panel, rounding);
    const r1 = products(p1 + step, nextWeights, nextBiases, next, rounding);
    const w1 = i8x16.narrow_i16x8_s(q1, r1);
    if (check) {
      productCount = i16x8.sub(productCount, i16x8.eq(i16x8.extend_low_i8x16_s(w1), q1));
      productCount = i16x8.sub(productCount, i16x8.eq(i16x8.extend_high_i8x16_s(w1), r1));
    }
    const t1 = i8x16.add(a1, w1);
    a1 = i8x16.add_sat_s(a1, w1);
    sumCount = i8x16.sub(sumCount, i8x16.eq(a1, t1));
    const q2 = products(p2 + step, weights, biases, panel, rounding);
    const r2 = products(p2 + step, nextWeights, nextBiases, next, rounding);
    const w2 = i8x16.narrow_i16x8_s(q2, r2);
    if (check) {
      productCount = i16x8.sub(productCount, i16x8.eq(i16x8.extend_low_i8x16_s(w2), q2));
      productCount = i16x8.sub(productCount, i16x8.eq(i16x8.extend_high_i8x16_s(w2), r2));
    }
    const t2 = i8x16.add(a2, w2);
    a2 = i8x16.add_sat_s(a2, w2);
    sumCount = i8x16.sub(sumCount, i8x16.eq(a2, t2));
    const q3 = products(p3 + step, weights, biases, panel, rounding);
    const r3 = products(p3 + step, nextWeights, nextBiases, next, rounding);
    const w3 = i8x16.narrow_i16x8_s(q3, r3);
    if (check) {
      productCount = i16x8.sub(productCount, i16x8.eq(i16x8.extend_low_i8x16_s(w3), q3));
      productCount = i16x8.sub(productCount, i16x8.eq(i16x8.extend_high_i8x16_s(w3), r3));
    }
    const t3 = i8x16.add(a3, w3);
    a3 = i8x16.add_sat_s(a3, w3);
    sumCount = i8x16.sub(sumCount, i8x16.eq(a3, t3));
    panel += 32;
  }
  v128.store(SUMS, i16x8.extend_low_i8x16_s(a0));
  v128.store(SUMS, i16x8.extend_high_i8x16_s(a0), 64);
  v128.store(SUMS, i16x8.extend_low_i8x16_s(a1), 16);
  v128.store(SUMS, i16x8.extend_high_i8x16_s(a1), 80);
  v128.store(SUMS, i16x8.extend_low_i8x16_s(a2), 32);
  v128.store(SUMS, i16x8.extend_high_i8x16_s(a2), 96);
  v128.store(SUMS, i16x8.extend_low_i8x16_s(a3), 48);
  v128.store(SUMS, i16x8.extend_high_i8x16_s(a3), 112);
  if (check) tile.productOverflows += writes - sumOf(productCount);
  tile.sumOverflows += writes - sumOf(i16x8.extadd_pairwise_i8x16_u(sumCount));
}

// @ts-ignore: decorator
@inline
function bytesBlock(tile: Tile, table: i32, end: i32, panel: usize, panelBytes: i32, check: bool, rounding: i32): void {
  if (check) saturatedToBytes(tile, table, end, panel, panelBytes, true, rounding);
  else saturatedToBytes(tile, table, end, panel, panelBytes, false, rounding);
}

function bytesOnePanel(tile: Tile, table: i32, end: i32, panel: usize, panelBytes: i32, check: bool): void {
  bytesBlock(tile, table, end, panel, panelBytes, check, ONE_PANEL);
}

function bytesBySign(tile: Tile, table: i32, end: i32, panel: usize, panelBytes: i32, check: bool): void {
  bytesBlock(tile, table, end, panel, panelBytes, check, PANEL_BY_SIGN);
}

function bytesByParity(tile: Tile, table: i32, end: i32, panel: usize, panelBytes: i32, check: bool): void {
  bytesBlock(tile, table, end, panel, panelBytes, check, BY_PARITY);
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

/** A block of one pixel, or of four, with the loops that its registers need. */
// @ts-ignore: decorator
@inline
function fitBlock(tile: Tile, pixel: i32, four: bool, table: i32, end: i32, panel: usize, check: bool, rounding: i32): void {
  if (tile.wrapShift >= 0 || tile.fitting >= 0) fitted(tile, pixel, four, table, end, panel, true, true, rounding);
  else if (check) fitted(tile, pixel, four, table, end, panel, true, false, rounding);
  else fitted(tile, pixel, four, table, end, panel, false, false, rounding);
}

/** Whether sums saturate to the whole range of eight bits, and so do products, or they lie in it. */
function saturatesToBytes(tile: Tile): bool {
  if (tile.wrapShift >= 0 || tile.sumMin != -128 || tile.sumMax != 127) return false;
  return tile.fitting < 0 && tile.productMin == -128 && tile.productMax == 127;
}

function fitOneBySign(tile: Tile, pixel: i32, table: i32, end: i32, panel: usize, check: bool): void {
  fitBlock(tile, pixel, false, table, end, panel, check, PANEL_BY_SIGN);
}

function fitFourBySign(tile: Tile, pixel: i32, table: i32, end: i32, panel: usize, check: bool): void {
  fitBlock(tile, pixel, true, table, end, panel, check, PANEL_BY_SIGN);
}

function fitOneByParity(tile: Tile, pixel: i32, table: i32, end: i32, panel: usize, check: bool): void {
  fitBlock(tile, pixel, false, table, end, panel, check, BY_PARITY);
}

function fitFourByParity(tile: Tile, pixel: i32, table: i32, end: i32, panel: usize, check: bool): void {
  fitBlock(tile, pixel, true, table, end, panel, check, BY_PARITY);
}

function onePixelBySign(pixel: i32, table: i32, end: i32, panel: usize): void {
  onePixel(pixel, table, end, panel, PANEL_BY_SIGN);
}

function onePixelByParity(pixel: i32, table: i32, end: i32, panel: usize): void {
  onePixel(pixel, table, end, panel, BY_PARITY);
}

/** Whether an adder tree may sum a tile's runs in sixteen bits. */
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
  panel: usize,
  panelBytes: i32,
  fits: i32,
  proved: i32,
  parity: bool,
): void {
  const bySign = tile.negatives && tile.negativeWeights;
  if (pixels == 8 && proved) {
    if (parity) eightPixelsByParity(table, end, panel);
    else if (bySign) eightPixelsBySign(table, end, panel);
    else eightPixelsOnePanel(table, end, panel);
    return;
  }
  if (pixels == 4 && panels == 2 && proved == 3) {
    if (parity) fourByTwoByParity(table, end, panel, panelBytes);
    else if (bySign) fourByTwoBySign(table, end, panel, panelBytes);
    else fourByTwoOnePanel(table, end, panel, panelBytes);
    return;
  }
  if (pixels == 4 && panels == 2 && saturatesToBytes(tile)) {
    const check = fits != 3;
    if (parity) bytesByParity(tile, table, end, panel, panelBytes, check);
    else if (bySign) bytesBySign(tile, table, end, panel, panelBytes, check);
    else bytesOnePanel(tile, table, end, panel, panelBytes, check);
    return;
  }
  let slot = 0;
  for (let each = 0; each < panels; each++, panel += panelBytes) {
    const last = slot + pixels;
    if (proved & (1 << each)) {
      for (; slot < last; slot++) {
        if (parity) onePixelByParity(slot, table, end, panel);
        else onePixelBySign(slot, table, end, panel);
      }
    } else {
      const check = !(fits & (1 << each));
      for (; slot + 4 <= last; slot += 4) {
        if (parity) fitFourByParity(tile, slot, table, end, panel, check);
        else fitFourBySign(tile, slot, table, end, panel, check);
      }
      for (; slot < last; slot++) {
        if (parity) fitOneByParity(tile, slot, table, end, panel, check);
        else fitOneBySign(tile, slot, table, end, panel, check);
      }
    }
  }
}

/** Computes a tile, rounding by biases in the packed weights. */
export function tileByBias(address: usize): void {
  const record = changetype<Tile>(address);
  record.countsCheaply = saturatesToBytes(record) ? 1 : 0;
  computeTile(record, false, 8, 2, 3, 32, (tile, pixels, panels, table, end, weights, bytes, fits, proved) => {
    block(tile, pixels, panels, table, end, weights, bytes, fits, proved, false);
  });
}

/** Computes a tile, rounding by the lowest kept bit. */
export function tileByParity(address: usize): void {
  const record = changetype<Tile>(address);
  record.countsCheaply = saturatesToBytes(record) ? 1 : 0;
  v128.store(PARITY, i16x8.splat(<i16>record.parityBase));
  v128.store(PARITY, i16x8.splat(<i16>record.parityOdd), 16);
  computeTile(record, false, 8, 2, 3, 32, (tile, pixels, panels, table, end, weights, bytes, fits, proved) => {
    block(tile, pixels, panels, table, end, weights, bytes, fits, proved, true);
  });
}
