/** Input-stationary: weight-stationary with operands exchanged; a column holds R input words of one pixel, and filters stream. */
import type { DataflowDefinition } from "./definition.ts";
import {
  groupedOrderText,
  groupedProductsBefore,
  loadsPerWord,
  type Roles,
  stationaryFolds,
  stationaryRuns,
} from "./stationary-operand.ts";
import { systolicFormula, systolicSteps } from "./systolic.ts";

const ROLES: Roles = { held: "pixels", streamed: "filters" };

export const INPUT_STATIONARY: DataflowDefinition = {
  down: "steps",
  across: "pixels",
  sum: "adds",
  rowStride: 1,
  stepStride: 1,
  orderText: groupedOrderText,
  foldSteps: (array, shape) => systolicSteps(array, stationaryFolds(array, shape, ROLES)),
  formula: (array, shape) => systolicFormula(array, stationaryFolds(array, shape, ROLES)),
  portBits: ({ rows, columns }, _pixels, word) => ({ input: columns * word.input, weight: rows * word.weight }),
  forEachRun: (array, shape, visit) =>
    stationaryRuns(array, shape, ROLES, INPUT_STATIONARY.foldSteps(array, shape).interval, visit),
  productsBefore: (array, { filters, steps }, pixel, filter, k) =>
    groupedProductsBefore(array, steps, k, { index: pixel, time: filter, times: filters }),
  traffic: (array, { pixels, filters, steps }) => ({
    inputReads: { passes: 1, pixels: array.columns, steps: array.rows },
    weightReads: Math.ceil(pixels / array.columns) * steps * filters,
    inputRegisterWrites: steps * pixels * loadsPerWord(array),
    weightRegisterWrites: pixels * filters * steps,
  }),
};
