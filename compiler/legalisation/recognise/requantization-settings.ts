/** Factors and offsets of a requantization as integers. */

/** y = round((a · M + B) · 2^−shift) for y = a · factor + offset / scale of the result. */
export interface RequantizationSettings {
  readonly multipliers: readonly number[];
  readonly offsets: readonly number[];
  readonly shift: number;
}

/** Offsets that are whole sums are multiplied as sums are; others are rounded to the last bit of the product. */
export interface Offset {
  /** Added to the sum. */
  readonly whole: number;
  /** Added to the result, before it is rounded. */
  readonly real: number;
}

const LARGEST_SHIFT = 128;
const LARGEST_BITS = 52;

/**
 * Factors are float32 numbers, or products of them: with the shift of the finest of them all are whole. Where they differ so much that
 * the largest would not fit 52 bits, or an offset would not, the smallest are rounded.
 */
export function requantizationSettings(
  factors: readonly number[],
  offsets: readonly Offset[],
  /** Bits of a factor that matter. */
  significant = 48,
): RequantizationSettings {
  const largest = Math.max(...factors.map(Math.abs), Number.MIN_VALUE);
  const wholes = Math.max(...offsets.map(({ whole }) => Math.abs(whole)), 1);
  const reals = Math.max(...offsets.map(({ real }) => Math.abs(real)), 0);
  const wanted = Math.max(0, ...factors.map((factor) => fractionBits(factor, significant)));
  const room = Math.min(
    LARGEST_BITS - 1 - Math.ceil(Math.log2(largest) + Math.log2(wholes)),
    reals === 0 ? LARGEST_SHIFT : LARGEST_BITS - 1 - Math.ceil(Math.log2(reals)),
    LARGEST_SHIFT,
  );
  // A real offset deserves bits below the factors' own.
  const fine = reals === 0 ? wanted : Math.max(wanted, 40);
  const shift = Math.max(0, Math.min(fine, room));
  const multipliers = factors.map((factor) => Math.round(factor * 2 ** shift));
  return {
    multipliers,
    offsets: multipliers.map((multiplier, filter) => {
      const { whole = 0, real = 0 } = offsets[filter] ?? {};
      return whole * multiplier + Math.round(real * 2 ** shift);
    }),
    shift,
  };
}

/** The least f with factor · 2^f whole, at most so that `significant` bits of the factor are kept. */
function fractionBits(factor: number, significant: number): number {
  if (factor === 0) return 0;
  const most = significant - 1 - Math.floor(Math.log2(Math.abs(factor)));
  for (let bits = 0; bits < most; bits++) if (Number.isInteger(factor * 2 ** bits)) return bits;
  return Math.max(0, most);
}
