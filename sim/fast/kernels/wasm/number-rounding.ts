import type { RoundingMode } from "../../../../isa/rounding.ts";

/** How a double p' with s bits behind its point becomes an integer: ⌊p' + c⌋, p' ± c cut, or to the nearest even. */
export type NumberRounding = "floor" | "truncate" | "even";

/**
 * The function of a mode, and its constant c from the unit 2^−s, s > 0; null where there is none. p' lies on the grid
 * of the unit, so that c = 1 − unit reaches the next integer from anything above an integer, and 1/2 − unit from
 * anything above a half.
 */
export function numberRounding(
  mode: RoundingMode,
): readonly [rounding: NumberRounding, bias: (unit: number) => number] | null {
  return ROUNDINGS[mode] ?? null;
}

const ROUNDINGS: { readonly [Mode in RoundingMode]?: readonly [NumberRounding, (unit: number) => number] } = {
  down: ["floor", () => 0],
  up: ["floor", (unit) => 1 - unit],
  zero: ["truncate", () => 0],
  away: ["truncate", (unit) => 1 - unit],
  nearest: ["truncate", () => 0.5],
  "nearest-up": ["floor", () => 0.5],
  "nearest-down": ["floor", (unit) => 0.5 - unit],
  "nearest-zero": ["truncate", (unit) => 0.5 - unit],
  "nearest-even": ["even", () => 0],
};
