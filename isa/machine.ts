import type { Dataflow } from "./dataflow/table.ts";
import { type Diagnostic, DiagnosticError } from "./diagnostic.ts";

/** An on-chip memory. Words are packed at their own word length; addresses count bits. */
export interface OnChipMemory {
  readonly capacityBits: number;
  /** Equal banks; a bank is the unit whose size sets the energy of an access. */
  readonly banks: number;
  /** Port width towards the compute unit, bits per cycle. */
  readonly bitsPerCycle: number;
}

/** Off-chip memory behind one read and one write channel, which do not disturb each other. */
export interface Dram {
  readonly capacityBits: number;
  /** A transfer of each contiguous run is padded to whole words of this many bits. */
  readonly wordBits: number;
  readonly bytesPerCycle: number;
  readonly latencyCycles: number;
}

/** The simulated accelerator. Plain data; checked as a whole by `checkMachine`. */
export interface Machine {
  readonly name: string;
  readonly clockHz: number;
  /** Physical array, R rows × C columns; for `tree`, R is the number of inputs of one adder tree. */
  readonly rows: number;
  readonly columns: number;
  readonly dataflow: Dataflow;
  /** Extra pipeline registers between multiplier and adder: P cycles per fold (per instruction when folds overlap). */
  readonly macPipeline: number;
  /** Cycles of the bank addition and write-back after the array, once per matrix instruction. */
  readonly tail: number;
  /** Weight- and input-stationary: the next fold's stationary operands load while this one streams. */
  readonly weightDoubleBuffer: boolean;
  /** Output-stationary: finished sums drain through shadow registers while the next fold streams. */
  readonly drainOverlap: boolean;
  readonly inputScratchpad: OnChipMemory;
  readonly weightScratchpad: OnChipMemory;
  readonly accumulatorBank: OnChipMemory;
  readonly outputBuffer: OnChipMemory;
  readonly dram: Dram;
}

const KIBIBYTE = 8 * 1024;

/**
 * A plausible small FPGA accelerator: 16 × 16 elements at 200 MHz, 64 KiB scratchpads, one 64-bit DRAM port each way
 * (1.6 GB/s) with 32 cycles (160 ns) of latency.
 */
export const DEFAULT_MACHINE: Machine = {
  name: "default-16x16",
  clockHz: 200_000_000,
  rows: 16,
  columns: 16,
  dataflow: "output-stationary",
  macPipeline: 0,
  tail: 1,
  weightDoubleBuffer: false,
  drainOverlap: false,
  inputScratchpad: { capacityBits: 64 * KIBIBYTE, banks: 8, bitsPerCycle: 512 },
  weightScratchpad: { capacityBits: 64 * KIBIBYTE, banks: 8, bitsPerCycle: 512 },
  accumulatorBank: { capacityBits: 32 * KIBIBYTE, banks: 8, bitsPerCycle: 1024 },
  outputBuffer: { capacityBits: 32 * KIBIBYTE, banks: 4, bitsPerCycle: 512 },
  dram: { capacityBits: 2 ** 33, wordBits: 64, bytesPerCycle: 8, latencyCycles: 32 },
};

/** Names of the on-chip memories, in the order in which reports list them. */
export const ON_CHIP_MEMORIES = ["inputScratchpad", "weightScratchpad", "accumulatorBank", "outputBuffer"] as const;
export type OnChipMemoryName = (typeof ON_CHIP_MEMORIES)[number];

/** Largest values a machine description may hold; they bound what a hostile file can make the simulator allocate. */
export const MACHINE_LIMITS = {
  side: 1024,
  /** 2^31, so that an address fits 32 bits. */
  onChipBits: 2_147_483_648,
  /** 2^39, so that an address fits 40 bits. */
  dramBits: 549_755_813_888,
  pipeline: 64,
  latencyCycles: 1_000_000,
} as const;

/** Every thing wrong with a machine, as diagnostics; empty for a good one. `where` names the file or option. */
export function checkMachine(machine: Machine, where = "machine"): Diagnostic[] {
  const found: Diagnostic[] = [];
  const integer = (field: string, value: number, min: number, max: number): void => {
    if (!Number.isInteger(value) || value < min || value > max) {
      found.push({
        code: "MACHINE",
        where: `${where}: ${field}`,
        what: `found ${value}, expected an integer from ${min} to ${max}`,
        hint: "see the default machine in isa/machine.ts for plausible values",
      });
    }
  };
  integer("rows", machine.rows, 1, MACHINE_LIMITS.side);
  integer("columns", machine.columns, 1, MACHINE_LIMITS.side);
  integer("clockHz", machine.clockHz, 1, 1e12);
  integer("macPipeline", machine.macPipeline, 0, MACHINE_LIMITS.pipeline);
  integer("tail", machine.tail, 0, MACHINE_LIMITS.pipeline);
  for (const name of ON_CHIP_MEMORIES) {
    integer(`${name}.capacityBits`, machine[name].capacityBits, 1, MACHINE_LIMITS.onChipBits);
    integer(`${name}.banks`, machine[name].banks, 1, 4096);
    integer(`${name}.bitsPerCycle`, machine[name].bitsPerCycle, 1, 2 ** 24);
  }
  integer("dram.capacityBits", machine.dram.capacityBits, 1, MACHINE_LIMITS.dramBits);
  integer("dram.wordBits", machine.dram.wordBits, 8, 4096);
  integer("dram.bytesPerCycle", machine.dram.bytesPerCycle, 1, 4096);
  integer("dram.latencyCycles", machine.dram.latencyCycles, 0, MACHINE_LIMITS.latencyCycles);
  return found;
}

/** The machine itself when it is good; throws all its diagnostics otherwise. */
export function validMachine(machine: Machine, where = "machine"): Machine {
  const found = checkMachine(machine, where);
  if (found.length > 0) throw new DiagnosticError(found);
  return machine;
}
