/** Rounding of a float64 number to an integer by the modes of `isa/numerics/rounding.ts`. */
import { InvariantError } from "../../../isa/diagnostic.ts";
import { ROUNDING_MODES, type RoundingIncrement, type RoundingMode } from "../../../isa/numerics/rounding.ts";

export type NumberRounding = (value: number) => number;

/** The rounding of one mode; infinities and NaN stay. Not for `stochastic`. */
export function numberRounding(mode: RoundingMode): NumberRounding {
  const { increment } = ROUNDING_MODES[mode];
  if (increment === undefined) throw new InvariantError(`rounding of numbers is not defined for ${mode}`);
  return (value) => roundNumber(value, increment);
}

function roundNumber(value: number, increment: RoundingIncrement): number {
  const floor = Math.floor(value);
  if (floor === value || !Number.isFinite(value)) return value;
  const rest = value - floor;
  return increment(rest >= 0.5, rest !== 0.5, value < 0, floor % 2 !== 0) ? Math.ceil(value) : floor;
}

/** To the nearest integer, a tie to the even one: NumPy's `round`, ONNX's quantization. */
export const roundHalfEven: NumberRounding = numberRounding("nearest-even");
