import { DATAFLOWS, runLength } from "../../../../isa/dataflow/table.ts";
import type { RoundingMode } from "../../../../isa/numerics/rounding.ts";
import { EVIDENCE_REGISTERS } from "../../../evidence.ts";
import { seedGenerators } from "../../arithmetic/generator-bank.ts";
import type { MatrixKernel, MatrixOperands, MatrixProblem, OverflowCounter, WeightTile } from "../contract.ts";
import type { Arena } from "./arena.ts";
import type { IntegerPlan } from "./integer-plans.ts";
import { type PackedSteps, packedSteps, runCarries } from "./packed-steps.ts";
import { type Panels, packPanels } from "./panels.ts";
import { inputPlace, isBig, sumPlace } from "./places.ts";
import { PANEL, TileRecord } from "./tile.ts";
import { exportedFunction } from "./web-assembly.ts";

/** Makes the kernel of a plan; `plain` computes what an adder tree's tile cannot prove. */
export type IntegerKernels = (plan: IntegerPlan, plain: MatrixKernel) => MatrixKernel;

/** The integer kernels of one arena. What they pack of a constant tile is kept with it, for all that read it alike. */
export function integerKernels(arena: Arena): IntegerKernels {
  const packed = new WeakMap<WeightTile, Map<string, Panels>>();

  const panelsOf = (problem: MatrixProblem, tile: WeightTile, plan: IntegerPlan, steps: PackedSteps): Panels => {
    const { layout, scaleBits, bias } = plan;
    const foldFilters = plan.draws ? Math.min(problem.array.columns, problem.filters) : problem.filters;
    const shape = { layout, filters: problem.filters, steps, scaleBits, bias, foldFilters };
    if (!tile.constant) return packPanels(arena, tile, shape);
    const known = packed.get(tile) ?? new Map<string, Panels>();
    packed.set(tile, known);
    const pairs = steps.second.join();
    const key = `${layout} ${problem.filters} ${foldFilters} ${runLength(problem)} ${scaleBits} ${Object.values(bias).join()} ${pairs}`;
    let panels = known.get(key);
    if (panels === undefined) {
      panels = packPanels(arena, tile, shape);
      known.set(key, panels);
    }
    return panels;
  };

  return (plan, plain) => ({
    name: `wasm ${plan.module}`,
    bind: (problem, operands) => {
      // Words wider than 53 bits whose values are proved small: rare, and not worth a conversion.
      if (isBig(operands.input) || isBig(operands.sums)) return plain.bind(problem, operands);
      const exports = arena.instance(plan.module, plan.shifts);
      const expand = exportedFunction(exports, "expand");
      const compute = exportedFunction(exports, plan.compute);
      const input = inputPlace(arena, "Int32Array", operands);
      const sums = sumPlace(arena, "Int32Array", problem, operands);
      const steps = packedSteps(problem, operands.stepOffsets, plan.layout === "dot");
      const panels = panelsOf(problem, operands.weights, plan, steps);
      arena.needScratch((input.words + 8) * plan.wordBytes);
      const record = new TileRecord(arena, {
        pixels: problem.pixels,
        filters: problem.filters,
        steps: steps.first.length,
        blocks: arena.tableOf(steps.blocks),
        blockCount: steps.blocks.length,
        carries: runCarries(problem) ? 1 : 0,
        accumulate: problem.accumulate ? 1 : 0,
        source: input.address,
        words: input.words,
        pixelOffsets: arena.tableOf(operands.pixelOffsets),
        stepOffsets: arena.tableOf(steps.offsets),
        weights: panels.weights,
        negativeWeights: panels.negativeWeights,
        blockWeights: panels.blockWeights,
        partWeights: panels.partWeights,
        largestWeights: panels.largestWeights,
        sums: sums.address,
        sumPitch: sums.pitch,
        productMin: Number(plan.productRange.min),
        productMax: Number(plan.productRange.max),
        sumMin: Number(plan.sumRange.min),
        sumMax: Number(plan.sumRange.max),
        droppedBits: plan.droppedBits,
        roundingHalves: plan.droppedBits === 0 ? 0 : roundingHalves(problem.product.rounding),
        wrapShift: plan.wrapShift,
        fitting: plan.fitting,
        parityBase: plan.bias.base,
        parityOdd: plan.bias.odd,
        rows: problem.array.rows,
        columns: problem.array.columns,
      });
      const seedStates = plan.draws ? generatorStates(arena, problem, operands, record) : null;
      const product: OverflowCounter = { overflows: 0 };
      const accumulator: OverflowCounter = { overflows: 0 };
      const gathers = DATAFLOWS[problem.array.dataflow].sum === "gathers";
      const fallback = gathers ? plain.bind(problem, operands) : null;
      const provesRuns = gathers ? exportedFunction(exports, "provesRuns") : null;
      const run = (image: number): void => {
        input.bring?.();
        panels.refresh();
        seedStates?.(image);
        const { scratch } = arena;
        record.set("input", scratch);
        expand(record.address, scratch);
        if (fallback !== null && provesRuns?.(record.address) === 0) {
          fallback.run(image);
          product.overflows = fallback.product.overflows;
          accumulator.overflows = fallback.accumulator.overflows;
          return;
        }
        sums.bring?.();
        compute(record.address);
        sums.take?.();
        product.overflows = record.get("productOverflows") >>> 0;
        accumulator.overflows = record.get("sumOverflows") >>> 0;
      };
      return { product, accumulator, run };
    },
  });
}

/** Sets a tile's generators to their first states for an image: rows of the array, columns filled up to whole panels. */
function generatorStates(
  arena: Arena,
  problem: MatrixProblem,
  { seed, instruction }: MatrixOperands,
  record: TileRecord,
): (image: number) => void {
  const rows = Math.min(problem.array.rows, problem.pixels);
  const columns = Math.min(problem.array.columns, problem.filters);
  const pitch = Math.ceil(columns / PANEL) * PANEL;
  const states = arena.array("Int32Array", rows * pitch);
  record.set("states", arena.addressOf(states) ?? 0);
  const source = { seed, instruction, registerCode: EVIDENCE_REGISTERS.indexOf("product") };
  return (image) => seedGenerators(source, { firstRow: 0, rows, columns }, image, states, pitch);
}

/** Halves of a unit by which rounding can raise a magnitude. */
function roundingHalves(mode: RoundingMode): number {
  if (mode === "zero") return 0;
  return mode.startsWith("nearest") ? 1 : 2;
}
