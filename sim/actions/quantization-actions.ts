import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import type { OverflowMode } from "../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { RoundingMode } from "../../isa/numerics/rounding.ts";
import type { ActionOf, Tally } from "./action-counts.ts";

/**
 * Logic that a rounding mode needs: `truncate` wires only; `guard` an incrementer on the kept bits; `sticky` also the OR
 * of the dropped bits; `jam` that OR without the incrementer; `random` an adder on the dropped bits and the incrementer.
 */
const ROUNDING_LOGIC: Readonly<Record<RoundingMode, ActionOf<"rounding">>> = {
  down: "truncate",
  up: "sticky",
  zero: "sticky",
  away: "sticky",
  nearest: "sticky",
  "nearest-up": "guard",
  "nearest-down": "sticky",
  "nearest-zero": "sticky",
  "nearest-even": "sticky",
  "nearest-odd": "sticky",
  odd: "jam",
  stochastic: "random",
};

/** `wrap` is wires; every other mode looks at the bits above the word and replaces some below. */
const FIT_LOGIC: Readonly<Record<OverflowMode, ActionOf<"saturation">>> = {
  saturate: "saturate",
  "saturate-symmetric": "saturate",
  "saturate-zero": "saturate",
  wrap: "wrap",
  "wrap-sign-magnitude": "saturate",
  trap: "saturate",
};

/** Bits of the xorshift of a stochastic register. */
const GENERATOR_BITS = 32;

/**
 * `count` quantizations of exact values of `source` into a register: rounding where bits are dropped, with a step of the
 * generator where it is stochastic; a fit where the rounded value can leave the register's range.
 */
export function countQuantization(tally: Tally, source: FixedPointFormat, target: RegisterSpec, count: number): void {
  const dropped = source.fractionLength - target.format.fractionLength;
  if (dropped <= 0) {
    countFit(tally, source.wordLength - dropped, source.signed, target, count);
    return;
  }
  const kept = Math.max(1, source.wordLength - dropped);
  countRounding(tally, kept, dropped, source.signed, target, count);
}

/** `count` quotients of a dividend of `source` by `divisorBits` bits; the remainder decides the rounding. */
export function countQuotientQuantization(
  tally: Tally,
  source: FixedPointFormat,
  divisorBits: number,
  target: RegisterSpec,
  count: number,
): void {
  const kept = Math.max(1, source.wordLength + target.format.fractionLength - source.fractionLength);
  countRounding(tally, kept, divisorBits, source.signed, target, count);
}

function countRounding(
  tally: Tally,
  kept: number,
  dropped: number,
  signed: boolean,
  target: RegisterSpec,
  count: number,
): void {
  const logic = ROUNDING_LOGIC[target.rounding];
  tally.add("rounding", logic, [kept, dropped], count);
  if (logic === "random") tally.add("randomGenerator", "step", [GENERATOR_BITS], count);
  const carries = logic !== "truncate" && logic !== "jam";
  countFit(tally, carries ? kept + 1 : kept, signed, target, count);
}

function countFit(tally: Tally, width: number, signed: boolean, target: RegisterSpec, count: number): void {
  const { wordLength, signed: signedTarget } = target.format;
  const neededBits = signedTarget && !signed ? width + 1 : width;
  const reachesLowest = target.overflow === "saturate-symmetric" && signedTarget && neededBits >= wordLength;
  const fits = neededBits <= wordLength && (signedTarget || !signed) && !reachesLowest;
  if (fits) return;
  const logic = target.saturatedBits > 0 ? "saturate" : FIT_LOGIC[target.overflow];
  tally.add("saturation", logic, [width, wordLength], count);
}
