import { DATAFLOWS, runLength } from "../../../isa/dataflow/table.ts";
import { type ReplaceOutside, replaceOutside } from "../arithmetic/outside.ts";
import { productRange, roundedRange } from "../arithmetic/ranges.ts";
import type { Words } from "../memory/words.ts";
import type { KernelForm, MatrixKernel, MatrixProblem, OverflowCounter } from "./contract.ts";
import { type LoopLane, type LoopShape, loopSource } from "./loop-source.ts";
import { panelKernel, type SumPanel } from "./panel-loop.ts";
import { alignmentBits, productDroppedBits, productScaleBits } from "./product-shift.ts";
import { type LaneArray, weightPanels } from "./weight-panels.ts";

type BindLoop = (
  totals: LaneArray,
  input: Words,
  stepOffsets: Int32Array,
  weights: LaneArray,
  steps: number,
  group: number,
  product: OverflowCounter,
  sum: OverflowCounter,
  replaceProduct: ReplaceOutside,
  replaceSum: ReplaceOutside,
) => SumPanel;

/** Loops by their source: problems with equal registers share one, and what the JIT compiler has learned of it. */
const loops = new Map<string, BindLoop>();
/** More than any program needs; a long exploration of formats starts afresh here. */
const MAX_LOOPS = 1000;

function bindLoop(shape: LoopShape): BindLoop {
  const source = loopSource(shape);
  let bind = loops.get(source);
  if (bind === undefined) {
    const parameters = "totals, input, stepOffsets, weights, steps, group, product, sum, replaceProduct, replaceSum";
    bind = new Function(parameters, source) as BindLoop;
    if (loops.size >= MAX_LOOPS) loops.clear();
    loops.set(source, bind);
  }
  return bind;
}

function loopShape(lane: LoopLane, form: KernelForm, problem: MatrixProblem): LoopShape {
  const { product, accumulator, freeSums, array } = problem;
  const droppedBits = productDroppedBits(problem);
  const scaled = productScaleBits(problem);
  const exact = productRange(problem.operandRange, problem.weightRange);
  const rounded = roundedRange(exact, droppedBits - scaled);
  const { sum } = DATAFLOWS[array.dataflow];
  return {
    lane,
    alignment: alignmentBits(problem),
    product: { spec: product, droppedBits, rounded, counter: "product", replace: "replaceProduct" },
    sum: { spec: accumulator, droppedBits: 0, rounded: freeSums, counter: "sum", replace: "replaceSum" },
    fits: form !== "ordered" || sum === "gathers" ? "once" : sum === "carries" ? "each" : "group",
  };
}

/**
 * Kernels of a lane. Ordered: every product and every addition is fitted, in the order of the dataflow; a run of a weight-
 * or input-stationary array starts from zero and is added to the bank at its end (the first one, which overwrites the bank,
 * is added to the zero there, which is the same); an adder tree fits once per run. Free and dot: products are summed
 * exactly, and the fit, proved to meet nothing outside, is left out.
 */
export function loopKernel(lane: LoopLane, form: Exclude<KernelForm, "stepwise">): MatrixKernel {
  const allocate = (length: number): LaneArray =>
    lane === "int32" ? new Int32Array(length) : new Float64Array(length);
  return {
    name: `${lane} ${form}`,
    bind: (problem, operands) => {
      const panels = weightPanels(problem, operands.weights, productScaleBits(problem), allocate);
      const totals = allocate(4);
      const product: OverflowCounter = { overflows: 0 };
      const accumulator: OverflowCounter = { overflows: 0 };
      const { steps } = problem;
      const sumPanel = bindLoop(loopShape(lane, form, problem))(
        totals,
        operands.input,
        operands.stepOffsets,
        panels.words,
        steps,
        form === "ordered" ? runLength(problem) : steps,
        product,
        accumulator,
        replaceOutside(problem.product),
        replaceOutside(problem.accumulator),
      );
      return panelKernel(problem, operands, { panels, totals, sumPanel, product, accumulator });
    },
  };
}
