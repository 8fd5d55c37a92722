import type { ArrayRun } from "../../../isa/dataflow/definition.ts";
import { accumulationDelay, DATAFLOWS } from "../../../isa/dataflow/table.ts";
import { ExactRegister } from "../arithmetic/exact-register.ts";
import { setWord, wordAt } from "../memory/words.ts";
import type { MatrixOperands, MatrixProblem } from "./contract.ts";
import { matrixGenerators } from "./matrix-generators.ts";
import { type MatrixObserver, placeInRun, type StepwiseKernel } from "./stepwise.ts";

/** The definition in big integers, for any width: every step in the array's own order, one by one. */
export function stepwiseBigint(problem: MatrixProblem, operands: MatrixOperands): StepwiseKernel {
  const { array } = problem;
  const { rows } = array;
  const { input, inputBase, pixelOffsets, stepOffsets, weights, sums, sumBase, sumPitch } = operands;
  const operandFraction = problem.operand.fractionLength + problem.weight.fractionLength;
  const productFraction = problem.product.format.fractionLength;
  const sumFraction = problem.accumulator.format.fractionLength;
  const exactFraction = Math.max(productFraction, sumFraction);
  const sumShift = BigInt(exactFraction - sumFraction);
  const productShift = BigInt(exactFraction - productFraction);
  const order = DATAFLOWS[array.dataflow];
  const { rowStride, stepStride, sum: rule } = order;
  const delay = accumulationDelay(array);
  const product = new ExactRegister(problem.product, () => matrixGenerators(problem, operands, "product"));
  const accumulator = new ExactRegister(problem.accumulator, () => matrixGenerators(problem, operands, "accumulator"));

  const compute = (run: ArrayRun): void => {
    const address = inputBase + (pixelOffsets[run.pixel] ?? 0);
    const place = sumBase + run.pixel * sumPitch + run.filter;
    const bank = run.opensSum ? 0n : wordAt(sums, place);
    let sum = rule === "carries" ? bank : 0n;
    let gathered = 0n;
    for (let step = run.firstStep; step < run.endStep; step++) {
      const term = step - run.firstStep;
      const row = run.row + term * rowStride;
      const laneStep = run.arrayStep + term * stepStride;
      const x = wordAt(input, address + (stepOffsets[step] ?? 0));
      const w = wordAt(weights.words, weights.base + step * weights.pitch + run.filter);
      const word = product.write(x * w, operandFraction, row, run.column);
      if (product.overflowed) product.locate(placeInRun(run, laneStep, row, step));
      if (rule === "gathers") gathered += word << productShift;
      else {
        sum = accumulator.write((sum << sumShift) + (word << productShift), exactFraction, row, run.column);
        if (accumulator.overflowed) accumulator.locate(placeInRun(run, laneStep + delay, row, step));
      }
    }
    const last = run.endStep - 1;
    if (rule === "gathers") {
      sum = accumulator.write((bank << sumShift) + gathered, exactFraction, rows, run.column);
      if (accumulator.overflowed) accumulator.locate(placeInRun(run, run.arrayStep + delay, rows, last));
    } else if (rule === "adds" && !run.opensSum) {
      sum = accumulator.write(bank + sum, sumFraction, rows, run.column);
      if (accumulator.overflowed) accumulator.locate(placeInRun(run, run.arrayStep + rows - 1 + delay, rows, last, 1));
    }
    setWord(sums, place, sum);
  };

  const execute = (image: number, observer: MatrixObserver | null): void => {
    product.restart(image, observer?.product ?? null);
    accumulator.restart(image, observer?.accumulator ?? null);
    order.forEachRun(array, problem, compute);
    kernel.product.overflows = product.overflows;
    kernel.accumulator.overflows = accumulator.overflows;
  };
  const kernel: StepwiseKernel = {
    product: { overflows: 0 },
    accumulator: { overflows: 0 },
    run: (image) => execute(image, null),
    observer: execute,
  };
  return kernel;
}
