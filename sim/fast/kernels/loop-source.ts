import { InvariantError } from "../../../isa/diagnostic.ts";
import { type RawRange, rawRange } from "../../../isa/numerics/format.ts";
import type { OverflowMode } from "../../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { roundingBias } from "../../../isa/numerics/rounding-bias.ts";
import { registerKeeps } from "../arithmetic/ranges.ts";
import { PANEL } from "./weight-panels.ts";

/*
 * Source text of the innermost loop of the plain kernels. A loop written once for all registers would read shift counts,
 * biases and bounds from variables and call functions to fit a word: measured, that is three to ten times slower than a
 * loop in which they are literals. So the loop is put together here, for one pair of registers, from the pieces below.
 * Nothing but integers computed here goes into the text.
 */

/** Arithmetic in which a loop computes. */
export type LoopLane = "int32" | "float64";

const INT32 = rawRange({ wordLength: 32, fractionLength: 0, signed: true });

/** How exact integers are computed with in a lane; operands are names or literals. */
interface LaneText {
  readonly product: (input: string, weight: string) => string;
  readonly sum: (a: string, b: string) => string;
  /** value · 2^bits. */
  readonly shiftLeft: (value: string, bits: number) => string;
  /** ⌊value / 2^bits⌋ */
  readonly floor: (value: string, bits: number) => string;
  /** `amount` where the value is negative, else 0. */
  readonly ifNegative: (value: string, amount: number) => string;
  /** `amount` where ⌊value / 2^bits⌋ is odd, else 0. */
  readonly ifOdd: (value: string, bits: number, amount: number) => string;
  /** Replacement of a value outside the range, by overflow mode; else a call. */
  readonly outside: { readonly [Mode in OverflowMode]?: (value: string, ends: Ends) => string | null };
}

function literal(value: number | bigint): string {
  const number = Number(value);
  if (!Number.isSafeInteger(number) && BigInt(number) !== BigInt(value))
    throw new InvariantError(`no literal ${value}`);
  return number < 0 ? `(${number})` : `${number}`;
}

/** Ends of a register's range that values can go beyond. */
interface Ends {
  readonly spec: RegisterSpec;
  readonly min: bigint | null;
  readonly max: bigint | null;
}

function nearestEnd(value: string, { min, max }: Ends): string {
  if (min === null || max === null) return literal(min ?? max ?? 0n);
  return `${value} < ${literal(min)} ? ${literal(min)} : ${literal(max)}`;
}

const SATURATING: LaneText["outside"] = {
  saturate: nearestEnd,
  "saturate-symmetric": nearestEnd,
  trap: nearestEnd,
  "saturate-zero": () => "0",
};

const LANE_TEXTS: Readonly<Record<LoopLane, LaneText>> = {
  int32: {
    product: (input, weight) => `Math.imul(${input}, ${weight})`,
    sum: (a, b) => `(${a} + ${b}) | 0`,
    shiftLeft: (value, bits) => (bits === 0 ? value : `(${value} << ${bits})`),
    floor: (value, bits) => `(${value}) >> ${bits}`,
    ifNegative: (value, amount) => `((${value} >> 31) & ${literal(amount)})`,
    ifOdd: (value, bits, amount) => `(-((${value} >> ${bits}) & 1) & ${literal(amount)})`,
    outside: {
      ...SATURATING,
      wrap: (value, { spec: { saturatedBits, format } }) => {
        const { wordLength, signed } = format;
        if (saturatedBits !== 0 || wordLength > 31) return null;
        const bits = 32 - wordLength;
        return signed ? `(${value} << ${bits}) >> ${bits}` : `${value} & ${literal(2 ** wordLength - 1)}`;
      },
    },
  },
  float64: {
    product: (input, weight) => `${input} * ${weight}`,
    sum: (a, b) => `${a} + ${b}`,
    shiftLeft: (value, bits) => (bits === 0 ? value : `${value} * ${2 ** bits}`),
    floor: (value, bits) => `Math.floor((${value}) * ${2 ** -bits})`,
    ifNegative: (value, amount) => `(${value} < 0 ? ${literal(amount)} : 0)`,
    ifOdd: (value, bits, amount) =>
      `(Math.floor(${value} * ${2 ** -bits}) === 2 * Math.floor(${value} * ${2 ** (-bits - 1)}) ? 0 : ${literal(amount)})`,
    outside: SATURATING,
  },
};

/** A register as the loop writes it. */
export interface LoopRegister {
  readonly spec: RegisterSpec;
  /** Bits dropped, 0 where values come aligned. */
  readonly droppedBits: number;
  /** Rounded values that can occur: what cannot overflow is not looked at. Null: any. */
  readonly rounded: RawRange | null;
  /** Names of the overflow counter and of the replacement function. */
  readonly counter: string;
  readonly replace: string;
}

/** Statement that rounds the exact integer in `name`, in place. */
function roundText(lane: LoopLane, name: string, { spec, droppedBits }: LoopRegister): string {
  if (droppedBits === 0) return "";
  const text = LANE_TEXTS[lane];
  const { base, negative, odd } = roundingBias(spec.rounding, droppedBits);
  const terms = [name];
  if (base !== 0) terms.push(literal(base));
  if (negative !== 0) terms.push(text.ifNegative(name, negative));
  if (odd !== 0) terms.push(text.ifOdd(name, droppedBits, odd));
  return `${name} = ${text.floor(terms.join(" + "), droppedBits)};`;
}

/** Statement that fits the rounded integer in `name`, in place, and counts. */
function fitText(lane: LoopLane, name: string, { spec, rounded, counter, replace }: LoopRegister): string {
  const kept = registerKeeps(spec);
  const reached = rounded ?? (lane === "int32" ? INT32 : null);
  const min = reached !== null && reached.min >= kept.min ? null : kept.min;
  const max = reached !== null && reached.max <= kept.max ? null : kept.max;
  if (min === null && max === null) return "";
  const tests = [
    ...(min === null ? [] : [`${name} < ${literal(min)}`]),
    ...(max === null ? [] : [`${name} > ${literal(max)}`]),
  ];
  const ends = { spec, min, max };
  const replacement = LANE_TEXTS[lane].outside[spec.overflow]?.(name, ends) ?? `${replace}(${name}, ${name})`;
  const whole = lane === "int32" ? `(${replacement}) | 0` : replacement;
  return `if (${tests.join(" || ")}) { ${counter}.overflows++; ${name} = ${whole}; }`;
}

/** The registers of a loop, and how it sums. */
export interface LoopShape {
  readonly lane: LoopLane;
  readonly product: LoopRegister;
  /** Zeros appended to a product word before it is added. */
  readonly alignment: number;
  readonly sum: LoopRegister;
  /**
   * each: the sum goes on from the total, fitted after every addition · group: the same from zero, then added to the total
   * and fitted · once: products are added exactly, then to the total, and fitted.
   */
  readonly fits: "each" | "group" | "once";
}

/**
 * Body of a function of `totals` (four sums, in and out), `input`, `stepOffsets`, `weights` (panels), `steps`, `group`,
 * the counters and replacement functions of both registers. It returns a function of the address of the pixel's input
 * and the index of the panel's first weight, which goes on with the sums in `totals`.
 */
export function loopSource({ lane, product, alignment, sum, fits }: LoopShape): string {
  const text = LANE_TEXTS[lane];
  const lanes = Array.from({ length: PANEL }, (_, index) => index);
  const each = (line: (index: number) => string): string => lanes.map(line).join("\n");
  const accumulate = (index: number): string =>
    [
      `word = ${text.product("x", `weights[weight + ${index}]`)};`,
      roundText(lane, "word", product),
      fitText(lane, "word", product),
      `sum${index} = ${text.sum(`sum${index}`, fits === "once" ? "word" : text.shiftLeft("word", alignment))};`,
      fits === "once" ? "" : fitText(lane, `sum${index}`, sum),
    ].join("\n");
  const finish = (index: number): string =>
    fits === "each"
      ? ""
      : [
          `sum${index} = ${text.sum(`totals[${index}]`, fits === "once" ? text.shiftLeft(`sum${index}`, alignment) : `sum${index}`)};`,
          fitText(lane, `sum${index}`, sum),
        ].join("\n");
  return `"use strict";
return (address, firstWeight) => {
  let weight = firstWeight;
  for (let first = 0; first < steps; first += group) {
    const end = Math.min(first + group, steps);
    ${each((index) => `let sum${index} = ${fits === "each" ? `totals[${index}]` : "0"};`)}
    let word = 0;
    for (let step = first; step < end; step++, weight += ${PANEL}) {
      const x = input[address + stepOffsets[step]];
      ${each(accumulate)}
    }
    ${each(finish)}
    ${each((index) => `totals[${index}] = sum${index};`)}
  }
};`;
}
