/**
 * What a chain of operators makes of whole numbers, exactly: clip(round((Σ a · M + B) / D)) with rational arithmetic, so that
 * factors, offsets, divisions, roundings and clips may come in any order. An operator that would leave this form is not taken.
 */
import { InvariantError } from "../../../isa/diagnostic.ts";
import { roundQuotient } from "../../../isa/numerics/rounding.ts";
import { numbersOf } from "../../tensor-graph/tensor.ts";
import type { AnyTensor } from "../../tensor-graph/tensor-graph.ts";

/** Rounding modes of integer networks. */
export const INTEGER_ROUNDINGS = ["down", "up", "zero", "nearest-even"] as const;
export type IntegerRounding = (typeof INTEGER_ROUNDINGS)[number];

/** numerator / denominator, denominator > 0. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** A constant as one number, or one for each position of an axis of the value. */
export interface ChannelConstant {
  readonly axis: number | null;
  readonly numbers: readonly Rational[];
}

/** Whether it is an integer where nothing rounds, and where it is clipped; null: not. */
interface Ends {
  readonly lowest: Rational | null;
  readonly highest: Rational | null;
}

export interface IntegerChain extends Ends {
  /** One, or one for each position of the axis. */
  readonly axis: number | null;
  readonly multipliers: readonly bigint[];
  /** Of a second operand. */
  readonly second: readonly bigint[] | null;
  readonly offsets: readonly bigint[];
  readonly denominator: bigint;
  readonly rounding: IntegerRounding | null;
}

/** The number itself. `axis`: the only one along which constants may differ; null where the first constant chooses it. */
export function plainChain(axis: number | null, second = false): IntegerChain {
  const one = [1n];
  return {
    axis,
    multipliers: one,
    second: second ? one : null,
    offsets: [0n],
    denominator: 1n,
    rounding: null,
    lowest: null,
    highest: null,
  };
}

export function isPlain(chain: IntegerChain): boolean {
  return (
    isWhole(chain) &&
    chain.rounding === null &&
    chain.lowest === null &&
    chain.highest === null &&
    chain.second === null &&
    chain.multipliers.every((multiplier) => multiplier === 1n) &&
    chain.offsets.every((offset) => offset === 0n)
  );
}

/** Whether the value is an integer for all integers. */
export function isWhole({ denominator, rounding, lowest, highest }: IntegerChain): boolean {
  const whole = (end: Rational | null): boolean => end === null || end.denominator === 1n;
  return rounding !== null || (denominator === 1n && whole(lowest) && whole(highest));
}

/** The chain times a constant; undefined behind a rounding, or where clips would differ from channel to channel. */
export function multiplied(chain: IntegerChain, factors: ChannelConstant): IntegerChain | undefined {
  const axis = commonAxis(chain, factors);
  if (chain.rounding !== null || axis === undefined) return undefined;
  const [only] = factors.numbers;
  const isClipped = chain.lowest !== null || chain.highest !== null;
  if (isClipped && (factors.numbers.length > 1 || only === undefined || only.numerator === 0n)) return undefined;
  const common = factors.numbers.reduce((product, { denominator }) => leastCommonMultiple(product, denominator), 1n);
  const scaled = (values: readonly bigint[]): readonly bigint[] =>
    paired(values, factors.numbers, (value, { numerator, denominator }) => value * numerator * (common / denominator));
  const scaleEnd = (end: Rational | null): Rational | null =>
    end === null || only === undefined ? null : product(end, only);
  const ends = { lowest: scaleEnd(chain.lowest), highest: scaleEnd(chain.highest) };
  const turned = only !== undefined && only.numerator < 0n;
  return reduced({
    ...chain,
    ...(turned ? { lowest: ends.highest, highest: ends.lowest } : ends),
    axis,
    multipliers: scaled(chain.multipliers),
    second: chain.second && scaled(chain.second),
    offsets: scaled(chain.offsets),
    denominator: chain.denominator * common,
  });
}

/** The chain and a constant; behind a rounding whole numbers only, where it rounds all numbers alike. */
export function added(chain: IntegerChain, addends: ChannelConstant): IntegerChain | undefined {
  const axis = commonAxis(chain, addends);
  if (axis === undefined) return undefined;
  const isClipped = chain.lowest !== null || chain.highest !== null;
  if (isClipped && addends.numbers.length > 1) return undefined;
  const whole = addends.numbers.every(({ denominator }) => denominator === 1n);
  if (chain.rounding !== null && (!whole || (chain.rounding !== "down" && chain.rounding !== "up"))) return undefined;
  const common = addends.numbers.reduce(
    (all, { denominator }) => leastCommonMultiple(all, denominator),
    chain.denominator,
  );
  const grown = common / chain.denominator;
  const scaled = (values: readonly bigint[]): readonly bigint[] => values.map((value) => value * grown);
  const [only] = addends.numbers;
  const shift = (end: Rational | null): Rational | null => (end === null || only === undefined ? null : sum(end, only));
  return reduced({
    ...chain,
    axis,
    lowest: shift(chain.lowest),
    highest: shift(chain.highest),
    multipliers: scaled(chain.multipliers),
    second: chain.second && scaled(chain.second),
    offsets: paired(scaled(chain.offsets), addends.numbers, (offset, { numerator, denominator }) => {
      return offset + numerator * (common / denominator);
    }),
    denominator: common,
  });
}

/** The sum of two values with a chain each, both without rounding and clip: one with two operands. */
export function joined(a: IntegerChain, b: IntegerChain): IntegerChain | undefined {
  const axis = a.axis === null ? b.axis : b.axis === null || b.axis === a.axis ? a.axis : undefined;
  if (axis === undefined) return undefined;
  const common = leastCommonMultiple(a.denominator, b.denominator);
  const scaled = (values: readonly bigint[], { denominator }: IntegerChain): readonly bigint[] =>
    values.map((value) => value * (common / denominator));
  const offsets = paired(scaled(a.offsets, a), scaled(b.offsets, b), (x, y) => x + y);
  return reduced({
    ...plainChain(axis, true),
    multipliers: scaled(a.multipliers, a),
    second: scaled(b.multipliers, b),
    offsets,
    denominator: common,
  });
}

/** A second rounding changes nothing; one of whole numbers neither. */
export function rounded(chain: IntegerChain, rounding: IntegerRounding): IntegerChain {
  if (isWhole(chain)) return chain;
  const end = (value: Rational | null): Rational | null =>
    value === null ? null : { numerator: roundRational(value, rounding), denominator: 1n };
  // Rounding keeps the order of numbers: clipping before it is clipping behind it, at rounded ends.
  return { ...chain, rounding, lowest: end(chain.lowest), highest: end(chain.highest) };
}

/** min(max(value, lowest), highest); undefined where an end behind a rounding is no integer. */
export function clipped(chain: IntegerChain, lowest: number, highest: number): IntegerChain | undefined {
  const [low, high] = [finite(lowest), finite(highest)];
  const within = (end: Rational): Rational => {
    const raised = low !== null && isLess(end, low) ? low : end;
    return high !== null && isLess(high, raised) ? high : raised;
  };
  const found = [low, high].filter((end) => end !== null);
  if (chain.rounding !== null && found.some(({ denominator }) => denominator !== 1n)) return undefined;
  return {
    ...chain,
    lowest: chain.lowest === null ? low : within(chain.lowest),
    highest: chain.highest === null ? high : within(chain.highest),
  };
}

/** A constant as exact numbers along at most one axis of a value of that shape; undefined where they differ along more. */
export function channelConstant(constant: AnyTensor, shape: readonly number[]): ChannelConstant | undefined {
  const numbers = Array.from(numbersOf(constant));
  if (numbers.length === 0 || !numbers.every(Number.isFinite)) return undefined;
  const missing = shape.length - constant.shape.length;
  if (constant.shape.some((size, axis) => size !== 1 && size !== shape[axis + missing])) return undefined;
  const rationals = numbers.map(rationalOf);
  if (numbers.every((number) => number === numbers[0])) return { axis: null, numbers: rationals.slice(0, 1) };
  const varying = constant.shape.flatMap((size, axis) => (size === 1 ? [] : [axis + missing]));
  const [axis] = varying;
  return varying.length === 1 && axis !== undefined ? { axis, numbers: rationals } : undefined;
}

/** 1 / constant; undefined where a number is 0. */
export function inverse({ axis, numbers }: ChannelConstant): ChannelConstant | undefined {
  if (numbers.some(({ numerator }) => numerator === 0n)) return undefined;
  const turned = numbers.map(({ numerator, denominator }) =>
    numerator < 0n
      ? { numerator: -denominator, denominator: -numerator }
      : { numerator: denominator, denominator: numerator },
  );
  return { axis, numbers: turned };
}

export function negative({ axis, numbers }: ChannelConstant): ChannelConstant {
  return { axis, numbers: numbers.map(({ numerator, denominator }) => ({ numerator: -numerator, denominator })) };
}

/** A finite double, exactly. */
export function rationalOf(value: number): Rational {
  if (!Number.isFinite(value)) throw new InvariantError(`${value} is no rational number`);
  let [numerator, denominator] = [value, 1n];
  while (!Number.isInteger(numerator)) {
    numerator *= 2;
    denominator *= 2n;
  }
  return { numerator: BigInt(numerator), denominator };
}

function finite(value: number): Rational | null {
  return Math.abs(value) >= LARGEST ? null : rationalOf(value);
}

/** Largest float32: ends from there on are none. */
const LARGEST = 3.4028234663852886e38;

function commonAxis(chain: IntegerChain, { axis }: ChannelConstant): number | null | undefined {
  if (axis === null) return chain.axis;
  return chain.axis === null || chain.axis === axis ? axis : undefined;
}

/** Element by element, one number standing for all. */
function paired<Other>(
  values: readonly bigint[],
  others: readonly Other[],
  combine: (value: bigint, other: Other) => bigint,
): readonly bigint[] {
  const length = Math.max(values.length, others.length);
  return Array.from({ length }, (_, index) => {
    const other = others[others.length === 1 ? 0 : index] as Other;
    return combine(values[values.length === 1 ? 0 : index] ?? 0n, other);
  });
}

function reduced(chain: IntegerChain): IntegerChain {
  let divisor = chain.denominator;
  for (const values of [chain.multipliers, chain.second ?? [], chain.offsets]) {
    for (const value of values) divisor = greatestCommonDivisor(divisor, value);
  }
  if (divisor === 1n) return chain;
  const divided = (values: readonly bigint[]): readonly bigint[] => values.map((value) => value / divisor);
  return {
    ...chain,
    multipliers: divided(chain.multipliers),
    second: chain.second && divided(chain.second),
    offsets: divided(chain.offsets),
    denominator: chain.denominator / divisor,
  };
}

function rationalReduced(numerator: bigint, denominator: bigint): Rational {
  const divisor = greatestCommonDivisor(denominator, numerator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

function product(a: Rational, b: Rational): Rational {
  return rationalReduced(a.numerator * b.numerator, a.denominator * b.denominator);
}

function sum(a: Rational, b: Rational): Rational {
  return rationalReduced(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

function isLess(a: Rational, b: Rational): boolean {
  return a.numerator * b.denominator < b.numerator * a.denominator;
}

function roundRational({ numerator, denominator }: Rational, mode: IntegerRounding): bigint {
  return roundQuotient(numerator, denominator, mode);
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

function leastCommonMultiple(a: bigint, b: bigint): bigint {
  return (a / greatestCommonDivisor(a, b)) * b;
}
