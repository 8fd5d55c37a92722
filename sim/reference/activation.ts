import { activated } from "../../isa/instructions/configure-activation.ts";
import type { Exact } from "../../isa/numerics/exact.ts";
import type { MachineState } from "./machine-state.ts";

/** The activated value; with a divisor d of value / d, as its d-fold. */
export type Activation = (value: Exact, divisor?: bigint) => Exact;

/** The activation in force, exact. */
export function currentActivation(state: MachineState): Activation {
  const setting = state.setting("activation");
  return (value, divisor) => activated(setting, value, divisor);
}
