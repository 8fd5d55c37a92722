import { Tile } from "./tile";

/**
 * Packs `words` input words from 32-bit words at `source` into records of eight bytes at `target`: the pair (x, 1), and
 * `negativeOffset` where x is negative, else 0. Notes the largest |x| and whether any x is negative. May read and write
 * up to three words more.
 */
export function expand(address: usize, target: usize): void {
  const tile = changetype<Tile>(address);
  const negativeOffset = i32x4.splat(tile.negativeWeights);
  const low = i32x4.splat(0xffff);
  const one = i32x4.splat(0x10000);
  let largest = i32x4.splat(0);
  let signs = i32x4.splat(0);
  const end = tile.source + (tile.words << 2);
  for (let source = tile.source; source < end; source += 16) {
    const words = v128.load(source as usize);
    const sign = i32x4.shr_s(words, 31);
    const pairs = v128.or(v128.and(words, low), one);
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
