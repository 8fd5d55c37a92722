/**
 * Array steps of one matrix instruction, from the closed forms of isa/README.md without port stalls. The compiler only
 * compares tilings with it; the simulator's timing model is what counts cycles.
 */
import type { Dataflow, Machine } from "../../isa/machine.ts";

export interface MatrixShape {
  /** E. */
  readonly pixels: number;
  /** N. */
  readonly filters: number;
  /** K. */
  readonly steps: number;
  readonly accumulate: boolean;
}

/** A fold's own steps, and the steps after which the next one may start. */
interface FoldSteps {
  readonly folds: number;
  readonly fold: number;
  readonly interval: number;
}

const FOLDS: Readonly<Record<Dataflow, (machine: Machine, shape: MatrixShape) => FoldSteps>> = {
  "output-stationary": ({ rows, columns, macPipeline, drainOverlap }, { pixels, filters, steps, accumulate }) => {
    const fold = (accumulate ? rows : 0) + 2 * rows + columns + steps - 2 + macPipeline;
    const folds = Math.ceil(pixels / rows) * Math.ceil(filters / columns);
    return { folds, fold, interval: drainOverlap && !accumulate ? Math.max(steps, rows) : fold };
  },
  "weight-stationary": (machine, { pixels, filters, steps }) => stationaryFolds(machine, steps, filters, pixels),
  "input-stationary": (machine, { pixels, filters, steps }) => stationaryFolds(machine, steps, pixels, filters),
  tree: ({ rows, columns, macPipeline }, { pixels, filters, steps }) => {
    const fold = Math.ceil(steps / rows) * pixels + Math.ceil(Math.log2(rows)) + 1 + macPipeline;
    return { folds: Math.ceil(filters / columns), fold, interval: fold };
  },
};

/** Cycles of a matrix instruction while no port stalls it. */
export function matrixCycles(machine: Machine, shape: MatrixShape): number {
  const { folds, fold, interval } = FOLDS[machine.dataflow](machine, shape);
  return (folds - 1) * interval + fold + machine.tail;
}

/** Cycles of a lane instruction over `items` items of `channels` words: ⌈channels / C⌉ steps each. */
export function laneCycles(machine: Machine, items: number, channels: number): number {
  return items * Math.ceil(channels / machine.columns);
}

function stationaryFolds(machine: Machine, rowSide: number, columnSide: number, streamed: number): FoldSteps {
  const { rows, columns, macPipeline, weightDoubleBuffer } = machine;
  const fold = 2 * rows + columns + streamed - 2 + macPipeline;
  const folds = Math.ceil(rowSide / rows) * Math.ceil(columnSide / columns);
  return { folds, fold, interval: weightDoubleBuffer ? Math.max(streamed, rows) : fold };
}
