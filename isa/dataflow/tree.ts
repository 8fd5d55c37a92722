/**
 * Adder tree: column c multiplies R steps at once for filter columnFold · C + c, chunk after chunk, pixels ascending; inputs are
 * broadcast to the columns. A registered tree of ⌈log2 R⌉ levels and one more step bring a chunk's exact sum to the bank.
 */

import { type DataflowDefinition, newRun } from "./definition.ts";
import { counted, sumText } from "./formula.ts";
import { groupedProductsBefore } from "./stationary-operand.ts";

/** ⌈log2 R⌉, levels of an adder tree of R inputs. */
function levels(inputs: number): number {
  return 32 - Math.clz32(inputs - 1);
}

/** Array steps from a tree's products to its sum, pipeline registers aside. */
export function treeDelay(rows: number): number {
  return levels(rows) + 1;
}

export const TREE: DataflowDefinition = {
  down: "steps",
  across: "filters",
  sum: "gathers",
  rowStride: 1,
  stepStride: 0,
  orderText: (rows) => `Groups of ${rows} products are summed exactly and then added to the sum so far, k ascending`,

  foldSteps: ({ rows, columns, macPipeline }, { pixels, filters, steps }) => {
    const fold = Math.ceil(steps / rows) * pixels + treeDelay(rows) + macPipeline;
    return { folds: Math.ceil(filters / columns), fold, interval: fold };
  },

  formula: ({ rows, columns, macPipeline }, { pixels, filters, steps }) => {
    const text = sumText(`${Math.ceil(steps / rows)}·${pixels}`, `⌈log2 ${rows}⌉`, 1, macPipeline);
    return `${counted(Math.ceil(filters / columns), "fold")} × (${text})`;
  },

  // Weights of a chunk are read once and serve all pixels.
  portBits: ({ rows, columns }, pixels, word) => ({
    input: rows * word.input,
    weight: Math.ceil((rows * columns * word.weight) / pixels),
  }),

  forEachRun: (array, shape, visit) => {
    const { rows, columns } = array;
    const { pixels, filters, steps, accumulate } = shape;
    const { interval } = TREE.foldSteps(array, shape);
    const run = newRun();
    let foldStart = 0;
    for (let firstFilter = 0; firstFilter < filters; firstFilter += columns) {
      let start = foldStart;
      for (run.firstStep = 0; run.firstStep < steps; run.firstStep += rows) {
        run.endStep = Math.min(steps, run.firstStep + rows);
        run.opensSum = run.firstStep === 0 && !accumulate;
        for (run.pixel = 0; run.pixel < pixels; run.pixel++) {
          run.arrayStep = start + run.pixel;
          for (run.column = 0; run.column < Math.min(columns, filters - firstFilter); run.column++) {
            run.filter = firstFilter + run.column;
            visit(run);
          }
        }
        start += pixels;
      }
      foldStart += interval;
    }
  },

  productsBefore: (array, { pixels, steps }, pixel, filter, k) =>
    groupedProductsBefore(array, steps, k, { index: filter, time: pixel, times: pixels }),

  traffic: ({ columns }, { pixels, filters, steps }) => {
    const passes = Math.ceil(filters / columns);
    return {
      inputReads: { passes, pixels, steps },
      weightReads: steps * filters,
      inputRegisterWrites: passes * pixels * steps,
      weightRegisterWrites: 2 * steps * filters,
    };
  },
};
