/** Weights in the order in which tiles are loaded. */
import { InvariantError } from "../../../isa/diagnostic.ts";
import type { Raws } from "../../../isa/numerics/raws.ts";
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
  if (problem.groups === 1 && tiling.filters >= filterCount) return raws;
  return raws instanceof Int32Array
    ? arranged(raws, new Int32Array(raws.length), problem, tiling)
    : arranged(raws, new BigInt64Array(raws.length), problem, tiling);
}

interface WordArray<Self> {
  subarray(first: number, end: number): Self;
  set(words: Self, offset: number): void;
}

function arranged<Words extends WordArray<Words>>(
  raws: Words,
  target: Words,
  problem: MatrixProblem,
  tiling: MatrixTiling,
): Words {
  const steps = reductionSteps(problem);
  const filterCount = problem.groups * problem.filtersPerGroup;
  let position = 0;
  for (const { group, groups, filter, filters } of filterTiles(problem, tiling).flat()) {
    for (let member = 0; member < groups; member++) {
      const first = (group + member) * problem.filtersPerGroup + filter;
      for (let step = 0; step < steps; step++) {
        const start = step * filterCount + first;
        target.set(raws.subarray(start, start + filters), position);
        position += filters;
      }
    }
  }
  return target;
}

/** Blocks of `size` words by their number, one after the other; null stands for a block of zeros. */
export function pickBlocks(raws: Raws, blocks: readonly (number | null)[], size: number): Raws {
  const picked =
    raws instanceof Int32Array ? new Int32Array(blocks.length * size) : new BigInt64Array(blocks.length * size);
  blocks.forEach((block, index) => {
    if (block === null) return;
    const words = raws.subarray(block * size, (block + 1) * size);
    if (picked instanceof Int32Array) picked.set(words as Int32Array, index * size);
    else picked.set(words as BigInt64Array, index * size);
  });
  return picked;
}

/** Words of one format one after the other. */
export function joinRaws(parts: readonly Raws[]): Raws {
  const [first, ...others] = parts;
  if (first === undefined) throw new InvariantError("no words to join");
  if (others.length === 0) return first;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const joined = first instanceof Int32Array ? new Int32Array(length) : new BigInt64Array(length);
  let position = 0;
  for (const part of parts) {
    if (joined instanceof Int32Array) joined.set(part as Int32Array, position);
    else joined.set(part as BigInt64Array, position);
    position += part.length;
  }
  return joined;
}
