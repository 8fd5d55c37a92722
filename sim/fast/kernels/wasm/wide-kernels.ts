import { DATAFLOWS, runLength } from "../../../../isa/dataflow/table.ts";
import type { MatrixKernel, MatrixProblem, OverflowCounter, WeightTile } from "../contract.ts";
import type { Arena } from "./arena.ts";
import type { ModuleName, ModuleShifts } from "./modules.ts";
import { type PackedSteps, packedSteps, runCarries } from "./packed-steps.ts";
import { inputPlace, sumPlace } from "./places.ts";
import { exportedFunction } from "./web-assembly.ts";
import { packWidePanels, type WidePanels } from "./wide-panels.ts";
import { viewOf, WideTileRecord, WORD_KINDS } from "./wide-tile.ts";

/** How a lane of 64-bit words computes a problem. */
export interface WidePlan {
  readonly module: ModuleName;
  readonly shifts: ModuleShifts;
  /** The exported function. */
  readonly compute: string;
  readonly view: "Float64Array" | "BigInt64Array";
  /** Powers of two that packed weights, and weights in bounds, carry. */
  readonly scaleBits: number;
  readonly boundBits: number;
  readonly droppedBits: number;
  /** Ranges and biases as the module wants them. */
  readonly registers: Float64Array | BigInt64Array;
}

export type WideKernels = (plan: WidePlan) => MatrixKernel;

/** The kernels of one arena for words of 64 bits. */
export function wideKernels(arena: Arena): WideKernels {
  const packed = new WeakMap<WeightTile, Map<string, WidePanels>>();

  const panelsOf = (problem: MatrixProblem, tile: WeightTile, plan: WidePlan, steps: PackedSteps): WidePanels => {
    const { view, scaleBits, boundBits } = plan;
    const shape = { view, filters: problem.filters, steps, scaleBits, boundBits };
    if (!tile.constant) return packWidePanels(arena, tile, shape);
    const known = packed.get(tile) ?? new Map<string, WidePanels>();
    packed.set(tile, known);
    const key = `${view} ${problem.filters} ${problem.steps} ${runLength(problem)} ${scaleBits} ${boundBits}`;
    let panels = known.get(key);
    if (panels === undefined) {
      panels = packWidePanels(arena, tile, shape);
      known.set(key, panels);
    }
    return panels;
  };

  return (plan) => ({
    name: `wasm ${plan.module}`,
    bind: (problem, operands) => {
      const exports = arena.instance(plan.module, plan.shifts);
      const expand = exportedFunction(exports, "expand");
      const compute = exportedFunction(exports, plan.compute);
      const inputView = viewOf(operands.input);
      const sumView = viewOf(operands.sums);
      const input = inputPlace(arena, inputView, operands);
      const sums = sumPlace(arena, sumView, problem, operands);
      const steps = packedSteps(problem, operands.stepOffsets, false);
      const panels = panelsOf(problem, operands.weights, plan, steps);
      const registers = arena.array(plan.view, plan.registers.length);
      registers.set(plan.registers as never);
      arena.needScratch((input.words + 4) * 8);
      const record = new WideTileRecord(arena, {
        pixels: problem.pixels,
        filters: problem.filters,
        steps: problem.steps,
        blocks: arena.tableOf(steps.blocks),
        blockCount: steps.blocks.length,
        carries: runCarries(problem) ? 1 : 0,
        accumulate: problem.accumulate ? 1 : 0,
        source: input.address,
        words: input.words,
        sourceKind: WORD_KINDS[inputView],
        pixelOffsets: arena.tableOf(operands.pixelOffsets),
        stepOffsets: arena.tableOf(steps.offsets),
        weights: panels.weights,
        blockWeights: panels.blockWeights,
        largestWeights: panels.largestWeights,
        sums: sums.address,
        sumPitch: sums.pitch,
        sumKind: WORD_KINDS[sumView],
        droppedBits: plan.droppedBits,
        registers: arena.addressOf(registers) ?? 0,
      });
      const product: OverflowCounter = { overflows: 0 };
      const accumulator: OverflowCounter = { overflows: 0 };
      const run = (): void => {
        input.bring?.();
        panels.refresh();
        sums.bring?.();
        const { scratch } = arena;
        record.set("input", scratch);
        expand(record.address, scratch);
        compute(record.address);
        sums.take?.();
        product.overflows = record.get("productOverflows") >>> 0;
        accumulator.overflows = record.get("sumOverflows") >>> 0;
      };
      return { product, accumulator, run };
    },
  });
}

/** Whether a tree's run is summed without fits. */
export function gathers({ array }: MatrixProblem): boolean {
  return DATAFLOWS[array.dataflow].sum === "gathers";
}
