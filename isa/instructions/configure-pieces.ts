import { type InstructionDefinition, type InstructionHeader, signed } from "./definition.ts";

/**
 * The two lines of vector operation `pieces`: a · below where a's raw is below the threshold, a · above from there on.
 * `configure.bounds` says what is added and where it ends.
 */
export interface ConfigurePieces extends InstructionHeader {
  readonly opcode: "configure.pieces";
  /** Raw in operand A's format. */
  readonly threshold: bigint;
  /** Raws, with `slopeFraction` fraction bits. */
  readonly below: bigint;
  readonly above: bigint;
  readonly slopeFraction: bigint;
}

export const CONFIGURE_PIECES: InstructionDefinition<"configure.pieces"> = {
  name: "configure.pieces",
  code: 0x07,
  unit: "compute",
  action: "set threshold and slopes of vector operation pieces",
  cycles: "1",
  fields: [
    signed("threshold", 66, "raw of operand A from which on the second slope holds"),
    signed("below", 72, "slope below the threshold"),
    signed("above", 72, "slope from the threshold on"),
    signed("slopeFraction", 10, "F of the slopes"),
  ],
};
