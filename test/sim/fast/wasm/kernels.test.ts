import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KernelLibrary } from "../../../../sim/fast/kernels/contract.ts";
import { wasmKernels } from "../../../../sim/fast/kernels/wasm/library.ts";
import { WASM_MISSING } from "../../../../sim/fast/kernels/wasm/modules.ts";
import { chooseLane } from "../../../../sim/fast/lanes.ts";
import { type DefinedTile, defineTile, type Write } from "../matrix-definition.ts";
import { type DrawnTile, resetSums, sumsOf } from "../matrix-tiles.ts";
import { DATAFLOWS, laneTiles } from "./lane-tiles.ts";

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

  it.each(DATAFLOWS)("%s: sixteen-bit sums, rounded products", (dataflow) => {
    const names = new Map<string, number>();
    const tiles = laneTiles({ dataflow, operands: [1, 16], sums: [1, 16], dropped: [0, 18] });
    fc.assert(
      fc.property(tiles, (tile) => {
        const name = expectKernelAgrees(library, tile);
        names.set(name, (names.get(name) ?? 0) + 1);
      }),
      { numRuns: RUNS },
    );
    expect(names.get("wasm int16") ?? 0).toBeGreaterThan(RUNS / 4);
  });
});
