import { keptRange } from "./overflow.ts";
import { type Quantized, quantizeFloat64 } from "./quantize.ts";
import type { RandomWordSource } from "./random.ts";
import { type Raws, setRaw } from "./raws.ts";
import type { RegisterSpec } from "./register.ts";
import { ROUNDING_MODES } from "./rounding.ts";

/** Below this magnitude a scaled double has all its fraction bits left; at it and above it is an integer already. */
const EXACT_INTEGER = 2 ** 52;
/** A scaled double at least this large has not lost bits to underflow. */
const NO_UNDERFLOW = 2 ** -900;

/**
 * Many doubles into one register: the words of `quantizeFloat64`, value by value, into `raws` from `offset` on (W ≤ 64).
 * Calls `onOverflow(index, quantized)` for each value outside the register's range.
 *
 * Double arithmetic serves where it is exact: v · 2^F is exact (a power of two; no underflow above 2^−900), so is its
 * floor, and so is the difference of both below 2^52; guard, sticky, sign and lowest bit then decide through the one
 * table of rounding modes. Everything else, and every overflow, goes through `quantizeFloat64`.
 */
export function quantizeFloat64Array(
  values: ArrayLike<number>,
  spec: RegisterSpec,
  raws: Raws,
  offset = 0,
  onOverflow?: (index: number, quantized: Quantized) => void,
  random?: RandomWordSource,
  where = "value",
): void {
  const increment = ROUNDING_MODES[spec.rounding].increment;
  const scale = 2 ** spec.format.fractionLength;
  const range = keptRange(spec.format, spec.overflow, spec.dialect);
  const least = Math.max(Number(range.min), -EXACT_INTEGER);
  const largest = Math.min(Number(range.max), EXACT_INTEGER);
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? Number.NaN;
    const scaled = value * scale;
    const magnitude = Math.abs(scaled);
    if (increment !== undefined && magnitude < EXACT_INTEGER && (magnitude >= NO_UNDERFLOW || value === 0)) {
      const floor = Math.floor(scaled);
      const rest = scaled - floor;
      const up = increment(rest >= 0.5, rest !== 0 && rest !== 0.5, value < 0, floor % 2 !== 0);
      const rounded = up ? floor + 1 : floor;
      if (rounded >= least && rounded <= largest) {
        if (raws instanceof Int32Array) raws[offset + index] = rounded;
        else raws[offset + index] = BigInt(rounded);
        continue;
      }
    }
    const quantized = quantizeFloat64(value, spec, random, `${where}, element ${index}`);
    setRaw(raws, offset + index, quantized.raw);
    if (quantized.overflowed) onOverflow?.(index, quantized);
  }
}
