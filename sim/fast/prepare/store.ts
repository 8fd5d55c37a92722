import type { Store } from "../../../isa/instructions/store.ts";
import { blockRuns, forEachRun } from "../memory/block-runs.ts";
import { wordCopier } from "../memory/words.ts";
import type { Plan, PrepareContext } from "./plan.ts";

/** Bits go to DRAM as they are; the tensor reads them with its own signedness. */
export function planStore(store: Store, { memories, dram }: PrepareContext): Plan {
  const { wordLength, rows, columns, channels, rowStride, columnStride } = store;
  const { tensor, offset } = dram.place({ ...store, address: store.dramAddress });
  const { signed } = tensor.symbol.format;
  const region = memories.region("outputBuffer", { wordLength, signed }, store.address, rows * columns * channels);
  const dense = { rowPitch: columns * channels, columnPitch: channels };
  const runs = blockRuns(store, dense, { rowPitch: rowStride, columnPitch: columnStride });
  return {
    registers: {},
    bind: () => {
      const copy = wordCopier(region, { words: tensor.words, signed }, wordLength);
      const { start } = region;
      const move = (from: number, to: number, length: number): void => copy(start + from, offset + to, length);
      return () => forEachRun(runs, move);
    },
  };
}
