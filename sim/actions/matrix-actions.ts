import type { DataflowDefinition } from "../../isa/dataflow/definition.ts";
import { DATAFLOWS } from "../../isa/dataflow/table.ts";
import type { Machine } from "../../isa/machine.ts";
import { productFormat, sumFormat, sumOfTermsFormat } from "../../isa/numerics/growth.ts";
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
  /** E, N, K. */
  readonly pixels: number;
  readonly filters: number;
  readonly steps: number;
  /** E · N · K. */
  readonly products: number;
}

/** What sums move, by what a run does with its sum. */
const SUM_ACTIONS: Readonly<Record<DataflowDefinition["sum"], (work: Work) => void>> = {
  carries: countCarriedSums,
  adds: countAddedSums,
  gathers: countGatheredSums,
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
  const { sum, traffic } = DATAFLOWS[machine.dataflow];
  const { accumulate } = instruction;
  const { inputReads, ...moved } = traffic(machine, { pixels, filters, steps, accumulate });
  const words = inputReads.passes * distinct.count(configured, inputReads.pixels, inputReads.steps);
  tally.memory("inputScratchpad", "read", operandA.format.wordLength, machine.inputScratchpad, words);
  tally.memory("weightScratchpad", "read", weight.format.wordLength, machine.weightScratchpad, moved.weightReads);
  tally.add("operandRegister", "write", [operandA.format.wordLength], moved.inputRegisterWrites);
  tally.add("operandRegister", "write", [weight.format.wordLength], moved.weightRegisterWrites);
  SUM_ACTIONS[sum]({ configured, machine, tally, pixels, filters, steps, products });
}

/** Sums stay, then leave through the rows below (shadow registers: one more). */
function countCarriedSums(work: Work): void {
  const { configured, machine, tally, pixels, filters, products } = work;
  const { rows } = machine;
  const { accumulate } = configured.instruction;
  const { wordLength } = configured.accumulator.format;
  countAccumulation(work, products);
  const sums = pixels * filters;
  const lastRows = pixels % rows;
  const shifts = (used: number): number => used * (rows - 1) - (used * (used - 1)) / 2;
  const drain = Math.floor(pixels / rows) * shifts(rows) + shifts(lastRows);
  const shadow = machine.drainOverlap && !accumulate ? sums : 0;
  tally.add("accumulatorRegister", "write", [wordLength], drain * filters + shadow + (accumulate ? sums : 0));
  useBank(work, accumulate ? sums : 0, sums);
}

/** Products of a chunk meet in a registered tree; each chunk's sum is added to the bank. */
function countGatheredSums(work: Work): void {
  const { configured, machine, tally, pixels, filters, steps, products } = work;
  const { product, accumulator, instruction } = configured;
  const chunks = Math.ceil(steps / machine.rows);
  const sums = pixels * filters;
  tally.add("pipelineRegister", "write", [product.format.wordLength], products);
  const treeFormat = sumOfTermsFormat(product.format, machine.rows);
  const inner = products - sums * chunks;
  tally.add("adder", "add", [treeFormat.wordLength], inner);
  tally.add("pipelineRegister", "write", [treeFormat.wordLength], inner);
  const exact = sumFormat(accumulator.format, treeFormat);
  tally.add("adder", "add", [exact.wordLength], sums * chunks);
  countQuantization(tally, exact, accumulator, sums * chunks);
  useBank(work, sums * (instruction.accumulate ? chunks : chunks - 1), sums * chunks);
}

/** Partial sums go down their column, idle rows included, then into the bank. */
function countAddedSums(work: Work): void {
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

function useBank({ configured, machine, tally }: Work, reads: number, writes: number): void {
  const { wordLength } = configured.accumulator.format;
  tally.memory("accumulatorBank", "read", wordLength, machine.accumulatorBank, reads);
  tally.memory("accumulatorBank", "write", wordLength, machine.accumulatorBank, writes);
}
