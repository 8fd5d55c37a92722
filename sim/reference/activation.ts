import type { ConfigureActivation, MachineActivation } from "../../isa/instructions/configure-activation.ts";
import { combine, type Exact, larger, smaller } from "./exact.ts";
import type { MachineState } from "./machine-state.ts";

type Activation = (value: Exact) => Exact;

const ACTIVATIONS: Readonly<
  Record<MachineActivation, (setting: ConfigureActivation, state: MachineState) => Activation>
> = {
  none: () => (value) => value,
  relu:
    () =>
    ({ raw, fractionLength }) => ({ raw: larger(0n, raw), fractionLength }),
  clip: ({ bound }, state) => {
    const { fractionLength } = state.computeRegisters.get("accumulator").format;
    const end: Exact = { raw: bound, fractionLength };
    return (value) => combine(value, end, (raw, limit) => smaller(larger(0n, raw), limit));
  },
};

/** The activation in force, exact. `clip` aligns value and bound, whether or not the bound is reached. */
export function currentActivation(state: MachineState): Activation {
  const setting = state.setting("activation");
  return ACTIVATIONS[setting.activation](setting, state);
}
