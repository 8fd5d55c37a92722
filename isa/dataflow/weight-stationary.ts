/** Weight-stationary: a column holds R weights of one filter; pixels stream. */
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

const ROLES: Roles = { held: "filters", streamed: "pixels" };

export const WEIGHT_STATIONARY: DataflowDefinition = {
  down: "steps",
  across: "filters",
  sum: "adds",
  rowStride: 1,
  stepStride: 1,
  orderText: groupedOrderText,
  foldSteps: (array, shape) => systolicSteps(array, stationaryFolds(array, shape, ROLES)),
  formula: (array, shape) => systolicFormula(array, stationaryFolds(array, shape, ROLES)),
  portBits: ({ rows, columns }, _pixels, word) => ({ input: rows * word.input, weight: columns * word.weight }),
  forEachRun: (array, shape, visit) =>
    stationaryRuns(array, shape, ROLES, WEIGHT_STATIONARY.foldSteps(array, shape).interval, visit),
  productsBefore: (array, { pixels, steps }, pixel, filter, k) =>
    groupedProductsBefore(array, steps, k, { index: filter, time: pixel, times: pixels }),
  traffic: (array, { pixels, filters, steps }) => ({
    inputReads: { passes: Math.ceil(filters / array.columns), pixels, steps: array.rows },
    weightReads: steps * filters,
    inputRegisterWrites: pixels * filters * steps,
    weightRegisterWrites: steps * filters * loadsPerWord(array),
  }),
};
