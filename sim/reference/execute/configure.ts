import type { ConfigureActivation } from "../../../isa/instructions/configure-activation.ts";
import type { ConfigureBounds } from "../../../isa/instructions/configure-bounds.ts";
import type { ConfigureDivisor } from "../../../isa/instructions/configure-divisor.ts";
import type { ConfigurePieces } from "../../../isa/instructions/configure-pieces.ts";
import type { ConfigurePixels } from "../../../isa/instructions/configure-pixels.ts";
import type { ConfigureReduction } from "../../../isa/instructions/configure-reduction.ts";
import type { ConfigureRegister } from "../../../isa/instructions/configure-register.ts";
import type { ConfigureTable } from "../../../isa/instructions/configure-table.ts";
import type { MachineState } from "../machine-state.ts";
import type { Execution } from "./execution.ts";

export function* executeConfigureRegister(
  state: MachineState,
  _index: number,
  instruction: ConfigureRegister,
): Execution {
  state.computeRegisters.set(instruction);
  yield "busy";
}

export function* executeConfigureLoad(state: MachineState, _index: number, instruction: ConfigureRegister): Execution {
  state.loadRegisters.set(instruction);
  yield "busy";
}

export function* executeConfigureReduction(
  state: MachineState,
  _index: number,
  instruction: ConfigureReduction,
): Execution {
  state.settings.reduction = instruction;
  yield "busy";
}

export function* executeConfigurePixels(state: MachineState, _index: number, instruction: ConfigurePixels): Execution {
  state.settings.pixels = instruction;
  yield "busy";
}

export function* executeConfigureActivation(
  state: MachineState,
  _index: number,
  instruction: ConfigureActivation,
): Execution {
  state.settings.activation = instruction;
  yield "busy";
}

export function* executeConfigureTable(state: MachineState, _index: number, instruction: ConfigureTable): Execution {
  state.settings.table = instruction;
  yield "busy";
}

export function* executeConfigurePieces(state: MachineState, _index: number, instruction: ConfigurePieces): Execution {
  state.settings.pieces = instruction;
  yield "busy";
}

export function* executeConfigureBounds(state: MachineState, _index: number, instruction: ConfigureBounds): Execution {
  state.settings.bounds = instruction;
  yield "busy";
}

export function* executeConfigureDivisor(
  state: MachineState,
  _index: number,
  instruction: ConfigureDivisor,
): Execution {
  state.settings.divisor = instruction;
  yield "busy";
}
