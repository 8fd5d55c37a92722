import { productFormat, sumFormat, sumOfTermsFormat } from "../../isa/growth.ts";
import type { Dataflow, Machine } from "../../isa/machine.ts";
import type { ConfiguredMatrix } from "../configuration.ts";
import type { Tally } from "./action-counts.ts";
import type { DistinctInputs } from "./distinct-inputs.ts";
import { countQuantization } from "./quantization-actions.ts";

/*
 * Actions of a matrix instruction: M = E · N · K multiplications, and what moves the operands.
 *
 * - Each fold reads every distinct input word and every weight word it needs once; inside the array operands move from
 *   element to element (tree: inputs are broadcast to the columns).
 * - Elements beyond the tile do nothing: their registers are taken as gated. Only partial sums that pass through them on
 *   the way out are counted.
 * - The product register is a word-length point: only the P registers of `macPipeline` behind it hold anything.
 */

interface Work {
  readonly configured: ConfiguredMatrix;
  readonly machine: Machine;
  readonly tally: Tally;
  readonly distinct: DistinctInputs;
  /** E, N, K. */
  readonly pixels: number;
  readonly filters: number;
  readonly steps: number;
  /** E · N · K. */
  readonly products: number;
}

const DATAFLOW_ACTIONS: Readonly<Record<Dataflow, (work: Work) => void>> = {
  "output-stationary": countOutputStationary,
  "weight-stationary": countWeightStationary,
  "input-stationary": countInputStationary,
  tree: countTree,
};

export function countMatrix(
  tally: Tally,
  configured: ConfiguredMatrix,
  machine: Machine,
  distinct: DistinctInputs,
): void {
  const { instruction, pixels: counters, operandA, weight, product } = configured;
  const pixels = counters.rowCount * counters.columnCount;
  const filters = instruction.columns;
  const steps = instruction.reductionLength;
  const products = pixels * filters * steps;
  tally.add("multiplier", "multiply", [operandA.format.wordLength, weight.format.wordLength], products);
  countQuantization(tally, productFormat(operandA.format, weight.format), product, products);
  tally.add("pipelineRegister", "write", [product.format.wordLength], products * machine.macPipeline);
  DATAFLOW_ACTIONS[machine.dataflow]({ configured, machine, tally, distinct, pixels, filters, steps, products });
}

/** Both operands move one element per step; sums stay, then leave through the rows below (shadow registers: one more). */
function countOutputStationary(work: Work): void {
  const { configured, machine, tally, distinct, pixels, filters, steps, products } = work;
  const { rows, columns } = machine;
  const { accumulate } = configured.instruction;
  const { operandBits, weightBits, accumulatorBits } = widthsOf(configured);
  readInputs(work, Math.ceil(filters / columns) * distinct.count(configured, rows, steps));
  readWeights(work, Math.ceil(pixels / rows) * steps * filters);
  tally.add("operandRegister", "write", [operandBits], products);
  tally.add("operandRegister", "write", [weightBits], products);
  countAccumulation(work, products);
  const sums = pixels * filters;
  const lastRows = pixels % rows;
  const shifts = (used: number): number => used * (rows - 1) - (used * (used - 1)) / 2;
  const drain = Math.floor(pixels / rows) * shifts(rows) + shifts(lastRows);
  const shadow = machine.drainOverlap && !accumulate ? sums : 0;
  tally.add("accumulatorRegister", "write", [accumulatorBits], drain * filters + shadow + (accumulate ? sums : 0));
  useBank(work, accumulate ? sums : 0, sums);
}

/** Weights stay, pixels stream along the rows, partial sums go down. */
function countWeightStationary(work: Work): void {
  const { configured, machine, tally, distinct, pixels, filters, steps, products } = work;
  const { operandBits, weightBits } = widthsOf(configured);
  readInputs(work, Math.ceil(filters / machine.columns) * distinct.count(configured, pixels, machine.rows));
  readWeights(work, steps * filters);
  tally.add("operandRegister", "write", [weightBits], steps * filters * loadsPerWord(machine));
  tally.add("operandRegister", "write", [operandBits], products);
  countPartialSums(work);
}

/** The same with operands exchanged. */
function countInputStationary(work: Work): void {
  const { configured, machine, tally, distinct, pixels, filters, steps, products } = work;
  const { operandBits, weightBits } = widthsOf(configured);
  readInputs(work, distinct.count(configured, machine.columns, machine.rows));
  readWeights(work, Math.ceil(pixels / machine.columns) * steps * filters);
  tally.add("operandRegister", "write", [operandBits], steps * pixels * loadsPerWord(machine));
  tally.add("operandRegister", "write", [weightBits], products);
  countPartialSums(work);
}

/** Products of a chunk meet in a registered tree; each chunk's sum is added to the bank. */
function countTree(work: Work): void {
  const { configured, machine, tally, distinct, pixels, filters, steps, products } = work;
  const { rows, columns } = machine;
  const { product, accumulator, instruction } = configured;
  const { operandBits, weightBits } = widthsOf(configured);
  const folds = Math.ceil(filters / columns);
  const chunks = Math.ceil(steps / rows);
  const sums = pixels * filters;
  readInputs(work, folds * distinct.count(configured, pixels, steps));
  readWeights(work, steps * filters);
  tally.add("operandRegister", "write", [operandBits], folds * pixels * steps);
  tally.add("operandRegister", "write", [weightBits], 2 * steps * filters);
  tally.add("pipelineRegister", "write", [product.format.wordLength], products);
  const treeFormat = sumOfTermsFormat(product.format, rows);
  const inner = products - sums * chunks;
  tally.add("adder", "add", [treeFormat.wordLength], inner);
  tally.add("pipelineRegister", "write", [treeFormat.wordLength], inner);
  const exact = sumFormat(accumulator.format, treeFormat);
  tally.add("adder", "add", [exact.wordLength], sums * chunks);
  countQuantization(tally, exact, accumulator, sums * chunks);
  useBank(work, sums * (instruction.accumulate ? chunks : chunks - 1), sums * chunks);
}

/** Column sums of weight- and input-stationary arrays: down the column, idle rows included, then into the bank. */
function countPartialSums(work: Work): void {
  const { configured, machine, tally, pixels, filters, steps, products } = work;
  const { accumulator, instruction } = configured;
  const groups = Math.ceil(steps / machine.rows);
  const sums = pixels * filters;
  countAccumulation(work, products);
  const idleRows = groups * machine.rows - steps;
  tally.add("accumulatorRegister", "write", [accumulator.format.wordLength], idleRows * sums);
  const additions = sums * (instruction.accumulate ? groups : groups - 1);
  const exact = sumFormat(accumulator.format, accumulator.format);
  tally.add("adder", "add", [exact.wordLength], additions);
  countQuantization(tally, exact, accumulator, additions);
  useBank(work, additions, sums * groups);
}

/** One addition into the accumulator per product. */
function countAccumulation({ configured, tally }: Work, count: number): void {
  const { product, accumulator } = configured;
  const exact = sumFormat(accumulator.format, product.format);
  tally.add("adder", "add", [exact.wordLength], count);
  countQuantization(tally, exact, accumulator, count);
  tally.add("accumulatorRegister", "write", [accumulator.format.wordLength], count);
}

function widthsOf(configured: ConfiguredMatrix): Record<"operandBits" | "weightBits" | "accumulatorBits", number> {
  return {
    operandBits: configured.operandA.format.wordLength,
    weightBits: configured.weight.format.wordLength,
    accumulatorBits: configured.accumulator.format.wordLength,
  };
}

/** A stationary operand is written once; with a double buffer into the shadow register first. */
function loadsPerWord(machine: Machine): number {
  return machine.weightDoubleBuffer ? 2 : 1;
}

function readInputs({ configured, machine, tally }: Work, words: number): void {
  tally.memory("inputScratchpad", "read", configured.operandA.format.wordLength, machine.inputScratchpad, words);
}

function readWeights({ configured, machine, tally }: Work, words: number): void {
  tally.memory("weightScratchpad", "read", configured.weight.format.wordLength, machine.weightScratchpad, words);
}

function useBank({ configured, machine, tally }: Work, reads: number, writes: number): void {
  const { wordLength } = configured.accumulator.format;
  tally.memory("accumulatorBank", "read", wordLength, machine.accumulatorBank, reads);
  tally.memory("accumulatorBank", "write", wordLength, machine.accumulatorBank, writes);
}
