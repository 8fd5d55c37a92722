/** Weights in the order in which tiles are loaded. */
import { InvariantError } from "../../isa/diagnostic.ts";
import type { Raws } from "../../isa/raws.ts";
import { type MatrixProblem, reductionSteps } from "./matrix-problem.ts";
import { filterTiles } from "./matrix-tiles.ts";
import type { MatrixTiling } from "./matrix-tiling.ts";

/**
 * From the model's order, [k][filter] with all filters of all groups, to tile after tile, each [group][k][filter of the
 * tile]: every tile, and every reduction chunk of a tile of one group, is one run of words.
 */
export function arrangeWeights(raws: Raws, problem: MatrixProblem, tiling: MatrixTiling): Raws {
  const steps = reductionSteps(problem);
  const filterCount = problem.groups * problem.filtersPerGroup;
  if (raws.length !== steps * filterCount) {
    throw new InvariantError(`${raws.length} weights for ${steps} steps of ${filterCount} filters`);
  }
  const order = new Uint32Array(raws.length);
  let position = 0;
  for (const { group, groups, filter, filters } of filterTiles(problem, tiling).flat()) {
    for (let member = 0; member < groups; member++) {
      const first = (group + member) * problem.filtersPerGroup + filter;
      for (let step = 0; step < steps; step++) {
        for (let index = 0; index < filters; index++) order[position++] = step * filterCount + first + index;
      }
    }
  }
  return raws instanceof Int32Array
    ? raws.map((_, index) => raws[order[index] ?? 0] ?? 0)
    : raws.map((_, index) => raws[order[index] ?? 0] ?? 0n);
}
