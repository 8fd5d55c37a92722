import type { FixedPointFormat } from "../numerics/format.ts";
import { flag, type InstructionDefinition, type InstructionHeader, named, unsigned } from "./definition.ts";

/** Where a requantize instruction takes its values from. */
export const REQUANTIZE_SOURCES = ["accumulatorBank", "operand", "operands"] as const;
export type RequantizeSource = (typeof REQUANTIZE_SOURCES)[number];

/**
 * Finishes sums: accumulator → (sum register) → + bias → activation → output register → output buffer, or
 * accumulator → × scale → + bias → activation → output register → output buffer.
 *
 * Without `useSum`: u = Q_accumulator(a + bias), or a where there is no bias.
 * With `useSum`: s = Q_sum(a), then u = Q_sum(s + bias), or s where there is no bias.
 * With `hasScale` (then no `useSum`): u = a · M + bias, or a · M, exact: no register between the sum and the output.
 * Then y = Q_output(activation(u)). Pixel-major, filters in groups of C; lane = n mod C.
 *
 * Only with `hasScale`: `hasDivisor` writes Q_output of the exact quotient activation(u / divisor). `source`: `operand` takes
 * words of the input scratchpad for a, in the format operandA; `operands` u = a · M + b · M′ + bias, with words b in the format
 * operandB.
 *
 * accumulator (e, n): accumulatorAddress + (e · accumulatorPitch + n) · W_accumulator
 * operand word a (e, n): accumulatorAddress + (e · accumulatorPitch + n) · W_operandA
 * operand word b (e, n): accumulatorAddress + pixels · accumulatorPitch · W_operandA + (e · accumulatorPitch + n) · W_operandB
 * bias word n (weight scratchpad): biasAddress + n · W_bias
 * scale word M, n (weight scratchpad): scaleAddress + n · W_scale; M′, n: scaleAddress + (columns + n) · W_scale
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
  readonly source: RequantizeSource;
  readonly hasDivisor: boolean;
}

/** Bit address of operand word b of pixel 0, filter 0; a is in the format `first`. */
export function secondOperandAddress(
  { accumulatorAddress, pixels, accumulatorPitch }: Requantize,
  first: FixedPointFormat,
): number {
  return accumulatorAddress + pixels * accumulatorPitch * first.wordLength;
}

export const REQUANTIZE: InstructionDefinition<"requantize"> = {
  name: "requantize",
  code: 0x21,
  unit: "compute",
  action: "scale, add bias, divide, activate and quantize sums or operands into the output buffer",
  cycles: "pixels · ⌈columns / C⌉ steps",
  fields: [
    unsigned("accumulatorAddress", 32, "bit", "accumulator or operand word of pixel 0, filter 0"),
    unsigned("biasAddress", 32, "bit", "bias word of filter 0 in the weight scratchpad"),
    unsigned("outputAddress", 32, "bit", "output word of pixel 0, filter 0"),
    unsigned("pixels", 24, "pixels", "pixels of the tile", 1),
    unsigned("columns", 16, "filters", "filters of the tile", 1),
    unsigned("accumulatorPitch", 16, "words", "distance of two pixels there", 1),
    unsigned("outputPitch", 16, "words", "distance of two pixels in the output buffer", 1),
    flag("hasBias", "add the bias words"),
    flag("useSum", "quantize into the sum register before and after the bias"),
    flag("hasScale", "multiply by the scale words, exactly; not with useSum"),
    unsigned("scaleAddress", 32, "bit", "scale word of filter 0 in the weight scratchpad"),
    named("source", 2, REQUANTIZE_SOURCES, "what is scaled: sums of the bank, one operand or two"),
    flag("hasDivisor", "divide by the divisor; with hasScale only"),
  ],
};
