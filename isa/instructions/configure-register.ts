import { DIALECTS, OVERFLOW_MODES } from "../numerics/overflow.ts";
import { ROUNDING_MODES } from "../numerics/rounding.ts";
import { flag, type InstructionDefinition, type InstructionHeader, named, signed, unsigned } from "./definition.ts";

/**
 * Registers a program can set. `source` and `input` belong to the load unit (words in DRAM, words in the scratchpad
 * after load), the others to the compute unit. `operandA` and `operandB` are the formats of words the compute unit
 * reads from the input scratchpad (a matrix instruction reads operandA), `weight`, `bias` and `scale` those it
 * reads from the weight scratchpad.
 */
export const LOAD_REGISTERS = ["source", "input"] as const;
export const COMPUTE_REGISTERS = [
  "operandA",
  "operandB",
  "weight",
  "product",
  "accumulator",
  "sum",
  "bias",
  "output",
  "scale",
] as const;
export type MachineRegister = (typeof LOAD_REGISTERS)[number] | (typeof COMPUTE_REGISTERS)[number];
export const MACHINE_REGISTERS: readonly MachineRegister[] = [...LOAD_REGISTERS, ...COMPUTE_REGISTERS];

export interface ConfigureRegister extends InstructionHeader {
  readonly opcode: "configure.register" | "configure.load";
  readonly register: MachineRegister;
  readonly wordLength: number;
  /** −128 … 192; −256 … 384 for an exact product or accumulator. */
  readonly fractionLength: bigint;
  readonly signed: boolean;
  readonly rounding: string;
  readonly overflow: string;
  /** N of `wrap:N` and `wrap-sign-magnitude:N`. */
  readonly saturatedBits: number;
  readonly dialect: string;
}

const FORMAT_FIELDS = [
  unsigned("wordLength", 8, "bits", "W, 1 to 64; to 192 for product and accumulator", 1),
  signed("fractionLength", 10, "F, −128 to 192; −256 to 384 for product and accumulator"),
  flag("signed", "two's complement or unsigned"),
  named("rounding", 4, Object.keys(ROUNDING_MODES), "rounding mode of the register"),
  named("overflow", 3, Object.keys(OVERFLOW_MODES), "overflow mode of the register"),
  unsigned("saturatedBits", 8, "bits", "N of wrap:N and wrap-sign-magnitude:N, else 0"),
  named("dialect", 2, Object.keys(DIALECTS), "whose corner cases: sc, ap or ac"),
] as const;

/** Sets a register of the compute unit. */
export const CONFIGURE_REGISTER: InstructionDefinition<"configure.register"> = {
  name: "configure.register",
  code: 0x01,
  unit: "compute",
  action: "set format, rounding and overflow of a compute register (operandA, operandB, weight … scale)",
  cycles: "1",
  fields: [named("register", 4, COMPUTE_REGISTERS, "which register"), ...FORMAT_FIELDS],
};

/** Sets a register of the load unit. */
export const CONFIGURE_LOAD: InstructionDefinition<"configure.load"> = {
  name: "configure.load",
  code: 0x02,
  unit: "load",
  action: "set format, rounding and overflow of a load register (source, input)",
  cycles: "1",
  fields: [named("register", 4, LOAD_REGISTERS, "which register"), ...FORMAT_FIELDS],
};
