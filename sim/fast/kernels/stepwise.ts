import type { ArrayRun } from "../../../isa/dataflow/definition.ts";
import type { OverflowPlace, RegisterObserver } from "../arithmetic/observer.ts";
import type { BoundKernel } from "./contract.ts";

export interface MatrixObserver {
  readonly product: RegisterObserver;
  readonly accumulator: RegisterObserver;
}

/**
 * The plain definition of a matrix instruction, one quantization after the other. It computes what no other kernel can
 * (random words, rounded additions, any width), and it is the second pass that counts and locates overflows.
 */
export interface StepwiseKernel extends BoundKernel {
  /** As `run`, and shows every quantization. The bank must hold what it held before the tile was first computed. */
  observer(image: number, observer: MatrixObserver): void;
}

/** Place of a quantization of a run. */
export function placeInRun(run: ArrayRun, laneStep: number, row: number, step: number, extraCycles = 0): OverflowPlace {
  return { laneStep, extraCycles, row, column: run.column, pixel: run.pixel, channel: run.filter, step };
}
