import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { WindowAxis } from "../../../../compiler/lowering/axis.ts";
import {
  type MatrixProblem,
  type MatrixWords,
  reductionSteps,
} from "../../../../compiler/lowering/matrix/matrix-problem.ts";
import {
  chunkCount,
  searchMatrixTiling,
  smallestTileBits,
} from "../../../../compiler/lowering/matrix/matrix-tiling.ts";
import { DEFAULT_MACHINE, ON_CHIP_MEMORIES } from "../../../../isa/machine.ts";
import { smallMachines } from "../../compile/small-machine.ts";

function convolution(side: number, channels: number, filters: number, kernel = 3): MatrixProblem {
  const before = (kernel - 1) / 2;
  const axis: WindowAxis = { input: side, output: side, kernel, stride: 1, dilation: 1, before };
  return {
    rows: axis,
    columns: axis,
    rowStride: side * channels,
    columnStride: channels,
    groups: 1,
    channelsPerGroup: channels,
    filtersPerGroup: filters,
    order: "positions",
  };
}

function words(wordLength: number): MatrixWords {
  const all = wordLength;
  return { source: all, input: all, weight: all, perFilter: all, accumulator: all, output: all };
}

/** Layers of VGG-16, the largest common ones, and of MobileNet. */
const LARGE: Readonly<Record<string, MatrixProblem>> = {
  "224 × 224, 3 → 64": convolution(224, 3, 64),
  "224 × 224, 64 → 64": convolution(224, 64, 64),
  "28 × 28, 512 → 512": convolution(28, 512, 512),
  "25088 → 4096": convolution(1, 25088, 4096, 1),
  "112 × 112, depthwise 64": { ...convolution(112, 64, 64), groups: 64, channelsPerGroup: 1, filtersPerGroup: 1 },
};

describe("large layers on the default machine", () => {
  for (const [name, problem] of Object.entries(LARGE)) {
    for (const wordLength of [8, 16, 32, 64]) {
      test(`${name} at ${wordLength} bits`, () => {
        const plan = searchMatrixTiling(problem, words(wordLength), DEFAULT_MACHINE);
        expect(plan).toBeDefined();
        for (const memory of ON_CHIP_MEMORIES) {
          expect(plan?.bits[memory]).toBeLessThanOrEqual(DEFAULT_MACHINE[memory].capacityBits);
        }
        // The weights and one input and output at least have to move.
        const weights = problem.groups * problem.filtersPerGroup * reductionSteps(problem);
        expect(plan?.cost.load.bits).toBeGreaterThan(weights * wordLength * 0.99);
      });
    }
  }

  test("a layer whose weights fit loads them, its input and its output once", () => {
    const problem = convolution(28, 16, 32);
    const plan = searchMatrixTiling(problem, words(8), DEFAULT_MACHINE);
    const once = (28 * 28 * 16 + 9 * 16 * 32 + 32) * 8;
    expect(plan?.cost.load.bits).toBeLessThan(once * 1.2);
    expect(plan?.cost.overlapped).toBe(true);
  });

  test("a dense layer moves its weights once, two tiles in turn", () => {
    const plan = searchMatrixTiling(convolution(1, 800, 500, 1), words(16), DEFAULT_MACHINE);
    expect(plan?.cost.overlapped).toBe(true);
    expect(plan?.cost.load.bits).toBeLessThan((800 * 500 + 800 + 500) * 16 * 1.01);
  });
});

test("every tiling fits, has chunks of whole groups of R where the dataflow sums by R, and is missing only where the smallest tile does not fit", () => {
  const problems = fc
    .record({
      side: fc.integer({ min: 1, max: 9 }),
      perGroup: fc.integer({ min: 1, max: 9 }),
      filters: fc.integer({ min: 1, max: 9 }),
      groups: fc.integer({ min: 1, max: 3 }),
      kernel: fc.integer({ min: 1, max: 3 }),
      stride: fc.integer({ min: 1, max: 2 }),
    })
    .map(({ side, perGroup, filters, groups, kernel, stride }): MatrixProblem => {
      const output = Math.floor((side + 2 - kernel) / stride) + 1;
      const axis: WindowAxis = { input: side, output, kernel, stride, dilation: 1, before: 1 };
      const channels = perGroup * groups;
      return {
        rows: axis,
        columns: axis,
        rowStride: side * channels,
        columnStride: channels,
        groups,
        channelsPerGroup: perGroup,
        filtersPerGroup: filters,
        order: "positions",
      };
    });
  let found = 0;
  let missing = 0;
  fc.assert(
    fc.property(problems, smallMachines({ minimumBits: 40, maximumBits: 1500 }), (problem, machine) => {
      const plan = searchMatrixTiling(problem, words(8), machine);
      const smallest = smallestTileBits(problem, words(8), machine);
      if (plan === undefined) {
        missing++;
        const lacking = ON_CHIP_MEMORIES.some((memory) => smallest[memory] > machine[memory].capacityBits);
        // The smallest slice may be several times R: then input and weights bind each other.
        const bound = machine.dataflow !== "output-stationary" && problem.rows.kernel > 1;
        expect(lacking || bound).toBe(true);
        return;
      }
      found++;
      for (const memory of ON_CHIP_MEMORIES) {
        expect(plan.bits[memory]).toBeLessThanOrEqual(machine[memory].capacityBits);
        expect(plan.bits[memory]).toBeGreaterThanOrEqual(smallest[memory]);
      }
      const { tiling } = plan;
      if (machine.dataflow !== "output-stationary" && chunkCount(problem, tiling) > 1) {
        expect(tiling.steps % machine.rows).toBe(0);
      }
    }),
    { numRuns: 400 },
  );
  expect(found).toBeGreaterThan(100);
  expect(missing).toBeGreaterThan(5);
});
