import { type Machine, ON_CHIP_MEMORIES } from "../../isa/machine.ts";
import { type ActionCounts, Tally } from "./action-counts.ts";

/** Word length at which the leakage of an array element is stated: the machine has no other width of its own. */
const ELEMENT_BITS = 16;

/**
 * Leakage of a machine that is on for `cycles` cycles, as actions counted in nanoseconds: each on-chip memory by its
 * capacity, the array by its operand bits. Cycles come from whoever knows them; the DRAM's standby power is not modelled.
 */
export function leakageActions(machine: Machine, cycles: number): ActionCounts {
  const tally = new Tally();
  const nanoseconds = (cycles * 1e9) / machine.clockHz;
  for (const name of ON_CHIP_MEMORIES) {
    tally.add("leakage", "memoryNanosecond", [machine[name].capacityBits], nanoseconds);
  }
  tally.add("leakage", "arrayNanosecond", [machine.rows * machine.columns * 2 * ELEMENT_BITS], nanoseconds);
  return tally.counts();
}
