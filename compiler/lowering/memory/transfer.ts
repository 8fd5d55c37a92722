/** Blocks that move between DRAM and on-chip memories, and what moving them costs. */
import type { Dram } from "../../../isa/machine.ts";

/** rows × columns × channels words; in DRAM neighbouring rows and columns lie this many words apart. */
export interface Block {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** Longest run a load or store moves as one position: the width of the field `channels`. */
const LONGEST_RUN = 2 ** 24 - 1;

/**
 * The same words with contiguous columns, and then contiguous rows, written as longer runs of channels. A stride that
 * nothing uses is 0.
 */
export function withLongestRuns(block: Block): Block {
  const { rows, columns, channels, rowStride, columnStride } = block;
  const run = columns * channels;
  const contiguousColumns = columns === 1 || columnStride === channels;
  if (!contiguousColumns || run > LONGEST_RUN) {
    return { ...block, rowStride: rows === 1 ? 0 : rowStride, columnStride: columns === 1 ? 0 : columnStride };
  }
  const contiguousRows = rows === 1 || rowStride === run;
  if (!contiguousRows || rows * run > LONGEST_RUN) {
    return { rows, columns: 1, channels: run, rowStride: rows === 1 ? 0 : rowStride, columnStride: 0 };
  }
  return { rows: 1, columns: 1, channels: rows * run, rowStride: 0, columnStride: 0 };
}

/** Traffic of a set of transfers. */
export interface Traffic {
  readonly cycles: number;
  readonly bits: number;
}

/**
 * An estimate for choosing between tilings: `transfers` of this many contiguous runs each, runs of `runBits` padded to
 * DRAM words, each transfer after the DRAM's latency. `share`: the part of all that full tiles would move, where the last
 * tiles are smaller.
 */
export function estimateTraffic(dram: Dram, transfers: number, runs: number, runBits: number, share = 1): Traffic {
  const bits = transfers * runs * Math.ceil(runBits / dram.wordBits) * dram.wordBits * share;
  return { cycles: transfers * dram.latencyCycles + bits / (8 * dram.bytesPerCycle), bits };
}

export function addTraffic(...parts: readonly Traffic[]): Traffic {
  return parts.reduce((sum, part) => ({ cycles: sum.cycles + part.cycles, bits: sum.bits + part.bits }), {
    cycles: 0,
    bits: 0,
  });
}
