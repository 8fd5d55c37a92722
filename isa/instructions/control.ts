import type { InstructionDefinition, InstructionHeader } from "./definition.ts";

/** Barrier: no unit goes past it before all have reached it. */
export interface Synchronise extends InstructionHeader {
  readonly opcode: "synchronise";
}

/** End of the program; the last instruction of every program and only there. */
export interface Halt extends InstructionHeader {
  readonly opcode: "halt";
}

export const SYNCHRONISE: InstructionDefinition<"synchronise"> = {
  name: "synchronise",
  code: 0x30,
  unit: "control",
  action: "wait until every unit has finished all earlier instructions",
  cycles: "1, in every unit, once the last one arrives",
  fields: [],
};

export const HALT: InstructionDefinition<"halt"> = {
  name: "halt",
  code: 0x31,
  unit: "control",
  action: "end the program once every unit has finished",
  cycles: "1, in every unit, once the last one arrives",
  fields: [],
};
