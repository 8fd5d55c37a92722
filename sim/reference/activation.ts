import type { ConfigureActivation, MachineActivation } from "../../isa/instructions/configure-activation.ts";
import { combine, type Exact, larger, smaller } from "./exact.ts";
import type { MachineState } from "./machine-state.ts";

/** The activated value; with a divisor d of value / d, as its d-fold. */
export type Activation = (value: Exact, divisor?: bigint) => Exact;

const ACTIVATIONS: Readonly<Record<MachineActivation, (setting: ConfigureActivation) => Activation>> = {
  none: () => (value) => value,
  relu:
    () =>
    ({ raw, fractionLength }) => ({ raw: larger(0n, raw), fractionLength }),
  clip: (setting) => {
    const fractionLength = Number(setting.fractionLength);
    return (value, divisor = 1n) => {
      const raised = combine(value, { raw: setting.lowest * divisor, fractionLength }, larger);
      return combine(raised, { raw: setting.highest * divisor, fractionLength }, smaller);
    };
  },
};

/** The activation in force, exact. `clip` aligns value and ends, whether or not one is reached. */
export function currentActivation(state: MachineState): Activation {
  const setting = state.setting("activation");
  return ACTIVATIONS[setting.activation](setting);
}
