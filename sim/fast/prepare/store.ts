import type { Store } from "../../../isa/instructions/store.ts";
import { blockCopy } from "../memory/words.ts";
import type { Plan, Workshop } from "./plan.ts";

/** Bits go to DRAM as they are; each tensor reads them with its own signedness. */
export function planStore(store: Store, { memories, dram }: Workshop): Plan {
  const { wordLength } = store;
  const runs = dram.runs({ ...store, address: store.dramAddress }).map((run) => {
    const type = { wordLength, signed: run.tensor.symbol.format.signed };
    return {
      ...run,
      region: memories.region("outputBuffer", type, store.address + run.position * wordLength, run.length),
    };
  });
  return {
    registers: {},
    bind: () => {
      const copies = runs.map(({ tensor, offset, length, region }) =>
        blockCopy(
          region,
          { words: tensor.words, start: offset, signed: tensor.symbol.format.signed },
          length,
          wordLength,
        ),
      );
      return () => {
        for (const copy of copies) copy();
      };
    },
  };
}
