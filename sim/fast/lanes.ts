import { DATAFLOWS, runLength } from "../../isa/dataflow/table.ts";
import type { RawRange } from "../../isa/numerics/format.ts";
import { fitsInt32 } from "../../isa/numerics/raws.ts";
import { NUMBER_LIMIT, quantizesInNumbers } from "./arithmetic/number-quantizer.ts";
import {
  fitLooksAtFloor,
  formatMagnitude,
  isWithin,
  magnitude,
  productRange,
  quantizedRange,
  registerKeeps,
  roundedRange,
} from "./arithmetic/ranges.ts";
import type { KernelForm, Lane, LaneChoice, MatrixProblem } from "./kernels/contract.ts";
import { fitsNumber } from "./memory/words.ts";

/** Exact integers a lane can hold: a signed word; 2^52, so that a sum of two stays below 2^53 (see `NUMBER_LIMIT`). */
const LANE_LIMITS: Readonly<Record<Exclude<Lane, "bigint">, bigint>> = {
  int32: 2n ** 31n - 1n,
  float64: NUMBER_LIMIT,
};

/** Most bits an int32 kernel shifts: JavaScript takes shift counts modulo 32. */
const MAX_INT32_SHIFT = 30;

/** The narrowest lane, and the least work in it, that give the bits the definition gives. The one place that decides. */
export function chooseLane(problem: MatrixProblem): LaneChoice {
  const facts = factsOf(problem);
  const form = formOf(problem, facts);
  if (form === "stepwise") return { lane: stepwiseLane(problem), form };
  if (holds("int32", form, problem, facts)) return { lane: "int32", form };
  if (holds("float64", form, problem, facts)) return { lane: "float64", form };
  return form === "dot" ? { lane: "bigint", form } : { lane: stepwiseLane(problem), form: "stepwise" };
}

interface ProblemFacts {
  /** s: bits a product drops (negative: zeros appended). */
  readonly droppedBits: number;
  /** Zeros appended to a product before it is added; negative where an addition rounds. */
  readonly alignment: number;
  readonly exactProduct: RawRange;
  /** What the product register can hold. */
  readonly product: RawRange;
  /** No product leaves its register. */
  readonly productFits: boolean;
}

function factsOf(problem: MatrixProblem): ProblemFacts {
  const { operand, weight, product, accumulator } = problem;
  const fractionLength = operand.fractionLength + weight.fractionLength;
  const droppedBits = fractionLength - product.format.fractionLength;
  const exactProduct = productRange(problem.operandRange, problem.weightRange);
  return {
    droppedBits,
    alignment: accumulator.format.fractionLength - product.format.fractionLength,
    exactProduct,
    product: quantizedRange(exactProduct, fractionLength, product),
    productFits: isWithin(roundedRange(exactProduct, droppedBits), registerKeeps(product)),
  };
}

function formOf(problem: MatrixProblem, facts: ProblemFacts): KernelForm {
  const rounds = facts.droppedBits > 0;
  const draws = rounds && problem.product.rounding === "stochastic";
  const floorMatters = rounds && !facts.productFits && fitLooksAtFloor(problem.product);
  if (draws || floorMatters || facts.alignment < 0) return "stepwise";
  if (problem.freeSums === null) return "ordered";
  return rounds || !facts.productFits ? "free" : "dot";
}

/**
 * Whether every intermediate of a kernel is exact in a lane. With L the lane's limit, X and V the largest |input| and
 * |weight|, s the dropped bits, Q the largest |product word|, t the alignment and A the largest |accumulator word|:
 *
 * - a product and its rounding bias: X · V + 2^s ≤ L, or X · V · 2^−s ≤ L with s ≤ 0 (the weights then carry the factor
 *   2^−s, V · 2^−s ≤ L);
 * - dot and free: every partial sum of aligned products, and with the initial sum, lies in `freeSums` ⊂ [−L, L]; the
 *   kernel's unaligned sums are smaller by 2^t;
 * - ordered, the sum before it is fitted: A + Q · 2^t ≤ L where each product is added alone; 2 · A ≤ L more where column
 *   sums are added to the bank; A + n · Q · 2^t ≤ L where a tree adds n products at once.
 */
function holds(
  lane: Exclude<Lane, "bigint">,
  form: Exclude<KernelForm, "stepwise">,
  problem: MatrixProblem,
  facts: ProblemFacts,
): boolean {
  const limit = LANE_LIMITS[lane];
  const { operand, weight, weightRange, freeSums } = problem;
  if (lane === "int32" && !(fitsInt32(operand) && fitsInt32(weight))) return false;
  if (!(fitsNumber(operand) && fitsNumber(weight))) return false;
  const { droppedBits, alignment } = facts;
  const maxShift = lane === "int32" ? MAX_INT32_SHIFT : 52;
  if (Math.abs(droppedBits) > maxShift || alignment > maxShift) return false;

  const product = magnitude(facts.exactProduct);
  if (droppedBits > 0) {
    if (product + (1n << BigInt(droppedBits)) > limit) return false;
  } else {
    const factor = BigInt(-droppedBits);
    if (product << factor > limit || magnitude(weightRange) << factor > limit) return false;
  }
  if (form !== "ordered") return freeSums !== null && magnitude(freeSums) <= limit;

  const sum = formatMagnitude(problem.accumulator.format);
  const added = magnitude(facts.product) << BigInt(alignment);
  return SUMS_HOLD[DATAFLOWS[problem.array.dataflow].sum](sum, added, BigInt(runLength(problem)), limit);
}

type SumsHold = (sum: bigint, added: bigint, terms: bigint, limit: bigint) => boolean;

const SUMS_HOLD: Readonly<Record<"carries" | "adds" | "gathers", SumsHold>> = {
  carries: (sum, added, _terms, limit) => sum + added <= limit,
  adds: (sum, added, _terms, limit) => sum + added <= limit && 2n * sum <= limit,
  gathers: (sum, added, terms, limit) => sum + terms * added <= limit,
};

/**
 * Lane of the stepwise kernel and of the evidence pass. Doubles serve where product and accumulation satisfy
 * `quantizesInNumbers`; the exact sum has the larger of both fraction lengths: A · 2^a + n · Q · 2^t, with n the products
 * added at once.
 */
export function stepwiseLane(problem: MatrixProblem): "float64" | "bigint" {
  const { operand, weight, accumulator } = problem;
  if (!(fitsNumber(operand) && fitsNumber(weight) && fitsNumber(accumulator.format))) return "bigint";
  const { droppedBits, alignment, exactProduct, product } = factsOf(problem);
  if (!quantizesInNumbers(magnitude(exactProduct), droppedBits)) return "bigint";
  if (Math.abs(alignment) > 52) return "bigint";
  const sum = formatMagnitude(accumulator.format);
  const atOnce = DATAFLOWS[problem.array.dataflow].sum === "gathers" ? BigInt(runLength(problem)) : 1n;
  const alignedSum = sum << BigInt(Math.max(0, -alignment));
  const added = atOnce * (magnitude(product) << BigInt(Math.max(0, alignment)));
  const fits = quantizesInNumbers(alignedSum + added, Math.max(0, -alignment));
  return fits && quantizesInNumbers(2n * sum, 0) ? "float64" : "bigint";
}
