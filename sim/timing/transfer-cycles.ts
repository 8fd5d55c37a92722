import { ceilingText, sumText } from "../../isa/dataflow/formula.ts";
import type { Machine } from "../../isa/machine.ts";
import type { ConfiguredLoad, ConfiguredStore } from "../configuration.ts";
import type { InstructionCycles } from "./occupancy.ts";

/** The strided side of a load or store: rows × columns × channels words. */
export interface StridedBlock {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** Equal contiguous runs of a block. */
export interface ContiguousRuns {
  readonly count: number;
  /** Words of one run. */
  readonly words: number;
}

/**
 * The contiguous runs of a block, taken row by row: a word belongs to the run of the word before it where it lies just
 * behind it. At most two lengths occur; their order does not matter for time.
 */
export function contiguousRuns(block: StridedBlock): readonly ContiguousRuns[] {
  const { rows, columns, channels, rowStride, columnStride } = block;
  if (columns === 1 || columnStride === channels) {
    const row = columns * channels;
    const joined = rows === 1 || rowStride === row;
    return [joined ? { count: 1, words: rows * row } : { count: rows, words: row }];
  }
  const joinsNextRow = (columns - 1) * columnStride + channels === rowStride;
  if (!joinsNextRow || rows === 1) return [{ count: rows * columns, words: channels }];
  return [
    { count: rows - 1, words: 2 * channels },
    { count: rows * columns - 2 * (rows - 1), words: channels },
  ];
}

/** DRAM words a block takes, each run filled up to whole ones wherever it starts. */
export function dramWords(block: StridedBlock, wordLength: number, machine: Machine): number {
  return contiguousRuns(block).reduce(
    (sum, { count, words }) => sum + count * Math.ceil((words * wordLength) / machine.dram.wordBits),
    0,
  );
}

/** latency + ⌈DRAM words · bits of one / (8 · bytesPerCycle)⌉, all of it busy. */
function transferCycles(block: StridedBlock, wordLength: number, machine: Machine): InstructionCycles {
  const { wordBits, bytesPerCycle, latencyCycles } = machine.dram;
  const bits = dramWords(block, wordLength, machine) * wordBits;
  const cycles = latencyCycles + Math.ceil(bits / (8 * bytesPerCycle));
  const runs = contiguousRuns(block)
    .map(({ count, words }) => `${count}·${ceilingText(`${words}·${wordLength}`, wordBits)}`)
    .join(" + ");
  const formula = sumText(latencyCycles, ceilingText(`(${runs})·${wordBits}`, `(8·${bytesPerCycle})`));
  return { cycles, steps: cycles, stretch: 1, stalls: {}, formula };
}

export function loadCycles({ instruction, source }: ConfiguredLoad, machine: Machine): InstructionCycles {
  return transferCycles(instruction, source.format.wordLength, machine);
}

export function storeCycles({ instruction }: ConfiguredStore, machine: Machine): InstructionCycles {
  return transferCycles(instruction, instruction.wordLength, machine);
}
