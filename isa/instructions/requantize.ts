import { flag, type InstructionDefinition, type InstructionHeader, unsigned } from "./definition.ts";

/**
 * Finishes sums: accumulator → (sum register) → + bias → activation → output register → output buffer, or
 * accumulator → × scale → + bias → activation → output register → output buffer.
 *
 * Without `useSum`: u = Q_accumulator(a + bias), or a where there is no bias.
 * With `useSum`: s = Q_sum(a), then u = Q_sum(s + bias), or s where there is no bias.
 * With `hasScale` (then no `useSum`): u = a · M + bias, or a · M, exact: no register between the sum and the output.
 * Then y = Q_output(activation(u)). Pixel-major, filters in groups of C; lane = n mod C.
 *
 * accumulator (e, n): accumulatorAddress + (e · accumulatorPitch + n) · W_accumulator
 * bias word n (weight scratchpad): biasAddress + n · W_bias
 * scale word M, n (weight scratchpad): scaleAddress + n · W_scale
 * output word (e, n): outputAddress + (e · outputPitch + n) · W_output
 */
export interface Requantize extends InstructionHeader {
  readonly opcode: "requantize";
  readonly accumulatorAddress: number;
  readonly biasAddress: number;
  readonly outputAddress: number;
  readonly pixels: number;
  readonly columns: number;
  readonly accumulatorPitch: number;
  readonly outputPitch: number;
  readonly hasBias: boolean;
  readonly useSum: boolean;
  readonly hasScale: boolean;
  readonly scaleAddress: number;
}

export const REQUANTIZE: InstructionDefinition<"requantize"> = {
  name: "requantize",
  code: 0x21,
  unit: "compute",
  action: "scale, add bias, activate and quantize sums from the accumulator bank into the output buffer",
  cycles: "pixels · ⌈columns / C⌉ steps",
  fields: [
    unsigned("accumulatorAddress", 32, "bit", "accumulator of pixel 0, filter 0"),
    unsigned("biasAddress", 32, "bit", "bias word of filter 0 in the weight scratchpad"),
    unsigned("outputAddress", 32, "bit", "output word of pixel 0, filter 0"),
    unsigned("pixels", 24, "pixels", "pixels of the tile", 1),
    unsigned("columns", 16, "filters", "filters of the tile", 1),
    unsigned("accumulatorPitch", 16, "words", "distance of two pixels in the bank", 1),
    unsigned("outputPitch", 16, "words", "distance of two pixels in the output buffer", 1),
    flag("hasBias", "add the bias words"),
    flag("useSum", "quantize into the sum register before and after the bias"),
    flag("hasScale", "multiply by the scale words, exactly; not with useSum"),
    unsigned("scaleAddress", 32, "bit", "scale word of filter 0 in the weight scratchpad"),
  ],
};
