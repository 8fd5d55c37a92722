/**
 * Output-stationary: element (r, c) keeps the sum of pixel rowFold · R + r and filter columnFold · C + c. Inputs march right and
 * weights down; sums that go on enter through the rows first, and finished ones leave through them.
 */
import { type ArrayShape, type DataflowDefinition, type MatrixShape, newRun, shareOf } from "./definition.ts";
import { type SystolicFolds, systolicFormula, systolicSteps } from "./systolic.ts";

/** Shadow registers drain finished sums while the next fold streams; they cannot take sums that enter. */
function foldsOf(array: ArrayShape, { pixels, filters, steps, accumulate }: MatrixShape): SystolicFolds {
  return {
    folds: Math.ceil(pixels / array.rows) * Math.ceil(filters / array.columns),
    streamed: steps,
    entry: accumulate ? array.rows : 0,
    overlap: array.drainOverlap && !accumulate,
  };
}

export const OUTPUT_STATIONARY: DataflowDefinition = {
  down: "pixels",
  across: "filters",
  sum: "carries",
  rowStride: 0,
  stepStride: 1,
  orderText: () => "Products are added one by one, step k ascending",
  foldSteps: (array, shape) => systolicSteps(array, foldsOf(array, shape)),
  formula: (array, shape) => systolicFormula(array, foldsOf(array, shape)),
  portBits: ({ rows, columns }, _pixels, word) => ({ input: rows * word.input, weight: columns * word.weight }),

  forEachRun: (array, shape, visit) => {
    const { rows, columns } = array;
    const { pixels, filters, steps, accumulate } = shape;
    const { interval } = OUTPUT_STATIONARY.foldSteps(array, shape);
    const run = newRun();
    run.endStep = steps;
    run.opensSum = !accumulate;
    let start = accumulate ? rows : 0;
    for (let firstFilter = 0; firstFilter < filters; firstFilter += columns) {
      for (let firstPixel = 0; firstPixel < pixels; firstPixel += rows) {
        for (run.row = 0; run.row < Math.min(rows, pixels - firstPixel); run.row++) {
          run.pixel = firstPixel + run.row;
          for (run.column = 0; run.column < Math.min(columns, filters - firstFilter); run.column++) {
            run.filter = firstFilter + run.column;
            run.arrayStep = start + run.row + run.column;
            visit(run);
          }
        }
        start += interval;
      }
    }
  },

  productsBefore: ({ rows, columns }, { pixels, steps }, pixel, filter, k) => {
    const foldsOfRow = shareOf(pixel % rows, pixels, rows);
    return (Math.floor(filter / columns) * foldsOfRow + Math.floor(pixel / rows)) * steps + k;
  },

  traffic: ({ rows, columns }, { pixels, filters, steps }) => ({
    inputReads: { passes: Math.ceil(filters / columns), pixels: rows, steps },
    weightReads: Math.ceil(pixels / rows) * steps * filters,
    inputRegisterWrites: pixels * filters * steps,
    weightRegisterWrites: pixels * filters * steps,
  }),
};
