import { type FixedPointFormat, type RawRange, rawRange } from "../../../isa/numerics/format.ts";
import { keptRange, OVERFLOW_MODES } from "../../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { round } from "../../../isa/numerics/rounding.ts";

/*
 * Intervals of raws, and what arithmetic makes of them. All bounds are inclusive.
 */

/** Largest absolute value in a range. */
export function magnitude({ min, max }: RawRange): bigint {
  return -min > max ? -min : max;
}

export function formatMagnitude(format: FixedPointFormat): bigint {
  return magnitude(rawRange(format));
}

/** All products of a word of one range and a word of the other: a bilinear form is extreme at corners. */
export function productRange(a: RawRange, b: RawRange): RawRange {
  return hull([a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max]);
}

export function hull(values: readonly bigint[]): RawRange {
  const [first = 0n] = values;
  return values.reduce<RawRange>(
    ({ min, max }, value) => ({ min: value < min ? value : min, max: value > max ? value : max }),
    { min: first, max: first },
  );
}

export function union(a: RawRange, b: RawRange): RawRange {
  return hull([a.min, a.max, b.min, b.max]);
}

/** raw · 2^bits for bits ≥ 0. */
export function shiftLeft({ min, max }: RawRange, bits: number): RawRange {
  return { min: min << BigInt(bits), max: max << BigInt(bits) };
}

/** Values that rounding away `droppedBits` bits by any mode can give. */
export function roundedRange({ min, max }: RawRange, droppedBits: number): RawRange {
  return { min: round(min, droppedBits, "down"), max: round(max, droppedBits, "up") };
}

export function isWithin(inner: RawRange, outer: RawRange): boolean {
  return inner.min >= outer.min && inner.max <= outer.max;
}

export function registerKeeps(register: RegisterSpec): RawRange {
  return keptRange(register.format, register.overflow, register.dialect);
}

/** Words that a register can hold after the exact value raw · 2^−fractionLength, raw in `range`, was written to it. */
export function quantizedRange(range: RawRange, fractionLength: number, register: RegisterSpec): RawRange {
  const rounded = roundedRange(range, fractionLength - register.format.fractionLength);
  const kept = registerKeeps(register);
  if (isWithin(rounded, kept)) return rounded;
  if (!OVERFLOW_MODES[register.overflow].monotone) return rawRange(register.format);
  const clip = (raw: bigint): bigint => (raw < kept.min ? kept.min : raw > kept.max ? kept.max : raw);
  return { min: clip(rounded.min), max: clip(rounded.max) };
}

/**
 * Whether a register needs the value before rounding to fit it: ap's `wrap-sign-magnitude` looks at the deleted bit of
 * the floor.
 */
export function fitLooksAtFloor(register: RegisterSpec): boolean {
  return register.overflow === "wrap-sign-magnitude" && register.saturatedBits === 0 && register.dialect === "ap";
}
