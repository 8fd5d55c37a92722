import { type InstructionDefinition, type InstructionHeader, named, signed } from "./definition.ts";

export const ACTIVATIONS = ["none", "relu", "clip"] as const;
export type MachineActivation = (typeof ACTIVATIONS)[number];

/**
 * Activation of requantize and vector instructions, on the value before the output register. `relu`: max(0, v);
 * `clip`: min(max(0, v), bound · 2^−F of the accumulator register), compared exactly.
 */
export interface ConfigureActivation extends InstructionHeader {
  readonly opcode: "configure.activation";
  readonly activation: MachineActivation;
  /** Upper end of `clip`, raw in the accumulator register's format. */
  readonly bound: bigint;
}

export const CONFIGURE_ACTIVATION: InstructionDefinition<"configure.activation"> = {
  name: "configure.activation",
  code: 0x05,
  unit: "compute",
  action: "set the activation of requantize and vector instructions",
  cycles: "1",
  fields: [
    named("activation", 3, ACTIVATIONS, "none, relu or clip"),
    signed("bound", 200, "upper end of clip, raw in the accumulator's format"),
  ],
};
