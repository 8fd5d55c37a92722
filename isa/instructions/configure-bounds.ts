import { flag, type InstructionDefinition, type InstructionHeader, signed } from "./definition.ts";

/**
 * What vector operation `pieces` does behind its line: adds the offset, raw at the binary point of the product
 * (F_operandA + slopeFraction), and cuts to the bounds, raws with the output register's fraction length, exactly. A side without
 * its flag has no bound.
 */
export interface ConfigureBounds extends InstructionHeader {
  readonly opcode: "configure.bounds";
  readonly offset: bigint;
  readonly hasLower: boolean;
  readonly lower: bigint;
  readonly hasUpper: boolean;
  readonly upper: bigint;
}

export const CONFIGURE_BOUNDS: InstructionDefinition<"configure.bounds"> = {
  name: "configure.bounds",
  code: 0x08,
  unit: "compute",
  action: "set offset and bounds of vector operation pieces",
  cycles: "1",
  fields: [
    signed("offset", 80, "added to the product, raw at its F"),
    flag("hasLower", "there is a lower bound"),
    signed("lower", 72, "lower bound, raw at the output register's F"),
    flag("hasUpper", "there is an upper bound"),
    signed("upper", 72, "upper bound, raw at the output register's F"),
  ],
};
