import { type InstructionDefinition, type InstructionHeader, unsigned } from "./definition.ts";

/**
 * Divisor of requantize instructions with `hasDivisor`: the output register quantizes the exact quotient. A constant needs no
 * divider: within the range of a word, multiplying by a reciprocal of enough bits gives the same quotient, and for 2^k − 1 two
 * shifts and additions do.
 */
export interface ConfigureDivisor extends InstructionHeader {
  readonly opcode: "configure.divisor";
  readonly divisor: number;
}

export const CONFIGURE_DIVISOR: InstructionDefinition<"configure.divisor"> = {
  name: "configure.divisor",
  code: 0x09,
  unit: "compute",
  action: "set the divisor of requantize instructions",
  cycles: "1",
  fields: [unsigned("divisor", 53, "", "the constant by which a scaled sum is divided", 1)],
};
