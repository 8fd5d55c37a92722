import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rawRange } from "../../../../isa/numerics/format.ts";
import type { RegisterSpec } from "../../../../isa/numerics/register.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../../../isa/numerics/rounding.ts";
import type { KernelLibrary } from "../../../../sim/fast/kernels/contract.ts";
import { wasmKernels } from "../../../../sim/fast/kernels/wasm/library.ts";
import { WASM_MISSING } from "../../../../sim/fast/kernels/wasm/modules.ts";
import { chooseLane } from "../../../../sim/fast/lanes.ts";
import { type DefinedTile, defineTile, type Write } from "../matrix-definition.ts";
import { buildTile, type DrawnTile, resetSums, sumsOf } from "../matrix-tiles.ts";
import { DATAFLOWS, type LaneChoices, laneTiles } from "./lane-tiles.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 400 : 100;
/** Tiles after which a library gives way to a new one: its memory only grows. */
const LIBRARY_TILES = 500;

function overflowsOf({ writes }: DefinedTile, register: Write["register"]): number {
  return writes.filter((write) => write.register === register && write.rounded !== write.word).length;
}

/** Sixteen pixels by sixteen filters: each meets each, three times in a sum, on top of sums at the ends of the range. */
function everyPair(
  words: readonly bigint[],
  scale: bigint,
  wordLength: number,
  register: RegisterSpec,
  accumulate: boolean,
): DrawnTile {
  const format = { wordLength, fractionLength: 1, signed: true };
  const { min, max } = rawRange(register.format);
  // Pixels start two words apart in `buildTile`; three steps read three neighbours.
  const input = Array.from({ length: 64 }, (_, index) => (words[(index >> 1) % 16] ?? 0n) * scale);
  const weights = Array.from({ length: 17 * 4 }, (_, index) => words[index % 16] ?? 0n);
  return buildTile({
    dataflow: "output-stationary",
    operand: format,
    weight: format,
    product: register,
    accumulator: register,
    pixels: 16,
    filters: 16,
    steps: 3,
    rows: 4,
    columns: 4,
    macPipeline: 0,
    weightDoubleBuffer: false,
    drainOverlap: false,
    accumulate,
    constant: true,
    input,
    weights,
    bank: register.overflow === "saturate-symmetric" ? [max, -max, 0n] : [max, min, 0n],
    image: 0,
    seed: 1,
  });
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
  let library = wasmKernels();
  let tiles = 0;
  /** As `expectKernelAgrees`, on libraries that many tiles share. */
  const checked = (tile: DrawnTile): string => {
    if (tiles++ % LIBRARY_TILES === 0) library = wasmKernels();
    return expectKernelAgrees(library, tile);
  };

  const LANES: readonly (readonly [string, Omit<LaneChoices, "dataflow">])[] = [
    ["int16", { operands: [1, 16], sums: [1, 16], dropped: [0, 18] }],
    ["int8", { operands: [1, 8], sums: [1, 15], dropped: [1, 9] }],
    ["int32", { operands: [1, 16], sums: [15, 32], dropped: [1, 18] }],
    ["float64", { operands: [10, 30], sums: [10, 45], dropped: [-2, 30] }],
    ["int64", { operands: [20, 64], sums: [20, 64], dropped: [-2, 50] }],
    ["int8", { operands: [4, 8], sums: [8, 8], dropped: [2, 7] }],
    ["dot", { operands: [1, 16], sums: [8, 32], dropped: [-3, 0] }],
  ];

  it("output-stationary, lane stochastic", () => {
    const choices = {
      operands: [1, 16],
      sums: [1, 16],
      dropped: [1, 18],
      rounding: fc.constant("stochastic" as const),
    } as const;
    let reached = 0;
    fc.assert(
      fc.property(laneTiles({ dataflow: "output-stationary", ...choices }), (tile) => {
        if (checked(tile) === "wasm stochastic") reached++;
      }),
      { numRuns: 2 * RUNS },
    );
    expect(reached).toBeGreaterThan(RUNS / 4);
  });

  /** What leads every pair of small words to one lane: widths of operands and sums, and the factor of the inputs. */
  const NARROW = [
    ["int8", 8, 8, 1n],
    ["int16", 16, 10, 1n << 4n],
    ["int32", 16, 20, 1n << 12n],
    ["float64", 26, 30, 1n << 22n],
    ["int64", 52, 54, 1n << 48n],
  ] as const;

  it.each(NARROW)(
    "lane %s: all pairs of four-bit words, every deterministic mode",
    (lane, operandLength, sumLength, scale) => {
      const all = Array.from({ length: 16 }, (_, index) => BigInt(index - 8));
      const reached = new Map<string, number>();
      for (const [mode, { increment }] of Object.entries(ROUNDING_MODES)) {
        if (increment === undefined) continue;
        for (const [index, overflow] of (["saturate", "saturate-symmetric", "wrap"] as const).entries()) {
          for (const droppedBits of [1, 2, 3, 5]) {
            const register = {
              format: { wordLength: sumLength, fractionLength: 2 - droppedBits, signed: true },
              rounding: mode as RoundingMode,
              overflow,
              saturatedBits: 0,
              dialect: "sc" as const,
            };
            const tile = everyPair(all, scale, operandLength, register, index % 2 === 0);
            const name = checked(tile);
            reached.set(name, (reached.get(name) ?? 0) + 1);
          }
        }
      }
      expect(reached.get(`wasm ${lane}`) ?? 0, [...reached].join("; ")).toBeGreaterThan(40);
    },
  );

  it.each(LANES.flatMap((lane) => DATAFLOWS.map((dataflow) => [dataflow, ...lane] as const)))(
    "%s, lane %s",
    (dataflow, lane, choices) => {
      let reached = 0;
      fc.assert(
        fc.property(laneTiles({ dataflow, ...choices }), (tile) => {
          if (checked(tile) === `wasm ${lane}`) reached++;
        }),
        { numRuns: RUNS },
      );
      expect(reached).toBeGreaterThan(RUNS / 8);
    },
  );
});
