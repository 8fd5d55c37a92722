/** Machines so small that even tiny layers need several tiles. */
import fc from "fast-check";
import type { Dataflow } from "../../../isa/dataflow/table.ts";
import type { Machine, OnChipMemory } from "../../../isa/machine.ts";

export interface MachineSizes {
  /** Bits of each memory, at least and at most. */
  readonly minimumBits: number;
  readonly maximumBits: number;
}

export function smallMachines({ minimumBits, maximumBits }: MachineSizes): fc.Arbitrary<Machine> {
  const memory: fc.Arbitrary<OnChipMemory> = fc.record({
    capacityBits: fc.integer({ min: minimumBits, max: maximumBits }),
    banks: fc.constant(2),
    bitsPerCycle: fc.constantFrom(24, 256),
  });
  return fc.record({
    name: fc.constant("small"),
    clockHz: fc.constant(1e8),
    rows: fc.integer({ min: 1, max: 5 }),
    columns: fc.integer({ min: 1, max: 5 }),
    dataflow: fc.constantFrom<Dataflow>("output-stationary", "weight-stationary", "input-stationary", "tree"),
    macPipeline: fc.integer({ min: 0, max: 1 }),
    tail: fc.integer({ min: 0, max: 1 }),
    weightDoubleBuffer: fc.boolean(),
    drainOverlap: fc.boolean(),
    inputScratchpad: memory,
    weightScratchpad: memory,
    accumulatorBank: memory,
    outputBuffer: memory,
    dram: fc.record({
      capacityBits: fc.constant(2 ** 26),
      wordBits: fc.constantFrom(8, 64),
      bytesPerCycle: fc.constantFrom(1, 8),
      latencyCycles: fc.integer({ min: 0, max: 20 }),
    }),
  });
}
