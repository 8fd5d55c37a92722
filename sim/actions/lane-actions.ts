import type { ConfigureActivation } from "../../isa/instructions/configure-activation.ts";
import type { Pool } from "../../isa/instructions/pool.ts";
import { type ArithmeticVectorOperation, isFunctionOperation } from "../../isa/instructions/vector.ts";
import type { Machine } from "../../isa/machine.ts";
import { bitLength, type FixedPointFormat } from "../../isa/numerics/format.ts";
import { productFormat, sumFormat } from "../../isa/numerics/growth.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { ConfiguredPool, ConfiguredPreload, ConfiguredRequantize, ConfiguredVector } from "../configuration.ts";
import type { Tally } from "./action-counts.ts";
import { countFunction } from "./function-actions.ts";
import { countQuantization, countQuotientQuantization } from "./quantization-actions.ts";

/** Every accumulator: read the bias, quantize, write. */
export function countPreload(tally: Tally, configured: ConfiguredPreload, machine: Machine): void {
  const { instruction, bias, accumulator } = configured;
  const elements = instruction.pixels * instruction.columns;
  tally.memory("weightScratchpad", "read", bias.format.wordLength, machine.weightScratchpad, elements);
  countQuantization(tally, bias.format, accumulator, elements);
  tally.memory("accumulatorBank", "write", accumulator.format.wordLength, machine.accumulatorBank, elements);
}

/** Every element: read the sum or the operands (and scale and bias), multiply, add, divide, activate, quantize, write. */
export function countRequantize(tally: Tally, configured: ConfiguredRequantize, machine: Machine): void {
  if (configured.scale !== null) countScaled(tally, configured, configured.scale, machine);
  else countUnscaled(tally, configured, machine);
}

/** a · M (+ b · M′) + bias, divided, exact, then the output register. */
function countScaled(
  tally: Tally,
  { instruction, accumulator, operandA, operandB, bias, divisor, output, activation }: ConfiguredRequantize,
  scale: RegisterSpec,
  machine: Machine,
): void {
  const elements = instruction.pixels * instruction.columns;
  const { accumulatorBank, inputScratchpad, weightScratchpad, outputBuffer } = machine;
  const scaled = ({ format }: RegisterSpec): FixedPointFormat => {
    if (operandA === null) tally.memory("accumulatorBank", "read", format.wordLength, accumulatorBank, elements);
    else tally.memory("inputScratchpad", "read", format.wordLength, inputScratchpad, elements);
    tally.memory("weightScratchpad", "read", scale.format.wordLength, weightScratchpad, elements);
    tally.add("multiplier", "multiply", [format.wordLength, scale.format.wordLength], elements);
    return productFormat(format, scale.format);
  };
  let exact = scaled(operandA ?? accumulator);
  const plus = (format: FixedPointFormat): void => {
    exact = sumFormat(exact, format);
    tally.add("adder", "add", [exact.wordLength], elements);
  };
  if (operandB !== null) plus(scaled(operandB));
  if (bias !== null) {
    tally.memory("weightScratchpad", "read", bias.format.wordLength, weightScratchpad, elements);
    plus(bias.format);
  }
  countActivation(tally, activation, exact, elements);
  if (divisor === null) countQuantization(tally, exact, output, elements);
  else countConstantQuotient(tally, exact, divisor, output, elements);
  tally.memory("outputBuffer", "write", output.format.wordLength, outputBuffer, elements);
}

/**
 * A quotient by a constant: two additions for 2^k − 1, x / (2^k − 1) being x shifted by k and corrected by itself, else a
 * multiplication by a reciprocal as long as the dividend.
 */
function countConstantQuotient(
  tally: Tally,
  dividend: FixedPointFormat,
  divisor: number,
  output: RegisterSpec,
  count: number,
): void {
  const { wordLength } = dividend;
  const bits = BigInt(divisor);
  if ((bits & (bits + 1n)) === 0n) tally.add("adder", "add", [wordLength], 2 * count);
  else tally.add("multiplier", "multiply", [wordLength, wordLength], count);
  countQuotientQuantization(tally, dividend, bitLength(bits), output, count);
}

function countUnscaled(tally: Tally, configured: ConfiguredRequantize, machine: Machine): void {
  const { instruction, accumulator, sum, bias, output, activation } = configured;
  const elements = instruction.pixels * instruction.columns;
  const target = sum ?? accumulator;
  tally.memory("accumulatorBank", "read", accumulator.format.wordLength, machine.accumulatorBank, elements);
  if (sum !== null) countQuantization(tally, accumulator.format, sum, elements);
  if (bias !== null) {
    tally.memory("weightScratchpad", "read", bias.format.wordLength, machine.weightScratchpad, elements);
    const exact = sumFormat(target.format, bias.format);
    tally.add("adder", "add", [exact.wordLength], elements);
    countQuantization(tally, exact, target, elements);
  }
  countActivation(tally, activation, target.format, elements);
  countQuantization(tally, target.format, output, elements);
  tally.memory("outputBuffer", "write", output.format.wordLength, machine.outputBuffer, elements);
}

function countActivation(tally: Tally, activation: ConfigureActivation, format: FixedPointFormat, count: number): void {
  if (activation.activation !== "none") tally.add("activation", activation.activation, [format.wordLength], count);
}

/** nearest(2^16 / n), n ≥ 1: 17 bits, 16 of them fraction. */
const RECIPROCAL: FixedPointFormat = { wordLength: 17, fractionLength: 16, signed: false };

/** Every valid position of every window is read; a window of v positions takes v − 1 comparisons or v additions. */
export function countPool(tally: Tally, configured: ConfiguredPool, machine: Machine): void {
  const { instruction: pool, operandA, average, sum } = configured;
  const outputs = pool.outputRows * pool.outputColumns * pool.channels;
  const rows = validPositions(pool.outputRows, pool.kernelRows, pool.strideRows, pool.padTop, pool.inputRows);
  const columns = validPositions(
    pool.outputColumns,
    pool.kernelColumns,
    pool.strideColumns,
    pool.padLeft,
    pool.inputColumns,
  );
  const reads = rows * columns * pool.channels;
  const { wordLength } = operandA.format;
  tally.memory("inputScratchpad", "read", wordLength, machine.inputScratchpad, reads);
  if (sum !== null) {
    countSums(tally, sum, operandA.format, reads);
    tally.memory("accumulatorBank", "write", sum.format.wordLength, machine.accumulatorBank, outputs);
    return;
  }
  if (average === null) {
    tally.add("comparator", "compare", [wordLength], reads - outputs);
    tally.memory("outputBuffer", "write", wordLength, machine.outputBuffer, outputs);
    return;
  }
  const { accumulator, output } = average;
  countSums(tally, accumulator, operandA.format, reads);
  countMean(tally, pool, accumulator.format, outputs);
  if (pool.kind === "averageDivider") {
    countQuotientQuantization(tally, accumulator.format, divisorBits(pool), output, outputs);
  } else {
    countQuantization(tally, productFormat(accumulator.format, RECIPROCAL), output, outputs);
  }
  tally.memory("outputBuffer", "write", output.format.wordLength, machine.outputBuffer, outputs);
}

function countSums(tally: Tally, accumulator: RegisterSpec, operand: FixedPointFormat, count: number): void {
  const exact = sumFormat(accumulator.format, operand);
  tally.add("adder", "add", [exact.wordLength], count);
  countQuantization(tally, exact, accumulator, count);
  tally.add("accumulatorRegister", "write", [accumulator.format.wordLength], count);
}

function countMean(tally: Tally, pool: Pool, accumulator: FixedPointFormat, outputs: number): void {
  if (pool.kind === "averageDivider") {
    tally.add("divider", "divide", [accumulator.wordLength, divisorBits(pool)], outputs);
  } else {
    tally.add("multiplier", "multiply", [accumulator.wordLength, RECIPROCAL.wordLength], outputs);
  }
}

/** Bits of the largest n. */
function divisorBits(pool: Pool): number {
  return bitLength(BigInt(pool.kernelRows * pool.kernelColumns));
}

/** Σ over the windows along one side of their positions inside the block. */
function validPositions(outputs: number, kernel: number, stride: number, padding: number, inputs: number): number {
  let sum = 0;
  for (let output = 0; output < outputs; output++) {
    const start = output * stride - padding;
    sum += Math.max(0, Math.min(inputs, start + kernel) - Math.max(0, start));
  }
  return sum;
}

/** Format of the exact result of an operation on a and b. */
const EXACT_RESULT: Readonly<
  Record<ArithmeticVectorOperation, (a: FixedPointFormat, b: FixedPointFormat, shift: number) => FixedPointFormat>
> = {
  copy: (a) => a,
  add: (a, b) => sumFormat(a, b),
  subtract: (a, b) => ({ ...sumFormat(a, b), signed: true }),
  multiply: (a, b) => productFormat(a, b),
  maximum: (a, b) => alignedFormat(a, b),
  minimum: (a, b) => alignedFormat(a, b),
  shift: (a, _b, shift) => ({ ...a, fractionLength: a.fractionLength - shift }),
};

/** Holds every word of a and of b: a sum without its carry. */
function alignedFormat(a: FixedPointFormat, b: FixedPointFormat): FixedPointFormat {
  const sum = sumFormat(a, b);
  return { ...sum, wordLength: sum.wordLength - 1 };
}

/** Every element: read the operands, operate, activate, quantize, write; copies and shifts are wires. */
export function countVector(tally: Tally, configured: ConfiguredVector, machine: Machine): void {
  const { instruction, operandA, operandB, output, activation } = configured;
  const { elements, operation, shift } = instruction;
  if (isFunctionOperation(operation) || activation === null) {
    countFunction(tally, configured, machine);
    return;
  }
  const [a, b] = [operandA.format, (operandB ?? operandA).format];
  const exact = EXACT_RESULT[operation](a, b, Number(shift));
  tally.memory("inputScratchpad", "read", a.wordLength, machine.inputScratchpad, elements);
  if (operandB !== null) tally.memory("inputScratchpad", "read", b.wordLength, machine.inputScratchpad, elements);
  if (operation === "multiply") tally.add("multiplier", "multiply", [a.wordLength, b.wordLength], elements);
  if (operation === "add" || operation === "subtract") tally.add("adder", "add", [exact.wordLength], elements);
  if (operation === "maximum" || operation === "minimum") {
    tally.add("comparator", "compare", [exact.wordLength], elements);
  }
  countActivation(tally, activation, exact, elements);
  countQuantization(tally, exact, output, elements);
  tally.memory("outputBuffer", "write", output.format.wordLength, machine.outputBuffer, elements);
}
