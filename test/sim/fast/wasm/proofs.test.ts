import { describe, expect, it } from "vitest";
import { type FixedPointFormat, rawRange } from "../../../../isa/numerics/format.ts";
import { quantize } from "../../../../isa/numerics/quantize.ts";
import type { RoundingMode } from "../../../../isa/numerics/rounding.ts";
import { wasmKernels } from "../../../../sim/fast/kernels/wasm/library.ts";
import { WASM_MISSING } from "../../../../sim/fast/kernels/wasm/modules.ts";
import { chooseLane } from "../../../../sim/fast/lanes.ts";
import { buildTile, resetSums, sumsOf } from "../matrix-tiles.ts";

const PIXELS = 9;
const FILTERS = 9;

/** Lane, widths of operands and sums, dropped bits. */
const LANES = [
  ["int8", 8, 10, 5],
  ["int16", 16, 12, 9],
  ["int16", 16, 16, 9],
  ["int32", 16, 24, 9],
  ["int32", 16, 32, 9],
  ["dot", 16, 24, 0],
  ["dot", 16, 32, 0],
  ["float64", 26, 30, 9],
  ["int64", 52, 54, 9],
  ["int64", 63, 64, 9],
] as const;

const CASES = LANES.flatMap((lane) => ([1n, -1n] as const).map((sign) => [...lane, sign] as const));

/** Equal words in all places, on sums that lead `beyond` words past an end of the range after `steps` steps. */
describe.runIf(WASM_MISSING === null)("sums that just stay in the range, or just leave it", () => {
  const library = wasmKernels();

  it.each(CASES)("lane %s, operands of %i bits, sums of %i, %i dropped, towards sign %i", (...drawn) => {
    const [lane, operandLength, sumLength, droppedBits, sign] = drawn;
    const operand: FixedPointFormat = { wordLength: operandLength, fractionLength: 0, signed: true };
    const format = { wordLength: sumLength, fractionLength: -droppedBits, signed: true };
    const modes: readonly RoundingMode[] =
      droppedBits === 0 ? ["down"] : ["up", "down", "nearest", "nearest-even", "zero"];
    for (const rounding of modes) {
      const register = { format, rounding, overflow: "saturate", saturatedBits: 0, dialect: "sc" } as const;
      const half = droppedBits === 0 ? 1n : 1n << BigInt(droppedBits - 1);
      // Weights of 1 to 8: a word that rounds to one unit, a tie, and one that rounds away from many units.
      for (const [x, w] of [
        [sign, 1n],
        [sign * (half >> 2n || 1n), 4n],
        [sign * 11n, 8n],
        [sign << BigInt(operandLength - 8), 8n],
      ] as const) {
        const { raw, overflowed } = quantize(x * w, 0, register);
        if (overflowed) continue;
        for (const steps of [1, 32, 33, 40]) {
          const end = sign > 0n ? rawRange(format).max : rawRange(format).min;
          for (const beyond of [-2n, -1n, 0n, 1n, 2n]) {
            const bank = end - BigInt(steps) * raw + sign * beyond;
            if (bank > rawRange(format).max || bank < rawRange(format).min) continue;
            const tile = buildTile({
              dataflow: "output-stationary",
              operand,
              weight: operand,
              product: register,
              accumulator: register,
              pixels: PIXELS,
              filters: FILTERS,
              steps,
              rows: 4,
              columns: 4,
              macPipeline: 0,
              weightDoubleBuffer: false,
              drainOverlap: false,
              accumulate: true,
              constant: lane !== "int64" && lane !== "int8",
              input: [x],
              weights: [w],
              bank: [bank],
              image: 0,
              seed: 1,
            });
            const kernel = library.matrix(tile.problem, chooseLane(tile.problem));
            if (kernel.name !== `wasm ${lane}`) continue;
            resetSums(tile);
            const bound = kernel.bind(tile.problem, tile.operands);
            bound.run(0);
            let sum = bank;
            let overflows = 0;
            for (let step = 0; step < steps; step++) {
              const next = quantize(sum + raw, -droppedBits, register);
              if (next.overflowed) overflows++;
              sum = next.raw;
            }
            const where = `${kernel.name} ${rounding} x ${x} w ${w} steps ${steps} beyond ${beyond}`;
            expect(new Set(sumsOf(tile)), where).toEqual(new Set([sum]));
            expect(bound.accumulator.overflows, where).toBe(overflows * PIXELS * FILTERS);
            expect(bound.product.overflows, where).toBe(0);
            reached.set(lane, (reached.get(lane) ?? 0) + 1);
          }
        }
      }
    }
  });

  const reached = new Map<string, number>();

  it("reached every lane", () => {
    for (const [lane] of LANES) expect(reached.get(lane) ?? 0, lane).toBeGreaterThan(20);
  });
});
