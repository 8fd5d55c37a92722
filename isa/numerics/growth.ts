import { InvariantError } from "../diagnostic.ts";
import { bitLength, type FixedPointFormat } from "./format.ts";
import { keptRange, OVERFLOW_MODES } from "./overflow.ts";
import { quantize } from "./quantize.ts";
import type { RegisterSpec } from "./register.ts";

/*
 * Exact growth: the formats in which products and sums lose nothing. Meaning is unbounded: a result may exceed
 * FORMAT_LIMITS, which `validateRegister` then says.
 */

/** Holds every product of a word of `a` and a word of `b`: Wa + Wb bits, Fa + Fb of them fraction. */
export function productFormat(a: FixedPointFormat, b: FixedPointFormat): FixedPointFormat {
  return {
    wordLength: a.wordLength + b.wordLength,
    fractionLength: a.fractionLength + b.fractionLength,
    signed: a.signed || b.signed,
  };
}

/**
 * Holds every sum of a word of `a` and a word of `b`: the larger number of integer bits W − F plus one, the larger F.
 * Beside a signed operand an unsigned one counts as signed with W + 1; two unsigned operands give an unsigned sum.
 */
export function sumFormat(a: FixedPointFormat, b: FixedPointFormat): FixedPointFormat {
  const signed = a.signed || b.signed;
  const integerBits = (format: FixedPointFormat): number =>
    format.wordLength - format.fractionLength + (signed && !format.signed ? 1 : 0);
  const fractionLength = Math.max(a.fractionLength, b.fractionLength);
  return { wordLength: Math.max(integerBits(a), integerBits(b)) + 1 + fractionLength, fractionLength, signed };
}

/** Holds every sum of `terms` ≥ 1 words of one format: ⌈log2 terms⌉ more bits. */
export function sumOfTermsFormat(format: FixedPointFormat, terms: number): FixedPointFormat {
  if (!Number.isSafeInteger(terms) || terms < 1) throw new InvariantError(`a sum of ${terms} terms`);
  return { ...format, wordLength: format.wordLength + bitLength(BigInt(terms) - 1n) };
}

/** A closed interval of exact values raw · 2^−fractionLength. */
export interface ExactRange {
  readonly min: bigint;
  readonly max: bigint;
  readonly fractionLength: number;
}

/**
 * What every partial sum of a dot product lies in, whatever the order and whatever subset has been added: raws at
 * `fractionLength`, which is the accumulator's wherever the order is free.
 */
export interface AccumulationBound {
  readonly min: bigint;
  readonly max: bigint;
  readonly fractionLength: number;
}

/** The registers and the input range that all output channels of a layer share. */
export interface AccumulationTerms {
  /** Range of the input words; it must contain 0 where padding zeros take part. */
  readonly input: ExactRange;
  readonly weightFractionLength: number;
  readonly product: RegisterSpec;
  readonly accumulator: RegisterSpec;
}

/** What else enters the accumulator of one channel. */
export interface AccumulationAddends {
  /** Exact bias values, added at any point of the sum. */
  readonly bias?: ExactRange;
  /** Sum that is already in the accumulator; its fraction length is at most the accumulator's. */
  readonly initial?: ExactRange;
}

/** Weight raws of one sum. */
export type WeightRaws = Int32Array | BigInt64Array | readonly bigint[];

/** Whether the additions of one sum may be reordered, with the bound that decides it. */
export interface OrderProof {
  readonly free: boolean;
  readonly bound: AccumulationBound;
  /** One sentence: why it is free, or what prevents it. */
  readonly reason: string;
}

/** The proof for one channel after another; products of a weight value seen before are not computed again. */
export type OrderProver = (weights: WeightRaws, addends?: AccumulationAddends) => OrderProof;

interface ProductExtremes {
  readonly min: bigint;
  readonly max: bigint;
  /** Some product of this weight leaves a product register that is not monotone. */
  readonly escapes: boolean;
}

/**
 * When order is free. With p⁻ and p⁺ the least and greatest *quantized* product of a weight over the input range, every
 * partial sum in every order lies in [Σ min(0, p⁻), Σ max(0, p⁺)], widened by bias and initial sum. The additions may be
 * reordered exactly where
 *
 * - no addition rounds: F of the accumulator ≥ F of product, bias and initial sum;
 * - the product register is monotone (saturating), or no product overflows, so that p⁻ and p⁺ are its extremes; and
 * - the accumulator keeps every value of the interval.
 *
 * A `stochastic` product is bounded by its floor and its ceiling. Only additions become free: the random word of a
 * product stays with its step. Registers must be valid; the cost is one map look-up and two additions per weight.
 */
export function orderProver(terms: AccumulationTerms): OrderProver {
  const { accumulator, product } = terms;
  const extremesOf = productExtremes(terms);
  const kept = keptRange(accumulator.format, accumulator.overflow, accumulator.dialect);
  const accumulatorFraction = accumulator.format.fractionLength;
  const productFraction = product.format.fractionLength;

  return (weights, addends = {}) => {
    let negative = 0n;
    let positive = 0n;
    let escapes = false;
    for (const weight of weights) {
      const extremes = extremesOf(weight);
      if (extremes.min < 0n) negative += extremes.min;
      if (extremes.max > 0n) positive += extremes.max;
      escapes ||= extremes.escapes;
    }
    const parts: Record<string, ExactRange> = {
      product: { min: negative, max: positive, fractionLength: productFraction },
      ...addends,
    };
    const bound = partialSums(Object.values(parts), accumulatorFraction);
    const rounded = Object.entries(parts).find(([, part]) => part.fractionLength > accumulatorFraction);
    if (rounded) {
      const [name, { fractionLength }] = rounded;
      return {
        free: false,
        bound,
        reason: `an addition rounds: the accumulator has ${accumulatorFraction} fraction bits, the ${name} ${fractionLength}`,
      };
    }
    if (escapes) {
      return { free: false, bound, reason: `a product can overflow and ${product.overflow} is not monotone` };
    }
    const free = bound.min >= kept.min && bound.max <= kept.max;
    const relation = free ? "lie in" : "can leave";
    const reason = `partial sums ${bound.min} … ${bound.max} ${relation} the accumulator's ${kept.min} … ${kept.max}`;
    return { free, bound, reason };
  };
}

/** The proof for a single sum; see `orderProver`. */
export function orderIsFree(weights: WeightRaws, terms: AccumulationTerms, addends?: AccumulationAddends): OrderProof {
  return orderProver(terms)(weights, addends);
}

/** The bound alone; it holds only where the product register is monotone or does not overflow. */
export function accumulationBound(
  weights: WeightRaws,
  terms: AccumulationTerms,
  addends?: AccumulationAddends,
): AccumulationBound {
  return orderProver(terms)(weights, addends).bound;
}

/** Extremes of the quantized products of a weight, remembered by weight. */
function productExtremes(terms: AccumulationTerms): (weight: number | bigint) => ProductExtremes {
  const { input, product } = terms;
  const fractionLength = input.fractionLength + terms.weightFractionLength;
  const stochastic = product.rounding === "stochastic";
  const floor: RegisterSpec = stochastic ? { ...product, rounding: "down" } : product;
  const ceiling: RegisterSpec = stochastic ? { ...product, rounding: "up" } : product;
  const { monotone } = OVERFLOW_MODES[product.overflow];
  const known = new Map<number | bigint, ProductExtremes>();

  return (weight) => {
    const remembered = known.get(weight);
    if (remembered) return remembered;
    const atMin = BigInt(weight) * input.min;
    const atMax = BigInt(weight) * input.max;
    const low = quantize(atMin < atMax ? atMin : atMax, fractionLength, floor);
    const high = quantize(atMin < atMax ? atMax : atMin, fractionLength, ceiling);
    const escapes = !monotone && (low.overflowed || high.overflowed);
    const extremes = { min: low.raw, max: high.raw, escapes };
    known.set(weight, extremes);
    return extremes;
  };
}

/** Interval of all sums of subsets of the parts, at the finest fraction length involved. */
function partialSums(parts: readonly ExactRange[], accumulatorFraction: number): AccumulationBound {
  const fractionLength = Math.max(accumulatorFraction, ...parts.map((part) => part.fractionLength));
  let min = 0n;
  let max = 0n;
  for (const part of parts) {
    const alignment = BigInt(fractionLength - part.fractionLength);
    if (part.min < 0n) min += part.min << alignment;
    if (part.max > 0n) max += part.max << alignment;
  }
  return { min, max, fractionLength };
}
