/**
 * The loop that all lanes of integers share: a few panels after the other, chunk of steps after chunk, so that their weights
 * stay in the cache; a few pixels side by side, so that a word once loaded serves several sums; block after block, each
 * proved or fitted.
 */
import { BLOCK_PARTS, clearSums, growth, PANEL, PART, productsFit, RUN_END, Tile } from "./tile";

/** Sums of the slots: sixteen bytes each, or thirty-two where they have 32 bits. */
export const SUMS: usize = memory.data(8 * 16, 16);

/** Where the packed input words of the slots begin. */
export const ADDRESSES: usize = memory.data(8 * 4, 16);

/** One row of sums of a panel that is not full. */
const ROW: usize = memory.data(32, 16);

/** The largest Σ|w| of a filter over a whole chunk, by panel of the group. */
const CHUNK_WEIGHTS: usize = memory.data(8 * 4, 16);

/** Blocks of a chunk: 256 steps. */
const CHUNK_BLOCKS: i32 = 8;

/**
 * Goes on with the sums of `pixels` pixels in each of `panels` panels through some steps: the table of step offsets from
 * `table` to `end`; weights from `weights` on, those of the next panel `panelBytes` later. Pixel e of panel p has the
 * slot p · pixels + e. A bit for each panel: `fits`, no product overflows; `proved`, nor does any sum.
 */
export type Block = (
  tile: Tile,
  pixels: i32,
  panels: i32,
  table: i32,
  end: i32,
  weights: usize,
  panelBytes: i32,
  fits: i32,
  proved: i32,
) => void;

/** What the sums of a group are: pixels and panels, the first sum in the bank, filters in the last panel. */
@unmanaged
class Group {
  pixels: i32;
  panels: i32;
  sums: usize;
  lastFilters: i32;
}

const GROUP: Group = changetype<Group>(memory.data(16, 16));

/**
 * Computes a tile. `wide`: sums of 32 bits instead of 16; `slots`: sums of eight side by side; `panelsAtOnce`: where there
 * are pixels enough; `recordShift`: log2 of the bytes of a packed input word; `stepBytes`: bytes of a panel's weights for
 * one step.
 */
// @ts-ignore: decorator
@inline
export function computeTile(
  tile: Tile,
  wide: bool,
  slots: i32,
  panelsAtOnce: i32,
  recordShift: i32,
  stepBytes: i32,
  compute: Block,
): void {
  tile.productOverflows = 0;
  tile.sumOverflows = 0;
  clearSums(tile);
  const panelBytes = tile.steps * stepBytes;
  const panelCount = (tile.filters + PANEL - 1) / PANEL;
  const blocksEnd = tile.blocks + (tile.blockCount << 2);
  const most = max(panelsAtOnce, slots / tile.pixels);
  for (let panel = 0; panel < panelCount; ) {
    const panels = min(most, panelCount - panel);
    const atOnce = slots / panels;
    const filter = panel * PANEL;
    GROUP.panels = panels;
    GROUP.lastFilters = min(PANEL, tile.filters - (panel + panels - 1) * PANEL);
    let fits = 0;
    for (let each = 0; each < panels; each++) fits |= (productsFit(tile, panel + each) ? 1 : 0) << each;
    let chunkWeights = (tile.weights + panel * panelBytes) as usize;
    let chunkBounds = (tile.blockWeights + ((panel * tile.blockCount) << 2)) as usize;
    let chunkTable = tile.stepOffsets;
    for (let chunk = tile.blocks; chunk < blocksEnd; ) {
      const chunkEnd = endOfChunk(tile, chunk, blocksEnd);
      const chunkSteps = boundChunk(tile, chunk, chunkEnd, chunkBounds);
      let weights = chunkWeights;
      let bounds = chunkBounds;
      let table = chunkTable;
      for (let first = 0; first < tile.pixels; first += atOnce) {
        const pixels = min(atOnce, tile.pixels - first);
        GROUP.pixels = pixels;
        GROUP.sums = (tile.sums + first * tile.sumPitch + (filter << 2)) as usize;
        for (let pixel = 0; pixel < pixels; pixel++) {
          const offset = load<i32>((tile.pixelOffsets + ((first + pixel) << 2)) as usize);
          for (let slot = pixel; slot < pixels * panels; slot += pixels) {
            store<usize>(ADDRESSES + (slot << 2), tile.input + (offset << recordShift));
          }
        }
        startRun(tile, wide);
        weights = chunkWeights;
        bounds = chunkBounds;
        table = chunkTable;
        let blocks = chunk;
        if (chunkSteps && provedPanels(tile, wide, fits, CHUNK_WEIGHTS, 4, chunkSteps) == (1 << panels) - 1) {
          const end = table + (chunkSteps << 2);
          compute(tile, pixels, panels, table, end, weights, panelBytes, fits, fits);
          weights += chunkSteps * stepBytes;
          bounds += chunkEnd - chunk;
          table = end;
          blocks = chunkEnd;
        }
        for (; blocks < chunkEnd; blocks += 4) {
          const entry = load<i32>(blocks as usize);
          const steps = entry & (RUN_END - 1);
          const end = table + (steps << 2);
          const boundBytes = tile.blockCount << 2;
          const proved = provedPanels(tile, wide, fits, bounds, boundBytes, steps);
          const parts = tile.partWeights + (bounds - (tile.blockWeights as usize)) * BLOCK_PARTS;
          if (proved == fits || !mayProve(tile, wide, fits, parts, boundBytes * BLOCK_PARTS, steps)) {
            compute(tile, pixels, panels, table, end, weights, panelBytes, fits, proved);
          } else {
            let partWeights = weights;
            let part = parts;
            for (let partTable = table; partTable < end; partTable += PART << 2) {
              const partEnd = min(partTable + (PART << 2), end);
              const partSteps = (partEnd - partTable) >> 2;
              const partProved = provedPanels(tile, wide, fits, part, boundBytes * BLOCK_PARTS, partSteps);
              compute(tile, pixels, panels, partTable, partEnd, partWeights, panelBytes, fits, partProved);
              partWeights += partSteps * stepBytes;
              part += 4;
            }
          }
          weights += steps * stepBytes;
          bounds += 4;
          table = end;
          if (entry & RUN_END && blocks + 4 < chunkEnd) {
            endRun(tile, wide);
            startRun(tile, wide);
          }
        }
        endRun(tile, wide);
      }
      chunkWeights = weights;
      chunkBounds = bounds;
      chunkTable = table;
      chunk = chunkEnd;
    }
    panel += panels;
  }
}

/**
 * One past the last block of a chunk: so many that weights and input words of a chunk stay in the first-level cache while all
 * pixels pass. Where runs carry, sums wait in the bank in between; where not, a chunk ends with a run.
 */
function endOfChunk(tile: Tile, chunk: i32, blocksEnd: i32): i32 {
  let end = min(chunk + (CHUNK_BLOCKS << 2), blocksEnd);
  if (tile.carries) return end;
  while (end < blocksEnd && !(load<i32>((end - 4) as usize) & RUN_END)) end += 4;
  return end;
}

/** The steps of a chunk within which no run ends, with its `CHUNK_WEIGHTS`: it may be proved at once. 0 for any other. */
function boundChunk(tile: Tile, chunk: i32, chunkEnd: i32, bounds: usize): i32 {
  let steps = 0;
  for (let blocks = chunk; blocks < chunkEnd; blocks += 4) {
    const entry = load<i32>(blocks as usize);
    if (entry & RUN_END && blocks + 4 < chunkEnd) return 0;
    steps += entry & (RUN_END - 1);
  }
  for (let panel = 0; panel < GROUP.panels; panel++) {
    let sum: u32 = 0;
    const end = bounds + (chunkEnd - chunk);
    for (let bound = bounds; bound < end; bound += 4) sum += load<u32>(bound);
    store<u32>(CHUNK_WEIGHTS + (panel << 2), sum);
    bounds += tile.blockCount << 2;
  }
  return steps;
}

/** Whether looking at the parts of a block one by one promises anything: the first of them is proved in every panel. */
// @ts-ignore: decorator
@inline
function mayProve(tile: Tile, wide: bool, fits: i32, parts: usize, partBytes: i32, steps: i32): bool {
  return !tile.countsCheaply && provedPanels(tile, wide, fits, parts, partBytes, min(steps, PART)) == fits;
}

/** Of the panels in `fits`, those in which no sum of the group can overflow in the next `steps` steps. */
// @ts-ignore: decorator
@inline
function provedPanels(tile: Tile, wide: bool, fits: i32, bounds: usize, boundBytes: i32, steps: i32): i32 {
  let proved = 0;
  for (let panel = 0; panel < GROUP.panels; panel++) {
    if (!(fits & (1 << panel))) continue;
    const limit = (tile.sumMax as i64) - growth(tile, load<u32>(bounds + panel * boundBytes), steps);
    if (limit < 0) continue;
    const slot = panel * GROUP.pixels;
    const within = wide ? within32(slot, GROUP.pixels, <i32>limit) : within16(slot, GROUP.pixels, <i32>limit);
    if (within) proved |= 1 << panel;
  }
  return proved;
}

/** Whether every 16-bit sum of `count` slots from `first` on lies within ±limit. */
export function within16(first: i32, count: i32, limit: i32): bool {
  const sums = SUMS + (first << 4);
  let largest = i16x8.abs(v128.load(sums));
  for (let slot = 1; slot < count; slot++) {
    largest = i16x8.max_u(largest, i16x8.abs(v128.load(sums + (slot << 4))));
  }
  return !v128.any_true(i16x8.sub_sat_u(largest, i16x8.splat(<i16>limit)));
}

/** Whether every 32-bit sum of `count` slots from `first` on lies within ±limit. */
function within32(first: i32, count: i32, limit: i32): bool {
  const sums = SUMS + (first << 5);
  const ends = i32x4.splat(limit);
  let largest = ends;
  for (let half = 0; half < count << 1; half++) {
    largest = i32x4.max_u(largest, i32x4.abs(v128.load(sums + (half << 4))));
  }
  return i32x4.all_true(i32x4.eq(largest, ends));
}

/** Filters of a panel of the group. */
// @ts-ignore: decorator
@inline
function filtersOf(panel: i32): i32 {
  return panel == GROUP.panels - 1 ? GROUP.lastFilters : PANEL;
}

// @ts-ignore: decorator
@inline
function startRun(tile: Tile, wide: bool): void {
  const bytes = wide ? 32 : 16;
  if (!tile.carries) {
    memory.fill(SUMS, 0, GROUP.pixels * GROUP.panels * bytes);
    return;
  }
  let place = SUMS;
  for (let panel = 0; panel < GROUP.panels; panel++) {
    let address = GROUP.sums + (panel << 5);
    for (let pixel = 0; pixel < GROUP.pixels; pixel++) {
      const row = readable(address, filtersOf(panel));
      if (wide) {
        v128.store(place, v128.load(row));
        v128.store(place, v128.load(row, 16), 16);
      } else v128.store(place, i16x8.narrow_i32x4_s(v128.load(row), v128.load(row, 16)));
      place += bytes;
      address += tile.sumPitch;
    }
  }
}

// @ts-ignore: decorator
@inline
function endRun(tile: Tile, wide: bool): void {
  let place = SUMS;
  for (let panel = 0; panel < GROUP.panels; panel++) {
    const present = filtersOf(panel);
    let address = GROUP.sums + (panel << 5);
    for (let pixel = 0; pixel < GROUP.pixels; pixel++) {
      const words = v128.load(place);
      const low = wide ? words : i32x4.extend_low_i16x8_s(words);
      const high = wide ? v128.load(place, 16) : i32x4.extend_high_i16x8_s(words);
      if (tile.carries) writeSums(address, present, low, high);
      else addToBank(tile, address, present, low, high);
      place += wide ? 32 : 16;
      address += tile.sumPitch;
    }
  }
}

/** Eight readable sums of which the first `present` are those at `address`, the others zero. */
export function readable(address: usize, present: i32): usize {
  if (present == PANEL) return address;
  v128.store(ROW, i32x4.splat(0));
  v128.store(ROW, i32x4.splat(0), 16);
  for (let filter = 0; filter < present; filter++) {
    store<i32>(ROW + (filter << 2), load<i32>(address + (filter << 2)));
  }
  return ROW;
}

export function writeSums(address: usize, present: i32, low: v128, high: v128): void {
  const row = present == PANEL ? address : ROW;
  v128.store(row, low);
  v128.store(row, high, 16);
  if (present == PANEL) return;
  for (let filter = 0; filter < present; filter++) {
    store<i32>(address + (filter << 2), load<i32>(ROW + (filter << 2)));
  }
}

/** Adds a run's sums to the bank's, fitted and counted. */
function addToBank(tile: Tile, address: usize, present: i32, low: v128, high: v128): void {
  const row = readable(address, present);
  const bankLow = v128.load(row);
  const bankHigh = v128.load(row, 16);
  const lowFit = fitted(tile, bankLow, low);
  const highFit = fitted(tile, bankHigh, high);
  const differs = overflowed(bankLow, low, lowFit) | (overflowed(bankHigh, high, highFit) << 4);
  tile.sumOverflows += popcnt(differs & ((1 << present) - 1));
  writeSums(address, present, lowFit, highFit);
}

/** One bit for each of four sums that is not a + b. */
// @ts-ignore: decorator
@inline
function overflowed(a: v128, b: v128, sum: v128): i32 {
  const exact = i32x4.add(a, b);
  return i32x4.bitmask(v128.or(i32x4.ne(sum, exact), carriesOut(a, b, exact)));
}

/** The sign bit is set where a + b needs more than 32 bits. */
// @ts-ignore: decorator
@inline
export function carriesOut(a: v128, b: v128, sum: v128): v128 {
  return v128.and(v128.xor(a, sum), v128.xor(b, sum));
}

/** a + b in the accumulator's range. */
// @ts-ignore: decorator
@inline
export function fitted(tile: Tile, a: v128, b: v128): v128 {
  const sum = i32x4.add(a, b);
  if (tile.wrapShift >= 0) return i32x4.shr_s(i32x4.shl(sum, tile.wrapShift), tile.wrapShift);
  const saturated = v128.xor(i32x4.shr_s(a, 31), i32x4.splat(0x7fffffff));
  const near = v128.bitselect(saturated, sum, i32x4.shr_s(carriesOut(a, b, sum), 31));
  return i32x4.min_s(i32x4.max_s(near, i32x4.splat(tile.sumMin)), i32x4.splat(tile.sumMax));
}
