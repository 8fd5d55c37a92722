import type { RawRange } from "../../../../isa/numerics/format.ts";
import type { RegisterSpec } from "../../../../isa/numerics/register.ts";
import { type RoundingBias, roundingBias } from "../../../../isa/numerics/rounding-bias.ts";
import { isWithin, magnitude, productRange, registerKeeps, roundedRange } from "../../arithmetic/ranges.ts";
import type { MatrixProblem } from "../contract.ts";
import { alignmentBits, productDroppedBits, productScaleBits } from "../product-shift.ts";
import type { ModuleName, ModuleShifts } from "./modules.ts";
import { runCarries } from "./packed-steps.ts";
import type { PanelLayout } from "./panels.ts";
import { fitOf, signedRange } from "./registers.ts";

/** How a lane of integers computes a problem. */
export interface IntegerPlan {
  readonly module: ModuleName;
  readonly shifts: ModuleShifts;
  /** The exported function. */
  readonly compute: string;
  readonly layout: PanelLayout;
  /** Bytes of a packed input word. */
  readonly wordBytes: number;
  readonly scaleBits: number;
  readonly droppedBits: number;
  readonly draws: boolean;
  readonly bias: RoundingBias;
  /** What proofs and fits compare with; `fitting` and `wrapShift` of the record. */
  readonly productRange: RawRange;
  readonly sumRange: RawRange;
  readonly fitting: number;
  readonly wrapShift: number;
}

const INT8: RawRange = signedRange(8);
const INT16: RawRange = signedRange(16);
const INT32: RawRange = signedRange(32);

/** The cheapest plan that is exact for a problem; null where no lane of integers is. The one place that decides. */
export function integerPlan(problem: MatrixProblem): IntegerPlan | null {
  const facts = factsOf(problem);
  if (facts === null) return null;
  if (facts.draws) return stochasticPlan(problem, facts);
  return dotPlan(problem, facts) ?? int8Plan(problem, facts) ?? int16Plan(problem, facts) ?? int32Plan(problem, facts);
}

interface Facts {
  readonly droppedBits: number;
  /** Products are rounded by random words. */
  readonly draws: boolean;
  readonly bias: RoundingBias;
  /** Products are exact · 2^scaleBits before bits are dropped; the weights carry the factor. */
  readonly scaleBits: number;
  readonly weights: RawRange;
  /** Exact products, and the same after rounding. */
  readonly exact: RawRange;
  readonly rounded: RawRange;
}

/**
 * What all these lanes want, else null: input words and scaled weights of sixteen signed bits (so exact products have
 * |p| ≤ 2^30), additions that do not round, and tiles whose overflows a 32-bit counter holds.
 */
function factsOf(problem: MatrixProblem): Facts | null {
  const { operandRange, weightRange, product, pixels, filters, steps } = problem;
  const droppedBits = productDroppedBits(problem);
  const alignment = alignmentBits(problem);
  const draws = droppedBits > 0 && product.rounding === "stochastic";
  if (droppedBits > 30 || alignment < 0) return null;
  if (pixels * filters * steps >= 2 ** 32) return null;
  const scaleBits = productScaleBits(problem) + (droppedBits === 0 ? alignment : 0);
  if (scaleBits > 15 || (droppedBits > 0 && alignment > 0)) return null;
  const scale = 1n << BigInt(scaleBits);
  const weights = { min: weightRange.min * scale, max: weightRange.max * scale };
  if (!isWithin(operandRange, INT16) || !isWithin(weights, INT16)) return null;
  const exact = productRange(operandRange, weights);
  const rounded = roundedRange(exact, droppedBits);
  const bias = roundingBias(droppedBits === 0 || draws ? "down" : product.rounding, droppedBits);
  return { droppedBits, draws, scaleBits, weights, exact, rounded, bias };
}

/** Whether no product can leave its register; zeros that align it with the sum are not part of its word. */
function productsStay(problem: MatrixProblem, { droppedBits, rounded }: Facts): boolean {
  const appended = BigInt(droppedBits === 0 ? alignmentBits(problem) : 0);
  return isWithin({ min: rounded.min >> appended, max: rounded.max >> appended }, registerKeeps(problem.product));
}

/** Undefined for a register that the lanes cannot fit. */
function signedFit(register: RegisterSpec): "saturate" | "wrap" | undefined {
  return register.format.signed ? fitOf(register) : undefined;
}

/** How sums of at most `wordLength` bits are fitted: "free" where they are proved to stay in that many. */
function sumFit(
  { accumulator, freeSums }: MatrixProblem,
  wordLength: number,
): "free" | "saturate" | "wrap" | undefined {
  if (freeSums !== null) return isWithin(freeSums, signedRange(wordLength)) ? "free" : undefined;
  return accumulator.format.wordLength <= wordLength ? signedFit(accumulator) : undefined;
}

function isSymmetric({ overflow }: RegisterSpec): boolean {
  return overflow === "saturate-symmetric";
}

const DOT_FITTING = { clamp: 0, saturate32: 1, wrap: 2, wrap32: 3 } as const;

/**
 * Exact products that stay in their register, sums of at most 32 bits; see assembly/dot.ts. The sum of two products fits
 * 32 bits unless all four words are −2^15.
 */
function dotPlan(problem: MatrixProblem, facts: Facts): IntegerPlan | null {
  const { operandRange, accumulator } = problem;
  if (facts.droppedBits > 0 || !productsStay(problem, facts)) return null;
  if (operandRange.min === INT16.min && facts.weights.min === INT16.min) return null;
  const fit = sumFit(problem, 32);
  if (fit === undefined) return null;
  const { wordLength } = accumulator.format;
  const whole = fit !== "free" && wordLength === 32;
  return {
    module: "dot",
    shifts: {},
    compute: "computeDots",
    layout: "dot",
    wordBytes: 2,
    ...facts,
    productRange: INT32,
    sumRange: fit === "free" ? INT32 : registerKeeps(accumulator),
    fitting: DOT_FITTING[fit === "wrap" ? (whole ? "wrap32" : "wrap") : whole ? "saturate32" : "clamp"],
    wrapShift: fit === "wrap" ? 32 - wordLength : -1,
  };
}

/**
 * Products that fit sixteen bits with their bias: |p| + 2^s ≤ 2^15; see assembly/int8.ts. Sums that may overflow have at
 * most fifteen bits, and products added to them |q| ≤ 2^14.
 */
function int8Plan(problem: MatrixProblem, facts: Facts): IntegerPlan | null {
  const { product, accumulator } = problem;
  const { exact, rounded, droppedBits, bias } = facts;
  if (magnitude(exact) + (1n << BigInt(droppedBits)) > 2n ** 15n || magnitude(rounded) > 2n ** 14n) return null;
  if (alignmentBits(problem) > 0) return null;
  const stay = productsStay(problem, facts);
  const productFit = stay ? "saturate" : signedFit(product);
  const fit = sumFit(problem, 15);
  if (productFit === undefined || fit === undefined) return null;
  return {
    module: "int8",
    shifts: { dropped: droppedBits, lowestKept: Math.max(0, 15 - droppedBits) },
    ...biased(bias),
    layout: "biases",
    ...facts,
    productRange: stay ? (isWithin(rounded, INT8) ? INT8 : INT16) : registerKeeps(product),
    sumRange: fit === "free" ? INT16 : registerKeeps(accumulator),
    fitting: productFit === "wrap" ? 16 - product.format.wordLength : -1,
    wrapShift: fit === "wrap" ? 32 - accumulator.format.wordLength : -1,
  };
}

/** Function and size of a packed input word of the lanes that round. */
function biased({ odd }: RoundingBias): Pick<IntegerPlan, "compute" | "wordBytes"> {
  return { compute: odd === 0 ? "tileByBias" : "tileByParity", wordBytes: 8 };
}

/** A bias in a panel has sixteen bits; |p| + 2^s < 2^31 holds for every s admitted here. */
function biasFits({ bias, draws, droppedBits }: Facts): boolean {
  return droppedBits <= 15 || bias.odd !== 0 || draws;
}

const INT16_FITTING = { saturate16: 0, symmetric16: 1, clamp: 2, wrap: 3 } as const;

/**
 * Sums of at most sixteen bits; see assembly/int16.ts. Words that wrap lie left-aligned, so that products must fit 32
 * bits then, (|p| · 2^−s + 1) · 2^(16−W) < 2^31, and overflow a register of the sums' own W or none.
 */
function int16Plan(problem: MatrixProblem, facts: Facts): IntegerPlan | null {
  const { product, accumulator, freeSums } = problem;
  if (!biasFits(facts) || alignmentBits(problem) > 0) return null;
  const fit = sumFit(problem, 16);
  if (fit === undefined) return null;
  const wordLength = fit === "free" ? 16 : accumulator.format.wordLength;
  const stay = productsStay(problem, facts) && isWithin(facts.rounded, signedRange(wordLength));
  const productFit = stay ? "free" : product.format.wordLength === wordLength ? signedFit(product) : undefined;
  if (productFit === undefined) return null;
  if (productFit !== "free" && fit !== "free" && productFit !== fit) return null;
  const left = 16 - wordLength;
  if (((magnitude(facts.exact) >> BigInt(facts.droppedBits)) + 1n) << BigInt(left) >= 2n ** 31n) return null;
  // To nearest even by the bias of nearest-down, and a carry that the lane adds.
  const toEven = facts.droppedBits > 0 && facts.droppedBits <= 15 && product.rounding === "nearest-even";
  const wraps = productFit === "wrap" || fit === "wrap";
  const symmetric = (freeSums === null && isSymmetric(accumulator)) || (!stay && isSymmetric(product));
  return {
    module: "int16",
    shifts: { dropped: facts.droppedBits, left, lowestKept: 31 - facts.droppedBits },
    ...biased(facts.bias),
    layout: "pairs",
    ...facts,
    ...(toEven ? { compute: "tileToEven", bias: roundingBias("nearest-down", facts.droppedBits) } : {}),
    productRange: stay ? INT16 : registerKeeps(product),
    sumRange: fit === "free" ? INT16 : registerKeeps(accumulator),
    fitting: INT16_FITTING[wraps ? "wrap" : left > 0 ? "clamp" : symmetric ? "symmetric16" : "saturate16"],
    wrapShift: fit === "wrap" ? 32 - wordLength : -1,
  };
}

/** Sums of at most 32 bits; see assembly/int32.ts. */
function int32Plan(problem: MatrixProblem, facts: Facts): IntegerPlan | null {
  const { product, accumulator } = problem;
  if (!biasFits(facts) || alignmentBits(problem) > 0) return null;
  const stay = productsStay(problem, facts);
  const productFit = stay ? "saturate" : product.format.wordLength <= 32 ? signedFit(product) : undefined;
  const fit = sumFit(problem, 32);
  if (productFit === undefined || fit === undefined) return null;
  return {
    module: "int32",
    shifts: { dropped: facts.droppedBits, lowestKept: 31 - facts.droppedBits },
    ...biased(facts.bias),
    layout: "pairs",
    ...facts,
    productRange: stay ? INT32 : registerKeeps(product),
    sumRange: fit === "free" ? INT32 : registerKeeps(accumulator),
    fitting: productFit === "wrap" ? 32 - product.format.wordLength : -1,
    wrapShift: fit === "wrap" ? 32 - accumulator.format.wordLength : -1,
  };
}

/** As `int16Plan`, with random words for biases: where runs carry their sums; see assembly/stochastic.ts. */
function stochasticPlan(problem: MatrixProblem, facts: Facts): IntegerPlan | null {
  if (!runCarries(problem)) return null;
  const plan = int16Plan(problem, facts);
  if (plan === null) return null;
  const { dropped = 0, left = 0 } = plan.shifts;
  return { ...plan, module: "stochastic", shifts: { dropped, left, random: 32 - dropped }, compute: "tileByChance" };
}
