import { flag, type InstructionDefinition, type InstructionHeader, unsigned } from "./definition.ts";

/**
 * Multiplies the pixels and reduction steps that the configure instructions describe with a weight tile and leaves the
 * sums in the accumulator bank. Word lengths: operandA, weight, product, accumulator registers.
 *
 * input word (e, k):  address(operandA) = inputAddress + (pixel(e) + reduction(k)) · W_operandA
 * weight word (k, n): weightAddress + ((k − reductionStart) · weightPitch + n) · W_weight
 * accumulator (e, n): accumulatorAddress + (e · accumulatorPitch + n) · W_accumulator
 *
 * k runs reductionStart … reductionStart + reductionLength − 1; n runs 0 … columns − 1. With `accumulate` the sum goes on
 * from what the bank holds, else from zero.
 */
export interface Matrix extends InstructionHeader {
  readonly opcode: "matrix";
  readonly inputAddress: number;
  readonly weightAddress: number;
  readonly accumulatorAddress: number;
  /** Filters of the tile, N. */
  readonly columns: number;
  readonly weightPitch: number;
  readonly accumulatorPitch: number;
  readonly reductionStart: number;
  readonly reductionLength: number;
  readonly accumulate: boolean;
}

export const MATRIX: InstructionDefinition<"matrix"> = {
  name: "matrix",
  code: 0x20,
  unit: "compute",
  action: "multiply-accumulate a tile on the array into the accumulator bank",
  cycles: "by dataflow, see Array and cycles; + tail",
  fields: [
    unsigned("inputAddress", 32, "bit", "input word of pixel 0, step 0"),
    unsigned("weightAddress", 32, "bit", "weight word of the first step, filter 0"),
    unsigned("accumulatorAddress", 32, "bit", "accumulator of pixel 0, filter 0"),
    unsigned("columns", 16, "filters", "filters of the tile", 1),
    unsigned("weightPitch", 16, "words", "distance of two steps in the weight tile", 1),
    unsigned("accumulatorPitch", 16, "words", "distance of two pixels in the bank", 1),
    unsigned("reductionStart", 24, "steps", "first step; a multiple of R (weight-, input-stationary, tree)"),
    unsigned("reductionLength", 24, "steps", "number of steps", 1),
    flag("accumulate", "go on from the bank instead of zero"),
  ],
};
