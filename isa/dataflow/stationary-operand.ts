/**
 * What weight- and input-stationary arrays share: element (r, c) keeps the operand of step rowFold · R + r and of filter or pixel
 * columnFold · C + c, loaded row by row; the other operand marches right, and partial sums march down and into the bank.
 */
import { type ArrayRun, type ArrayShape, type MatrixShape, newRun, shareOf } from "./definition.ts";
import type { SystolicFolds } from "./systolic.ts";

/** Sides of the operand: how many columns' worth of it stay, and how many of the other one pass. */
export interface Roles {
  readonly held: "pixels" | "filters";
  readonly streamed: "pixels" | "filters";
}

/** With a double buffer the next fold's operand is loaded while this one streams. */
export function stationaryFolds(array: ArrayShape, shape: MatrixShape, { held, streamed }: Roles): SystolicFolds {
  return {
    folds: Math.ceil(shape.steps / array.rows) * Math.ceil(shape[held] / array.columns),
    streamed: shape[streamed],
    entry: 0,
    overlap: array.weightDoubleBuffer,
  };
}

/** Runs of R steps; fold after fold, each `interval` steps behind the one before and R steps behind the loading of its first row. */
export function stationaryRuns(
  { rows, columns }: ArrayShape,
  shape: MatrixShape,
  { held, streamed }: Roles,
  interval: number,
  visit: (run: ArrayRun) => void,
): void {
  const { steps, accumulate } = shape;
  const [standing, passing] = held === "filters" ? (["filter", "pixel"] as const) : (["pixel", "filter"] as const);
  const run = newRun();
  let start = rows;
  for (let firstHeld = 0; firstHeld < shape[held]; firstHeld += columns) {
    for (run.firstStep = 0; run.firstStep < steps; run.firstStep += rows) {
      run.endStep = Math.min(steps, run.firstStep + rows);
      run.opensSum = run.firstStep === 0 && !accumulate;
      for (let time = 0; time < shape[streamed]; time++) {
        run[passing] = time;
        for (run.column = 0; run.column < Math.min(columns, shape[held] - firstHeld); run.column++) {
          run[standing] = firstHeld + run.column;
          run.arrayStep = start + run.column + time;
          visit(run);
        }
      }
      start += interval;
    }
  }
}

/** Of step k, in row k mod R: whole folds of its column and row before it, then words that passed before. */
export function groupedProductsBefore(
  { rows, columns }: ArrayShape,
  steps: number,
  k: number,
  { index, time, times }: { readonly index: number; readonly time: number; readonly times: number },
): number {
  const foldsOfRow = shareOf(k % rows, steps, rows);
  return (Math.floor(index / columns) * foldsOfRow + Math.floor(k / rows)) * times + time;
}

/** Writes that put a stationary word into its register: with a double buffer through the shadow register. */
export function loadsPerWord({ weightDoubleBuffer }: ArrayShape): number {
  return weightDoubleBuffer ? 2 : 1;
}

export function groupedOrderText(rows: number): string {
  return `Groups of ${rows} steps are summed from zero each, then added to the sum so far, k ascending`;
}
