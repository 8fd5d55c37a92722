import type { ConfigureActivation, MachineActivation } from "../../isa/instructions/configure-activation.ts";
import { combine, type Exact, larger, smaller } from "./exact.ts";
import type { MachineState } from "./machine-state.ts";

type Activation = (value: Exact) => Exact;

const ACTIVATIONS: Readonly<Record<MachineActivation, (setting: ConfigureActivation) => Activation>> = {
  none: () => (value) => value,
  relu:
    () =>
    ({ raw, fractionLength }) => ({ raw: larger(0n, raw), fractionLength }),
  clip: (setting) => {
    const fractionLength = Number(setting.fractionLength);
    const lowest: Exact = { raw: setting.lowest, fractionLength };
    const highest: Exact = { raw: setting.highest, fractionLength };
    return (value) => combine(combine(value, lowest, larger), highest, smaller);
  },
};

/** The activation in force, exact. `clip` aligns value and ends, whether or not one is reached. */
export function currentActivation(state: MachineState): Activation {
  const setting = state.setting("activation");
  return ACTIVATIONS[setting.activation](setting);
}
