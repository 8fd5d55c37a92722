import { type InstructionDefinition, type InstructionHeader, unsigned } from "./definition.ts";

/**
 * Fills accumulators of the bank with the bias words of their filters, so that sums start from the bias: a matrix
 * instruction with `accumulate` then goes on from there. Every pixel gets Q_accumulator(bias_n), aligned as an addition
 * to zero. Pixel-major, filters in groups of C; lane = n mod C.
 *
 * bias word n (weight scratchpad): biasAddress + n · W_bias
 * accumulator (e, n): accumulatorAddress + (e · accumulatorPitch + n) · W_accumulator
 */
export interface Preload extends InstructionHeader {
  readonly opcode: "preload";
  readonly biasAddress: number;
  readonly accumulatorAddress: number;
  readonly pixels: number;
  readonly columns: number;
  readonly accumulatorPitch: number;
}

export const PRELOAD: InstructionDefinition<"preload"> = {
  name: "preload",
  code: 0x24,
  unit: "compute",
  action: "quantize bias words into the accumulator bank, for sums that start from the bias",
  cycles: "pixels · ⌈columns / C⌉ steps",
  fields: [
    unsigned("biasAddress", 32, "bit", "bias word of filter 0 in the weight scratchpad"),
    unsigned("accumulatorAddress", 32, "bit", "accumulator of pixel 0, filter 0"),
    unsigned("pixels", 24, "pixels", "pixels of the tile", 1),
    unsigned("columns", 16, "filters", "filters of the tile", 1),
    unsigned("accumulatorPitch", 16, "words", "distance of two pixels in the bank", 1),
  ],
};
