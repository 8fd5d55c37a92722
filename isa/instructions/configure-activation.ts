import { combine, type Exact, larger, smaller } from "../numerics/exact.ts";
import { type InstructionDefinition, type InstructionHeader, named, signed } from "./definition.ts";

export const ACTIVATIONS = ["none", "relu", "clip"] as const;
export type MachineActivation = (typeof ACTIVATIONS)[number];

/**
 * Activation of requantize and vector instructions, on the value before the output register. `relu`: max(0, v);
 * `clip`: min(max(lowest · 2^−F, v), highest · 2^−F) with F its own fraction length, compared exactly.
 */
export interface ConfigureActivation extends InstructionHeader {
  readonly opcode: "configure.activation";
  readonly activation: MachineActivation;
  /** Ends of `clip`, raw at `fractionLength`; where the lower one is the larger, `highest` holds. */
  readonly lowest: bigint;
  readonly highest: bigint;
  readonly fractionLength: bigint;
}

/** The activated value, exact; with a divisor d that of value / d, as its d-fold. `clip` aligns value and ends, whether or not one is reached. */
export function activated(
  { activation, lowest, highest, fractionLength }: ConfigureActivation,
  value: Exact,
  divisor = 1n,
): Exact {
  if (activation === "none") return value;
  if (activation === "relu") return { ...value, raw: larger(0n, value.raw) };
  const end = (raw: bigint): Exact => ({ raw: raw * divisor, fractionLength: Number(fractionLength) });
  return combine(combine(value, end(lowest), larger), end(highest), smaller);
}

export const CONFIGURE_ACTIVATION: InstructionDefinition<"configure.activation"> = {
  name: "configure.activation",
  code: 0x05,
  unit: "compute",
  action: "set the activation of requantize and vector instructions",
  cycles: "1",
  fields: [
    named("activation", 3, ACTIVATIONS, "none, relu or clip"),
    signed("lowest", 108, "lower end of clip, else 0"),
    signed("highest", 108, "upper end of clip, else 0"),
    signed("fractionLength", 10, "F of both ends, else 0"),
  ],
};
