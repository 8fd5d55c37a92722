import { DATAFLOWS, runLength } from "../../../../isa/dataflow/table.ts";
import type { MatrixProblem } from "../contract.ts";
import { BLOCK, RUN_END } from "./tile.ts";

/** Steps as a kernel takes them: one by one, or two neighbours at once. */
export interface PackedSteps {
  /** Step k of each packed step; and of its second half, −1 where there is none. */
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** Word offsets of the first halves. */
  readonly offsets: Int32Array;
  /** Packed steps of each block, plus `RUN_END` where a run of the dataflow ends with it. */
  readonly blocks: Int32Array;
}

/** Whether a run goes on from the bank's sum: it is then the whole sum. */
export function runCarries({ array }: MatrixProblem): boolean {
  return DATAFLOWS[array.dataflow].sum === "carries";
}

const packed = new WeakMap<Int32Array, Map<string, PackedSteps>>();

/**
 * Pairs are neighbours in the input of one run: the second word lies behind the first. Tiles that share their offsets share
 * the result.
 */
export function packedSteps(problem: MatrixProblem, stepOffsets: Int32Array, pairs: boolean): PackedSteps {
  const run = runLength(problem);
  const key = `${problem.steps} ${run} ${pairs}`;
  const known = packed.get(stepOffsets) ?? new Map<string, PackedSteps>();
  packed.set(stepOffsets, known);
  const found = known.get(key) ?? pack(problem.steps, run, stepOffsets, pairs);
  known.set(key, found);
  return found;
}

function pack(steps: number, run: number, stepOffsets: Int32Array, pairs: boolean): PackedSteps {
  const first: number[] = [];
  const second: number[] = [];
  const blocks: number[] = [];
  for (let start = 0; start < steps; start += run) {
    const end = Math.min(steps, start + run);
    const before = first.length;
    for (let step = start; step < end; ) {
      const paired = pairs && step + 1 < end && stepOffsets[step + 1] === (stepOffsets[step] as number) + 1;
      first.push(step);
      second.push(paired ? step + 1 : -1);
      step += paired ? 2 : 1;
    }
    const length = first.length - before;
    for (let done = 0; done < length; done += BLOCK) {
      const left = length - done;
      blocks.push(left > BLOCK ? BLOCK : left + RUN_END);
    }
  }
  return {
    first: Int32Array.from(first),
    second: Int32Array.from(second),
    offsets: Int32Array.from(first, (step) => stepOffsets[step] as number),
    blocks: Int32Array.from(blocks),
  };
}
