import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import type { RoundingMode } from "../../../isa/numerics/rounding.ts";
import type { RegisterStatistics } from "../../../sim/evidence.ts";

/**
 * Mean error of a rounding mode in units of the last bit, where the s dropped bits take all 2^s values equally often: `floor` is
 * that of rounding down, −(1 − 2^−s) / 2, `tie` half the weight of the tie, 2^−(s+1), and `sign` the share of values above
 * zero less the share of those below.
 */
type Expectation = (floor: number, tie: number, sign: number) => number;

const none: Expectation = () => 0;

const EXPECTATIONS: Readonly<Record<RoundingMode, Expectation>> = {
  down: (floor) => floor,
  up: (floor) => -floor,
  zero: (floor, _tie, sign) => sign * floor,
  away: (floor, _tie, sign) => -sign * floor,
  nearest: (_floor, tie, sign) => sign * tie,
  "nearest-up": (_floor, tie) => tie,
  "nearest-down": (_floor, tie) => -tie,
  "nearest-zero": (_floor, tie, sign) => -sign * tie,
  "nearest-even": none,
  "nearest-odd": none,
  odd: none,
  stochastic: none,
};

/** What the mean rounding error of a register would be for uniformly distributed dropped bits; 0 where none are dropped. */
export function expectedRoundingError(
  { format, rounding }: Pick<RegisterSpec, "format" | "rounding">,
  { errorFraction, histogram, count }: Pick<RegisterStatistics, "errorFraction" | "histogram" | "count">,
): number {
  const dropped = errorFraction - format.fractionLength;
  if (dropped <= 0 || count === 0) return 0;
  const total = (counts: readonly number[]): number => counts.reduce((sum, each) => sum + each, 0);
  const sign = (total(histogram.positive) - total(histogram.negative)) / count;
  const expected = EXPECTATIONS[rounding](-(1 - 2 ** -dropped) / 2, 2 ** -(dropped + 1), sign);
  return expected === 0 ? 0 : expected;
}
