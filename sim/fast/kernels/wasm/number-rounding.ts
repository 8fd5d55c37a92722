import { ROUNDING_MODES, type RoundingIncrement, type RoundingMode } from "../../../../isa/numerics/rounding.ts";

/** How a double p' with s bits behind its point becomes an integer: ⌊p' + c⌋, p' ± c cut, or to the nearest even. */
export type NumberRounding = "floor" | "truncate" | "even";

/** From which fraction on a rule takes the next integer. */
type Reach = "never" | "above half" | "from half" | "from unit";

/** The constant c from the unit 2^−s, so that 1 − unit reaches the next integer from anything above one, 1/2 − unit from above a half. */
const CONSTANTS: Readonly<Record<Reach, (unit: number) => number>> = {
  never: () => 0,
  "above half": (unit) => 0.5 - unit,
  "from half": () => 0.5,
  "from unit": (unit) => 1 - unit,
};

/** What a reach above the floor is seen from the other side. */
const MIRRORED: Readonly<Record<Reach, Reach>> = {
  never: "from unit",
  "above half": "from half",
  "from half": "above half",
  "from unit": "never",
};

/**
 * The function of a mode, read off its increment rule, and its constant c from the unit 2^−s, s > 0; null where there is none.
 * p' lies on the grid of the unit.
 */
export function numberRounding(
  mode: RoundingMode,
): readonly [rounding: NumberRounding, bias: (unit: number) => number] | null {
  const { increment } = ROUNDING_MODES[mode];
  if (increment === undefined) return null;
  const [positive, negative] = [reach(increment, false, false), reach(increment, true, false)];
  if (positive !== reach(increment, false, true) || negative !== reach(increment, true, true)) {
    const isEven = positive === "above half" && negative === "above half";
    const towardEven = isEven && [false, true].every((sign) => reach(increment, sign, true) === "from half");
    return towardEven ? ["even", CONSTANTS.never] : null;
  }
  if (positive === negative) return ["floor", CONSTANTS[positive]];
  return negative === MIRRORED[positive] ? ["truncate", CONSTANTS[positive]] : null;
}

function reach(increment: RoundingIncrement, negative: boolean, lowest: boolean): Reach {
  if (increment(false, true, negative, lowest)) return "from unit";
  if (increment(true, false, negative, lowest)) return "from half";
  return increment(true, true, negative, lowest) ? "above half" : "never";
}
