import type { Store } from "../../../isa/instructions/store.ts";
import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import type { MachineState } from "../machine-state.ts";
import { blockAddresses, transfer, transferBits } from "./block.ts";
import type { Execution } from "./execution.ts";

/** Output buffer, dense → DRAM block. Bit patterns are copied as they are. */
export function* executeStore(state: MachineState, _index: number, store: Store): Execution {
  const { dram } = state.machine;
  const { wordLength } = store;
  const pattern: FixedPointFormat = { wordLength, fractionLength: 0, signed: false };
  yield* transfer(transferBits(store, wordLength, dram), dram, () => {
    let address = store.address;
    for (const target of blockAddresses(store, wordLength)) {
      state.dram.writeBits(target, state.memories.outputBuffer.read(address, pattern), wordLength);
      address += wordLength;
    }
  });
}
