import { InvariantError } from "../diagnostic.ts";
import { ROUNDING_MODES, type RoundingMode } from "./rounding.ts";

/**
 * Rounding as an addition before the floor: with s bits dropped, round(x) = ⌊(x + bias) / 2^s⌋ where
 * bias = base + (x < 0 ? negative : 0) + (⌊x / 2^s⌋ odd ? odd : 0), and 0 ≤ bias ≤ 2^s − 1.
 */
export interface RoundingBias {
  readonly base: number;
  readonly negative: number;
  readonly odd: number;
}

/**
 * The bias of a deterministic mode, read off its increment rule: an increment on guard or sticky is a bias of 2^s − 1, on
 * guard 2^(s−1), on guard and sticky 2^(s−1) − 1, never 0. s ≤ 0 drops nothing; s at most 52, so that biases are exact.
 */
export function roundingBias(mode: RoundingMode, droppedBits: number): RoundingBias {
  const { increment } = ROUNDING_MODES[mode];
  if (increment === undefined) throw new InvariantError(`${mode} rounding has no constant bias`);
  if (droppedBits <= 0) return { base: 0, negative: 0, odd: 0 };
  const biasFor = (negative: boolean, lowest: boolean): number => {
    if (increment(false, true, negative, lowest)) return 2 ** droppedBits - 1;
    if (increment(true, false, negative, lowest)) return 2 ** (droppedBits - 1);
    return increment(true, true, negative, lowest) ? 2 ** (droppedBits - 1) - 1 : 0;
  };
  const base = biasFor(false, false);
  const bias = { base, negative: biasFor(true, false) - base, odd: biasFor(false, true) - base };
  if (biasFor(true, true) !== base + bias.negative + bias.odd) {
    throw new InvariantError(`${mode} rounding is not a sum of a sign and a parity bias`);
  }
  return bias;
}
