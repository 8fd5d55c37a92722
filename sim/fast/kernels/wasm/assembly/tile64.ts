/**
 * A matrix tile whose words have 64 bits, as the TypeScript side (../wide-tile.ts) writes it: fields of 32 bits in this
 * order, then of 64 bits. Panels and blocks as in tile.ts; a panel holds eight words of eight bytes for each step.
 */
@unmanaged
export class Tile64 {
  pixels: i32;
  filters: i32;
  steps: i32;
  blocks: i32;
  blockCount: i32;
  /** The run starts from the bank's sum instead of zero; sums start from the bank instead of zero. */
  carries: i32;
  accumulate: i32;
  /** Unpacked input words: their address, number and kind. */
  source: i32;
  words: i32;
  sourceKind: i32;
  input: i32;
  pixelOffsets: i32;
  stepOffsets: i32;
  weights: i32;
  /** Doubles: per panel and block the largest Σ|w|, per panel the largest |w|; weights carry the factor 2^−s here. */
  blockWeights: i32;
  largestWeights: i32;
  sums: i32;
  sumPitch: i32;
  sumKind: i32;
  droppedBits: i32;
  /** Addresses of the ranges and biases, as doubles or as integers. */
  registers: i32;
  /** Brings the doubles to a multiple of eight bytes. */
  unused: i32;
  /** Set by the kernel. */
  productOverflows: i32;
  sumOverflows: i32;
  /** Set by `expand`. */
  largestInput: f64;
}

/** Kinds of words in memory. */
export const WORDS_INT32: i32 = 0;
export const WORDS_FLOAT64: i32 = 1;
export const WORDS_INT64: i32 = 2;

/** Bytes of a panel for one step. */
export const STEP_BYTES: i32 = 64;

/** What doubles may lose in a bound: a few roundings of 2^−53 each, with room to spare. */
const MARGIN: f64 = 1.0 + 1.0 / 1073741824.0;

/** The most that the magnitude of a sum can grow in a block: max|x| · Σ|w| · 2^−s + n + 1. */
// @ts-ignore: decorator
@inline
export function growth64(tile: Tile64, blockWeights: f64, steps: i32): f64 {
  return (tile.largestInput * blockWeights + <f64>(steps + 1)) * MARGIN;
}
