/**
 * A matrix tile in linear memory, as the TypeScript side (../tile.ts) writes it: 32-bit fields in this order. Addresses
 * are in bytes. "Panel": eight consecutive filters; "block": up to `BLOCK` steps of one run.
 */
@unmanaged
export class Tile {
  /** E, N and the steps of a sum as packed. */
  pixels: i32;
  filters: i32;
  steps: i32;
  /** Table of blocks: the number of steps of each, plus `RUN_END` where a run ends with it; and their number. */
  blocks: i32;
  blockCount: i32;
  /** The run starts from the bank's sum instead of zero. */
  carries: i32;
  /** Sums start from what the bank holds instead of zero. */
  accumulate: i32;
  /** Unpacked input words, and how the kernel wants them; see `expand`. */
  source: i32;
  words: i32;
  /** Packed input word of the first pixel's first step. */
  input: i32;
  /** Tables of word offsets. */
  pixelOffsets: i32;
  stepOffsets: i32;
  weights: i32;
  /** Bytes from the weights for positive to those for negative input words. */
  negativeWeights: i32;
  /** The largest Σ|w| of a filter per panel and block, and per part of it. Per panel: the largest |w|. */
  blockWeights: i32;
  partWeights: i32;
  largestWeights: i32;
  /** First sum, as a 32-bit word, and bytes from pixel to pixel. */
  sums: i32;
  sumPitch: i32;
  /** Kept ranges of both registers. */
  productMin: i32;
  productMax: i32;
  sumMin: i32;
  sumMax: i32;
  /** Bits that a product drops. */
  droppedBits: i32;
  /** h: halves by which rounding can raise a magnitude. */
  roundingHalves: i32;
  /** 32 − W where sums wrap, else −1. */
  wrapShift: i32;
  /** Which of the fitting loops a lane takes for what it cannot prove. */
  fitting: i32;
  /** Biases of rounding by parity. */
  parityBase: i32;
  parityOdd: i32;
  /** Set by `expand`: the largest |input word|, and whether one is negative. */
  largestInput: i32;
  negatives: i32;
  /** Overflows of the tile. */
  productOverflows: i32;
  sumOverflows: i32;
  /** R and C, and the states of the generators: row by row, columns filled up to whole panels. */
  rows: i32;
  columns: i32;
  states: i32;
  /** Counting costs so little that a block is proved as a whole or not at all. */
  countsCheaply: i32;
}

/** Most steps of a block. */
export const BLOCK: i32 = 32;

/** Steps of a part of a block, and parts of a whole one. */
export const PART: i32 = 8;
export const BLOCK_PARTS: i32 = 4;

/** Marks the last block of a run: its sums are then written (`carries`) or added to the bank. */
export const RUN_END: i32 = 0x10000;

/** Filters of a panel. */
export const PANEL: i32 = 8;

/**
 * The most that the magnitude of a sum can grow in a block: Σ|q| ≤ Σ(|x·w| · 2^−s + h/2) ≤ max|x| · Σ|w| · 2^−s + n · h/2,
 * where rounding moves a magnitude up by at most h/2: 0 towards zero, 1/2 to nearest, 1 elsewhere.
 */
// @ts-ignore: decorator
@inline
export function growth(tile: Tile, blockWeights: u32, steps: i32): i64 {
  const exact = ((blockWeights as i64) * (tile.largestInput as i64)) >> (tile.droppedBits as i64);
  return exact + ((steps * tile.roundingHalves) >> 1) + 1;
}

/** Whether no product of a panel can leave the product register: |q| ≤ max|x| · max|w| · 2^−s + 1. */
// @ts-ignore: decorator
@inline
export function productsFit(tile: Tile, panel: i32): bool {
  const largest = load<u32>((tile.largestWeights + (panel << 2)) as usize) as i64;
  const bound = ((largest * (tile.largestInput as i64)) >> (tile.droppedBits as i64)) + 1;
  return bound <= (tile.productMax as i64) && bound <= -(tile.productMin as i64);
}

/** Whether no run of a tile, started from zero, needs a fit: an adder tree sums exactly. */
export function runsFit(tile: Tile): bool {
  let weights = tile.blockWeights as usize;
  for (let filter = 0, panel = 0; filter < tile.filters; filter += PANEL, panel++) {
    if (!productsFit(tile, panel)) return false;
    let sum: i64 = 0;
    for (let block = 0; block < tile.blockCount; block++) {
      const steps = load<i32>((tile.blocks + (block << 2)) as usize);
      sum += growth(tile, load<u32>(weights), steps & (RUN_END - 1));
      if (sum > (tile.sumMax as i64)) return false;
      if (steps & RUN_END) sum = 0;
      weights += 4;
    }
  }
  return true;
}

/** Writes zero where sums do not start from the bank. */
export function clearSums(tile: Tile): void {
  if (tile.accumulate) return;
  for (let pixel = 0; pixel < tile.pixels; pixel++) {
    memory.fill(tile.sums + pixel * tile.sumPitch, 0, tile.filters << 2);
  }
}
