import type { ArrayRun } from "../../../isa/dataflow/definition.ts";
import type { OverflowPlace, RegisterWitness } from "../arithmetic/witness.ts";
import type { BoundKernel } from "./contract.ts";

export interface MatrixWitness {
  readonly product: RegisterWitness;
  readonly accumulator: RegisterWitness;
}

/**
 * The plain definition of a matrix instruction, one quantization after the other. It computes what no other kernel can
 * (random words, rounded additions, any width), and it is the second pass that counts and locates overflows.
 */
export interface StepwiseKernel extends BoundKernel {
  /** As `run`, and shows every quantization. The bank must hold what it held before the tile was first computed. */
  witness(image: number, witness: MatrixWitness): void;
}

/** Place of a quantization of a run. */
export function placeInRun(run: ArrayRun, laneStep: number, row: number, step: number, extraCycles = 0): OverflowPlace {
  return { laneStep, extraCycles, row, column: run.column, pixel: run.pixel, channel: run.filter, step };
}
