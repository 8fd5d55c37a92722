import { DiagnosticError } from "../isa/diagnostic.ts";
import type { Machine } from "../isa/machine.ts";
import type { Program } from "../isa/program/program.ts";
import { type ActionCounts, addActions, Tally } from "./actions/action-counts.ts";
import { DistinctInputs } from "./actions/distinct-inputs.ts";
import { countPool, countPreload, countRequantize, countVector } from "./actions/lane-actions.ts";
import { countMatrix } from "./actions/matrix-actions.ts";
import { countLoad, countStore } from "./actions/transfer-actions.ts";
import { type ConfiguredInstruction, walkConfiguration } from "./configuration.ts";

export * from "./actions/action-counts.ts";
export * from "./actions/leakage.ts";

/** Actions of one image. */
export interface ProgramActions {
  /** One per layer of the program. */
  readonly perLayer: readonly ActionCounts[];
  /** All instructions, those outside every layer included. */
  readonly total: ActionCounts;
}

/**
 * What the machine does for one image, from shapes and word lengths alone. Every image does the same. Configuring,
 * synchronising, fetching and decoding are not counted. The program must be admitted; `DiagnosticError` PROGRAM where
 * its settings are not even complete.
 */
export function countActions(program: Program): ProgramActions {
  const walk = walkConfiguration(program);
  if ("fault" in walk) {
    const { message, pc } = walk.fault;
    throw new DiagnosticError([
      { code: "PROGRAM", where: `instruction ${pc}`, what: message, hint: "check the program before counting" },
    ]);
  }
  const distinct = new DistinctInputs();
  const layerOf = new Int32Array(walk.configured.length).fill(program.layers.length);
  for (const [layer, { firstInstruction, endInstruction }] of program.layers.entries()) {
    layerOf.fill(layer, firstInstruction, endInstruction);
  }
  const tallies = Array.from({ length: program.layers.length + 1 }, () => new Tally());
  for (const [pc, configured] of walk.configured.entries()) {
    const tally = tallies[layerOf[pc] ?? 0];
    if (tally) countInstruction(tally, configured, program.machine, distinct);
  }
  const counts = tallies.map((tally) => tally.counts());
  return { perLayer: counts.slice(0, -1), total: addActions(...counts) };
}

function countInstruction(
  tally: Tally,
  configured: ConfiguredInstruction,
  machine: Machine,
  distinct: DistinctInputs,
): void {
  if (configured.opcode === "load") countLoad(tally, configured, machine);
  else if (configured.opcode === "store") countStore(tally, configured.instruction, machine);
  else if (configured.opcode === "matrix") countMatrix(tally, configured, machine, distinct);
  else if (configured.opcode === "preload") countPreload(tally, configured, machine);
  else if (configured.opcode === "requantize") countRequantize(tally, configured, machine);
  else if (configured.opcode === "pool") countPool(tally, configured, machine);
  else if (configured.opcode === "vector") countVector(tally, configured, machine);
}
