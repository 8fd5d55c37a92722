import type { Dataflow } from "../../../isa/machine.ts";
import type { ArrayShape, MatrixProblem } from "./contract.ts";

/** The shape of a matrix instruction, as far as order and steps depend on it. */
export type OrderedShape = Pick<MatrixProblem, "pixels" | "filters" | "steps" | "accumulate"> & {
  readonly array: ArrayShape;
};

/**
 * A run: consecutive steps of one sum that one element (output-stationary), one column (weight- and input-stationary) or
 * one adder tree computes without a break. Handed out again and again by `forEachRun`.
 */
export interface ArrayRun {
  pixel: number;
  filter: number;
  /** Steps k of the run: first, and one past the last. */
  firstStep: number;
  endStep: number;
  /** Array step in which the first product is written; see `RUN_RULES` for the others. */
  arrayStep: number;
  /** Element of the first product. */
  row: number;
  column: number;
  /** The first run of a sum that does not accumulate: the bank is overwritten. */
  opensSum: boolean;
}

/** How a dataflow lays a run out over rows and array steps, and what happens at its end. */
export interface RunRule {
  /** Rows and array steps from one product of a run to the next. */
  readonly rowStride: number;
  readonly stepStride: number;
  /**
   * carries: the run starts from the bank's sum and replaces it · adds: it starts from zero, and its sum is added to the bank
   * (or overwrites it, `opensSum`) · gathers: its products are summed exactly and quantized with the bank's sum at once.
   */
  readonly sum: "carries" | "adds" | "gathers";
}

export const RUN_RULES: Readonly<Record<Dataflow, RunRule>> = {
  "output-stationary": { rowStride: 0, stepStride: 1, sum: "carries" },
  "weight-stationary": { rowStride: 1, stepStride: 1, sum: "adds" },
  "input-stationary": { rowStride: 1, stepStride: 1, sum: "adds" },
  tree: { rowStride: 1, stepStride: 0, sum: "gathers" },
};

/** Steps of a run: all of a sum, or as many as the array has rows. */
export function runLength({ array, steps }: OrderedShape): number {
  return array.dataflow === "output-stationary" ? steps : Math.min(steps, array.rows);
}

/** ⌈log2 R⌉ + 1: array steps from a tree's products to its sum, pipeline registers aside. */
export function treeDelay(rows: number): number {
  return 32 - Math.clz32(rows - 1) + 1;
}

/** Every run of a matrix instruction, in the order in which each element meets them. */
export function forEachRun(shape: OrderedShape, visit: (run: ArrayRun) => void): void {
  ORDERS[shape.array.dataflow](shape, visit);
}

const ORDERS: Readonly<Record<Dataflow, (shape: OrderedShape, visit: (run: ArrayRun) => void) => void>> = {
  "output-stationary": outputStationary,
  "weight-stationary": (shape, visit) => stationaryOperand(shape, visit, shape.filters, shape.pixels),
  "input-stationary": (shape, visit) => stationaryOperand(shape, visit, shape.pixels, shape.filters),
  tree,
};

function newRun(): ArrayRun {
  return { pixel: 0, filter: 0, firstStep: 0, endStep: 0, arrayStep: 0, row: 0, column: 0, opensSum: false };
}

/** Element (r, c) keeps the sum of pixel rowFold · R + r and filter columnFold · C + c; k ascends. */
function outputStationary(shape: OrderedShape, visit: (run: ArrayRun) => void): void {
  const { pixels, filters, steps, accumulate } = shape;
  const { rows, columns, macPipeline, drainOverlap } = shape.array;
  const entry = accumulate ? rows : 0;
  const foldSteps = entry + 2 * rows + columns + steps - 2 + macPipeline;
  const overlapped = drainOverlap && !accumulate;
  const run = newRun();
  run.endStep = steps;
  run.opensSum = !accumulate;
  let fold = 0;
  for (let firstFilter = 0; firstFilter < filters; firstFilter += columns) {
    for (let firstPixel = 0; firstPixel < pixels; firstPixel += rows) {
      const start = overlapped ? fold * Math.max(steps, rows) : fold * foldSteps + entry;
      for (run.row = 0; run.row < Math.min(rows, pixels - firstPixel); run.row++) {
        run.pixel = firstPixel + run.row;
        for (run.column = 0; run.column < Math.min(columns, filters - firstFilter); run.column++) {
          run.filter = firstFilter + run.column;
          run.arrayStep = start + run.row + run.column;
          visit(run);
        }
      }
      fold++;
    }
  }
}

/**
 * Element (r, c) holds the operand of step rowFold · R + r and of filter (weight-stationary) or pixel (input-stationary)
 * columnFold · C + c; `streamed` pixels or filters pass. `held` counts the columns' dimension.
 */
function stationaryOperand(shape: OrderedShape, visit: (run: ArrayRun) => void, held: number, streamed: number): void {
  const { steps, accumulate } = shape;
  const { dataflow, rows, columns, macPipeline, weightDoubleBuffer } = shape.array;
  const foldSteps = weightDoubleBuffer ? Math.max(streamed, rows) : 2 * rows + columns + streamed - 2 + macPipeline;
  const run = newRun();
  let fold = 0;
  for (let firstHeld = 0; firstHeld < held; firstHeld += columns) {
    for (run.firstStep = 0; run.firstStep < steps; run.firstStep += rows) {
      run.endStep = Math.min(steps, run.firstStep + rows);
      run.opensSum = run.firstStep === 0 && !accumulate;
      const start = fold * foldSteps + rows;
      for (let passing = 0; passing < streamed; passing++) {
        for (run.column = 0; run.column < Math.min(columns, held - firstHeld); run.column++) {
          const standing = firstHeld + run.column;
          run.pixel = dataflow === "weight-stationary" ? passing : standing;
          run.filter = dataflow === "weight-stationary" ? standing : passing;
          run.arrayStep = start + run.column + passing;
          visit(run);
        }
      }
      fold++;
    }
  }
}

/** Column c multiplies R steps at once for filter columnFold · C + c: chunk after chunk, pixels ascending. */
function tree(shape: OrderedShape, visit: (run: ArrayRun) => void): void {
  const { pixels, filters, steps, accumulate } = shape;
  const { rows, columns, macPipeline } = shape.array;
  const foldSteps = Math.ceil(steps / rows) * pixels + treeDelay(rows) + macPipeline;
  const run = newRun();
  let fold = 0;
  for (let firstFilter = 0; firstFilter < filters; firstFilter += columns) {
    let chunk = 0;
    for (run.firstStep = 0; run.firstStep < steps; run.firstStep += rows) {
      run.endStep = Math.min(steps, run.firstStep + rows);
      run.opensSum = run.firstStep === 0 && !accumulate;
      for (run.pixel = 0; run.pixel < pixels; run.pixel++) {
        run.arrayStep = fold * foldSteps + chunk * pixels + run.pixel;
        for (run.column = 0; run.column < Math.min(columns, filters - firstFilter); run.column++) {
          run.filter = firstFilter + run.column;
          visit(run);
        }
      }
      chunk++;
    }
    fold++;
  }
}

/** Array steps from a product to the accumulation that takes it. */
export function accumulationDelay(array: ArrayShape): number {
  return array.macPipeline + (array.dataflow === "tree" ? treeDelay(array.rows) : 0);
}
