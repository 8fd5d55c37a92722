/** What the lanes of a vector instruction share. */

import type { Exact } from "../../../isa/numerics/exact.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import type { MachineState } from "../machine-state.ts";

/** The word of one element: what a lane writes to the output buffer. */
export type Lane = (element: number) => bigint;

export type LaneOf = (lane: number) => Lane;

/** Word `element` of an operand in the input scratchpad. */
export function readOperand(
  { memories }: MachineState,
  start: number,
  element: number,
  { format }: RegisterSpec,
): Exact {
  const raw = memories.inputScratchpad.read(start + element * format.wordLength, format);
  return { raw, fractionLength: format.fractionLength };
}
