import type { ConfigureActivation, MachineActivation } from "../../../isa/instructions/configure-activation.ts";
import type { NumberChain } from "../arithmetic/number-chain.ts";
import { hull, shiftLeft } from "../arithmetic/ranges.ts";

/** What stands between an exact value and the output register. */
export interface ActivationRule {
  readonly kind: MachineActivation;
  /** F of the activated value: `clip` aligns value and bound, whether or not the bound is reached. */
  readonly fractionLength: number;
  /** Zeros appended to the value before the comparison. */
  readonly valueShift: number;
  /** Upper end of `clip` at `fractionLength`. */
  readonly bound: bigint;
}

/** `boundFraction`: F of the accumulator register, for `clip` only. */
export function activationRule(
  { activation, bound }: ConfigureActivation,
  valueFraction: number,
  boundFraction: number | null,
): ActivationRule {
  if (activation !== "clip" || boundFraction === null) {
    return { kind: activation, fractionLength: valueFraction, valueShift: 0, bound: 0n };
  }
  const fractionLength = Math.max(valueFraction, boundFraction);
  return {
    kind: activation,
    fractionLength,
    valueShift: fractionLength - valueFraction,
    bound: bound << BigInt(fractionLength - boundFraction),
  };
}

export function activateExact({ kind, valueShift, bound }: ActivationRule, value: bigint): bigint {
  const aligned = value << BigInt(valueShift);
  if (kind === "none") return aligned;
  const positive = aligned < 0n ? 0n : aligned;
  return kind === "clip" && positive > bound ? bound : positive;
}

/** What an activation makes of a range. */
export function activateRange({ kind, valueShift, bound }: ActivationRule, chain: NumberChain): void {
  if (kind === "none") return;
  const { max } = chain.become(shiftLeft(chain.range, valueShift)).range;
  chain.become(kind === "clip" ? hull([0n, bound]) : hull([0n, max < 0n ? 0n : max]));
}

/** The same in doubles; the aligned value and the bound must be exact there. */
export function numberActivation({ kind, valueShift, bound }: ActivationRule): (value: number) => number {
  if (kind === "none") return (value) => value;
  if (kind === "relu") return (value) => (value < 0 ? 0 : value);
  const scale = 2 ** valueShift;
  const end = Number(bound);
  return (value) => {
    const positive = value < 0 ? 0 : value * scale;
    return positive > end ? end : positive;
  };
}
