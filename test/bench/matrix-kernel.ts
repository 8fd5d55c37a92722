import { DEFAULT_MACHINE, type Machine } from "../../isa/machine.ts";
import { type FixedPointFormat, rawRange } from "../../isa/numerics/format.ts";
import { hull } from "../../sim/fast/arithmetic/ranges.ts";
import { RegisterTally } from "../../sim/fast/evidence/register-tally.ts";
import {
  type KernelLibrary,
  type MatrixOperands,
  type MatrixProblem,
  UNCOUNTED,
  type WeightTile,
} from "../../sim/fast/kernels/contract.ts";
import { PLAIN_KERNELS } from "../../sim/fast/kernels/plain.ts";
import type { StepwiseKernel } from "../../sim/fast/kernels/stepwise.ts";
import { stepwiseBigint } from "../../sim/fast/kernels/stepwise-bigint.ts";
import { stepwiseFloat64 } from "../../sim/fast/kernels/stepwise-float64.ts";
import { chooseLane, stepwiseLane } from "../../sim/fast/lanes.ts";
import { isNumberWords, type Words } from "../../sim/fast/memory/words.ts";
import { OrderProofs } from "../../sim/fast/prepare/order-proofs.ts";
import { type MatrixWork, macsOf } from "./matrix-work.ts";

/** A kernel of a library on a matrix product, set up as the engine sets it up. */
export interface OpenKernel {
  /** What the library chose. */
  readonly name: string;
  readonly macs: number;
  /** Computes all sums with the evidence: where the kernel could not count overflows, the counting pass follows. */
  run(): void;
  /** Overflows of product and accumulator in the last run. */
  overflows(): { readonly product: number; readonly accumulator: number };
  /** pixels × filters words. */
  readonly sums: Words;
}

export function openKernel(
  library: KernelLibrary,
  work: MatrixWork,
  array: Pick<Machine, "dataflow"> = DEFAULT_MACHINE,
): OpenKernel {
  const own = library.forProgram?.() ?? library;
  const problem = problemOf(work, weightTile(work), { ...DEFAULT_MACHINE, ...array });
  const operands: MatrixOperands = {
    input: filled(own.allocate(work.operand, work.inputWords), work.input),
    inputBase: 0,
    pixelOffsets: work.pixelOffsets,
    stepOffsets: work.stepOffsets,
    weights: problem.tile,
    sums: own.allocate(work.accumulator.format, work.pixels * work.filters),
    sumBase: 0,
    sumPitch: work.filters,
    seed: 1,
    instruction: 0,
  };
  const kernel = own.matrix(problem, chooseLane(problem));
  const bound = kernel.bind(problem, operands);
  const counting = countingPass(problem, operands);
  let counted = { product: 0, accumulator: 0 };
  return {
    name: kernel.name,
    macs: macsOf(work),
    run: () => {
      bound.run(0);
      counted = { product: bound.product.overflows, accumulator: bound.accumulator.overflows };
      if (counted.product === UNCOUNTED || counted.accumulator === UNCOUNTED) counted = counting();
    },
    overflows: () => counted,
    sums: operands.sums,
  };
}

function weightTile({ weight, weights, filters }: MatrixWork): WeightTile {
  return {
    words: filled(PLAIN_KERNELS.allocate(weight, weights.length), weights),
    base: 0,
    pitch: filters,
    constant: true,
  };
}

function problemOf(work: MatrixWork, tile: WeightTile, array: Machine): MatrixProblem & { readonly tile: WeightTile } {
  const { pixels, filters, steps, operand, weight, product, accumulator } = work;
  const weightRange = hull([BigInt(least(work.weights)), BigInt(largest(work.weights))]);
  const registers = { operand, weight, product, accumulator };
  const freeSums = new OrderProofs().freeSums({
    steps,
    filters,
    ...registers,
    weightRange,
    constant: tile,
    initial: null,
  });
  return {
    pixels,
    filters,
    steps,
    array,
    accumulate: false,
    ...registers,
    operandRange: rawRange(operand),
    weightRange,
    freeSums,
    tile,
  };
}

function filled(words: Words, raws: Float64Array): Words {
  if (isNumberWords(words)) words.set(raws);
  else for (const [index, raw] of raws.entries()) words[index] = BigInt(raw);
  return words;
}

function least(values: Float64Array): number {
  return values.reduce((min, value) => Math.min(min, value), 0);
}

function largest(values: Float64Array): number {
  return values.reduce((max, value) => Math.max(max, value), 0);
}

/** The pass that follows in the engine where a kernel only knows that something overflowed. */
function countingPass(
  problem: MatrixProblem,
  operands: MatrixOperands,
): () => { readonly product: number; readonly accumulator: number } {
  let stepwise: StepwiseKernel | null = null;
  const tally = (register: "product" | "accumulator", { fractionLength }: FixedPointFormat): RegisterTally =>
    new RegisterTally(
      { image: 0, instruction: 0, start: 0, stretch: 1, firstStep: 0, statistics: false },
      register,
      fractionLength,
    );
  return () => {
    stepwise ??= (stepwiseLane(problem) === "float64" ? stepwiseFloat64 : stepwiseBigint)(problem, operands);
    const product = tally("product", problem.product.format);
    const accumulator = tally("accumulator", problem.accumulator.format);
    stepwise.observer(0, { product, accumulator });
    return { product: product.evidence().overflow, accumulator: accumulator.evidence().overflow };
  };
}
