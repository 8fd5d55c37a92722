import type { Instruction, Opcode } from "../../../isa/instructions/table.ts";
import type { MachineState } from "../machine-state.ts";
import {
  executeConfigureActivation,
  executeConfigureBounds,
  executeConfigureDivisor,
  executeConfigureLoad,
  executeConfigurePieces,
  executeConfigurePixels,
  executeConfigureReduction,
  executeConfigureRegister,
  executeConfigureTable,
} from "./configure.ts";
import type { Execution } from "./execution.ts";
import { executeLoad } from "./load.ts";
import { executeMatrix } from "./matrix.ts";
import { executePool } from "./pool.ts";
import { executePreload } from "./preload.ts";
import { executeRequantize } from "./requantize.ts";
import { executeStore } from "./store.ts";
import { executeVector } from "./vector.ts";

/** `synchronise` and `halt` are the machine's own business, see clock.ts. */
export type UnitOpcode = Exclude<Opcode, "synchronise" | "halt">;

type InstructionOf<Name extends Opcode, Candidate = Instruction> = Candidate extends { readonly opcode: infer Own }
  ? Name extends Own
    ? Candidate
    : never
  : never;

type Executor<Name extends UnitOpcode> = (
  state: MachineState,
  index: number,
  instruction: InstructionOf<Name>,
) => Execution;

const EXECUTORS: { readonly [Name in UnitOpcode]: Executor<Name> } = {
  "configure.register": executeConfigureRegister,
  "configure.load": executeConfigureLoad,
  "configure.reduction": executeConfigureReduction,
  "configure.pixels": executeConfigurePixels,
  "configure.activation": executeConfigureActivation,
  "configure.table": executeConfigureTable,
  "configure.pieces": executeConfigurePieces,
  "configure.bounds": executeConfigureBounds,
  "configure.divisor": executeConfigureDivisor,
  load: executeLoad,
  store: executeStore,
  matrix: executeMatrix,
  preload: executePreload,
  requantize: executeRequantize,
  pool: executePool,
  vector: executeVector,
};

/** An instruction of one unit, ready for its first cycle. */
export function execute(state: MachineState, index: number, instruction: InstructionOf<UnitOpcode>): Execution {
  const executor = EXECUTORS[instruction.opcode] as (
    state: MachineState,
    index: number,
    instruction: Instruction,
  ) => Execution;
  return executor(state, index, instruction);
}
