import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KernelLibrary } from "../../../../sim/fast/kernels/contract.ts";
import { wasmKernels } from "../../../../sim/fast/kernels/wasm/library.ts";
import { WASM_MISSING } from "../../../../sim/fast/kernels/wasm/modules.ts";
import { chooseLane } from "../../../../sim/fast/lanes.ts";
import { type DefinedTile, defineTile, type Write } from "../matrix-definition.ts";
import { type DrawnTile, resetSums, sumsOf } from "../matrix-tiles.ts";
import { DATAFLOWS, type LaneChoices, laneTiles } from "./lane-tiles.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 5000 : 150;

function overflowsOf({ writes }: DefinedTile, register: Write["register"]): number {
  return writes.filter((write) => write.register === register && write.rounded !== write.word).length;
}

/** The kernel's sums and overflow counts, twice, are those of the definition; its name. */
function expectKernelAgrees(library: KernelLibrary, tile: DrawnTile): string {
  const kernel = library.matrix(tile.problem, chooseLane(tile.problem));
  if (!kernel.name.startsWith("wasm")) return kernel.name;
  const defined = defineTile(tile.problem, tile.words);
  const bound = kernel.bind(tile.problem, tile.operands);
  for (let time = 0; time < 2; time++) {
    resetSums(tile);
    bound.run(tile.words.image);
    expect(sumsOf(tile), kernel.name).toEqual(defined.sums);
    expect(bound.product.overflows, kernel.name).toBe(overflowsOf(defined, "product"));
    expect(bound.accumulator.overflows, kernel.name).toBe(overflowsOf(defined, "accumulator"));
  }
  return kernel.name;
}

describe.runIf(WASM_MISSING === null)("WebAssembly kernels equal the definition", () => {
  const library = wasmKernels();

  const LANES: readonly (readonly [string, Omit<LaneChoices, "dataflow">])[] = [
    ["int16", { operands: [1, 16], sums: [1, 16], dropped: [0, 18] }],
    ["int8", { operands: [1, 8], sums: [1, 15], dropped: [1, 9] }],
    ["int32", { operands: [1, 16], sums: [15, 32], dropped: [1, 18] }],
    ["dot", { operands: [1, 16], sums: [8, 32], dropped: [-3, 0] }],
  ];

  it.each(LANES.flatMap((lane) => DATAFLOWS.map((dataflow) => [dataflow, ...lane] as const)))(
    "%s, lane %s",
    (dataflow, lane, choices) => {
      let reached = 0;
      fc.assert(
        fc.property(laneTiles({ dataflow, ...choices }), (tile) => {
          if (expectKernelAgrees(library, tile) === `wasm ${lane}`) reached++;
        }),
        { numRuns: RUNS },
      );
      expect(reached).toBeGreaterThan(RUNS / 8);
    },
  );
});
