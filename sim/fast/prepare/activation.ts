import type { ConfigureActivation, MachineActivation } from "../../../isa/instructions/configure-activation.ts";
import type { NumberChain } from "../arithmetic/number-chain.ts";
import { hull, shiftLeft } from "../arithmetic/ranges.ts";
import type { NumberActivation } from "../kernels/contract.ts";

/** What stands between an exact value and the output register. */
export interface ActivationRule {
  readonly kind: MachineActivation;
  /** F of the activated value: `clip` aligns value and ends, whether or not one is reached. */
  readonly fractionLength: number;
  /** Zeros appended to the value before the comparison. */
  readonly valueShift: number;
  /** Ends of `clip` at `fractionLength`; the lower one of `relu` is 0. */
  readonly lowest: bigint;
  readonly highest: bigint;
}

/** With a divisor the activation is that of value / divisor, and its result that quotient times the divisor. */
export function activationRule(setting: ConfigureActivation, valueFraction: number, divisor = 1n): ActivationRule {
  const { activation, lowest, highest } = setting;
  if (activation !== "clip") {
    return { kind: activation, fractionLength: valueFraction, valueShift: 0, lowest: 0n, highest: 0n };
  }
  const endFraction = Number(setting.fractionLength);
  const fractionLength = Math.max(valueFraction, endFraction);
  const endShift = BigInt(fractionLength - endFraction);
  return {
    kind: activation,
    fractionLength,
    valueShift: fractionLength - valueFraction,
    lowest: (lowest * divisor) << endShift,
    highest: (highest * divisor) << endShift,
  };
}

export function activateExact({ kind, valueShift, lowest, highest }: ActivationRule, value: bigint): bigint {
  const aligned = value << BigInt(valueShift);
  if (kind === "none") return aligned;
  const raised = aligned < lowest ? lowest : aligned;
  return kind === "clip" && raised > highest ? highest : raised;
}

/** What an activation makes of a range. */
export function activateRange(rule: ActivationRule, chain: NumberChain): void {
  if (rule.kind === "none") return;
  const { max } = chain.become(shiftLeft(chain.range, rule.valueShift)).range;
  chain.become(rule.kind === "clip" ? hull([rule.lowest, rule.highest]) : hull([0n, max < 0n ? 0n : max]));
}

/** The rule as kernels take it. */
export function kernelActivation({ kind, valueShift, lowest, highest }: ActivationRule): NumberActivation {
  return { kind, scale: 2 ** valueShift, lowest: Number(lowest), highest: Number(highest) };
}

/** The same in doubles; the aligned value and both ends must be exact there. */
export function numberActivation(rule: ActivationRule): (value: number) => number {
  if (rule.kind === "none") return (value) => value;
  if (rule.kind === "relu") return (value) => (value < 0 ? 0 : value);
  const scale = 2 ** rule.valueShift;
  const [lowest, highest] = [Number(rule.lowest), Number(rule.highest)];
  return (value) => {
    const aligned = value * scale;
    const raised = aligned < lowest ? lowest : aligned;
    return raised > highest ? highest : raised;
  };
}
