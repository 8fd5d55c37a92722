import type { ArrayRun } from "../../../isa/dataflow/definition.ts";
import { accumulationDelay, DATAFLOWS } from "../../../isa/dataflow/table.ts";
import { InvariantError } from "../../../isa/diagnostic.ts";
import { NumberQuantizer } from "../arithmetic/number-quantizer.ts";
import { isNumberWords } from "../memory/words.ts";
import type { MatrixOperands, MatrixProblem } from "./contract.ts";
import { matrixGenerators } from "./matrix-generators.ts";
import { type MatrixObserver, placeInRun, type StepwiseKernel } from "./stepwise.ts";

/** The definition in doubles (see `stepwiseLane` for the proof): every step in the array's own order, one by one. */
export function stepwiseFloat64(problem: MatrixProblem, operands: MatrixOperands): StepwiseKernel {
  const { operand, weight, array } = problem;
  const { rows } = array;
  const { input, inputBase, pixelOffsets, stepOffsets, sums, sumBase, sumPitch } = operands;
  const { words: weights, base: weightBase, pitch: weightPitch } = operands.weights;
  const productFraction = problem.product.format.fractionLength;
  const sumFraction = problem.accumulator.format.fractionLength;
  const exactFraction = Math.max(productFraction, sumFraction);
  const sumScale = 2 ** (exactFraction - sumFraction);
  const productScale = 2 ** (exactFraction - productFraction);
  const product = new NumberQuantizer(operand.fractionLength + weight.fractionLength, problem.product);
  const accumulator = new NumberQuantizer(exactFraction, problem.accumulator);
  const bankAdder = new NumberQuantizer(sumFraction, problem.accumulator);
  const order = DATAFLOWS[array.dataflow];
  const { rowStride, stepStride, sum: rule } = order;
  const delay = accumulationDelay(array);
  const productGenerators = product.draws ? matrixGenerators(problem, operands, "product") : null;
  const sumGenerators = accumulator.draws ? matrixGenerators(problem, operands, "accumulator") : null;
  if (!isNumberWords(sums)) throw new InvariantError("sums of the float64 lane are kept as big integers");
  const target = sums;
  let observer: MatrixObserver | null = null;

  const compute = (run: ArrayRun): void => {
    const { column, firstStep, endStep } = run;
    const address = inputBase + (pixelOffsets[run.pixel] as number);
    const place = sumBase + run.pixel * sumPitch + run.filter;
    const bank = run.opensSum ? 0 : Number(sums[place]);
    let sum = rule === "carries" ? bank : 0;
    let gathered = 0;
    let row = run.row;
    let laneStep = run.arrayStep;
    let weightIndex = weightBase + firstStep * weightPitch + run.filter;
    for (let step = firstStep; step < endStep; step++) {
      const exact = Number(input[address + (stepOffsets[step] as number)]) * Number(weights[weightIndex]);
      const word = product.apply(exact, productGenerators === null ? 0 : productGenerators.draw(row, column));
      if (observer !== null) {
        observer.product.number(exact, product.rounded, word, product.droppedBits);
        if (word !== product.rounded) observer.product.overflowed(placeInRun(run, laneStep, row, step));
      }
      if (rule === "gathers") {
        gathered += word * productScale;
      } else {
        const exactSum = sum * sumScale + word * productScale;
        sum = accumulator.apply(exactSum, sumGenerators === null ? 0 : sumGenerators.draw(row, column));
        if (observer !== null) {
          observer.accumulator.number(exactSum, accumulator.rounded, sum, accumulator.droppedBits);
          if (sum !== accumulator.rounded) {
            observer.accumulator.overflowed(placeInRun(run, laneStep + delay, row, step));
          }
        }
      }
      row += rowStride;
      laneStep += stepStride;
      weightIndex += weightPitch;
    }
    if (rule === "gathers") {
      const exactSum = bank * sumScale + gathered;
      sum = accumulator.apply(exactSum, sumGenerators === null ? 0 : sumGenerators.draw(rows, column));
      if (observer !== null) {
        observer.accumulator.number(exactSum, accumulator.rounded, sum, accumulator.droppedBits);
        if (sum !== accumulator.rounded) {
          observer.accumulator.overflowed(placeInRun(run, run.arrayStep + delay, rows, endStep - 1));
        }
      }
    } else if (rule === "adds" && !run.opensSum) {
      const exactSum = bank + sum;
      sum = bankAdder.apply(exactSum);
      if (observer !== null) {
        observer.accumulator.number(exactSum, bankAdder.rounded, sum, 0);
        if (sum !== bankAdder.rounded) {
          observer.accumulator.overflowed(placeInRun(run, run.arrayStep + rows - 1 + delay, rows, endStep - 1, 1));
        }
      }
    }
    target[place] = sum;
  };

  const kernel: StepwiseKernel = {
    product: { overflows: 0 },
    accumulator: { overflows: 0 },
    run: (image) => {
      for (const quantizer of [product, accumulator, bankAdder]) quantizer.overflows = 0;
      productGenerators?.restart(image);
      sumGenerators?.restart(image);
      order.forEachRun(array, problem, compute);
      kernel.product.overflows = product.overflows;
      kernel.accumulator.overflows = accumulator.overflows + bankAdder.overflows;
    },
    observer: (image, seen) => {
      observer = seen;
      kernel.run(image);
      observer = null;
    },
  };
  return kernel;
}
