import { DATAFLOWS, runLength } from "../../../../isa/dataflow/table.ts";
import { rawRange } from "../../../../isa/numerics/format.ts";
import type { RegisterSpec } from "../../../../isa/numerics/register.ts";
import { NUMBER_LIMIT } from "../../arithmetic/number-quantizer.ts";
import {
  formatMagnitude,
  isWithin,
  magnitude,
  productRange,
  quantizedRange,
  registerKeeps,
  roundedRange,
} from "../../arithmetic/ranges.ts";
import { fitsNumber } from "../../memory/words.ts";
import type { MatrixProblem } from "../contract.ts";
import { alignmentBits, productDroppedBits, productScaleBits } from "../product-shift.ts";
import { type NumberRounding, numberRounding } from "./number-rounding.ts";
import { fitOf } from "./registers.ts";
import type { WidePlan } from "./wide-kernels.ts";

const FUNCTIONS: Readonly<Record<NumberRounding, string>> = {
  floor: "tileByFloor",
  truncate: "tileByTruncation",
  even: "tileToEven",
};

/**
 * The plan in doubles, null where they are not exact (see assembly/float64.ts). With p the largest exact product, s the
 * dropped bits, A the largest sum and Q the largest product word: |p| + 2^s ≤ 2^52, or |p| · 2^−s with s ≤ 0; and for
 * sums that are not proved free A + Q ≤ 2^52, 2 · A ≤ 2^52 where runs are added to the bank, A + n · Q ≤ 2^52 for
 * a tree, which fits nothing within its run of n products.
 */
export function float64Plan(problem: MatrixProblem): WidePlan | null {
  const { operand, weight, product, accumulator, operandRange, weightRange, freeSums } = problem;
  if (![operand, weight, accumulator.format].every(fitsNumber)) return null;
  const droppedBits = productDroppedBits(problem);
  const alignment = alignmentBits(problem);
  const scaleBits = productScaleBits(problem) + alignment;
  const rounding = numberRounding(droppedBits === 0 ? "down" : product.rounding);
  if (rounding === null || droppedBits > 52 || alignment < 0 || scaleBits > 52) return null;
  if (droppedBits > 0 && alignment > 0) return null;
  const exact = productRange(operandRange, weightRange);
  const largest =
    droppedBits > 0 ? magnitude(exact) + (1n << BigInt(droppedBits)) : magnitude(exact) << BigInt(scaleBits);
  if (largest > NUMBER_LIMIT || magnitude(weightRange) << BigInt(scaleBits) > NUMBER_LIMIT) return null;

  const dropped = droppedBits - productScaleBits(problem);
  const stay = isWithin(roundedRange(exact, dropped), registerKeeps(product));
  const productFit = stay ? "free" : alignment > 0 ? undefined : fitOf(product);
  const sumFit = freeSums === null ? fitOf(accumulator) : "free";
  if (productFit === undefined || sumFit === undefined) return null;
  const sum = formatMagnitude(accumulator.format);
  const word = quantizedRange(exact, operand.fractionLength + weight.fractionLength, product);
  const added = magnitude(word) << BigInt(alignment);
  const rule = DATAFLOWS[problem.array.dataflow].sum;
  if (freeSums !== null) {
    if (magnitude(freeSums) > NUMBER_LIMIT) return null;
  } else {
    const reached = rule === "gathers" ? sum + BigInt(runLength(problem)) * added : sum + added;
    if (reached > NUMBER_LIMIT || (rule === "adds" && 2n * sum > NUMBER_LIMIT)) return null;
  }

  const [name, bias] = rounding;
  const productEnds = ends(productFit, product);
  const sumEnds = ends(sumFit, accumulator);
  const runEnds = rule === "gathers" ? ends("free", accumulator) : sumEnds;
  const unit = 2 ** -droppedBits;
  return {
    module: "float64",
    shifts: {},
    compute: FUNCTIONS[name],
    view: "Float64Array",
    scaleBits: droppedBits > 0 ? -droppedBits : scaleBits,
    boundBits: droppedBits > 0 ? -droppedBits : scaleBits,
    droppedBits,
    registers: Float64Array.of(
      productEnds.min,
      productEnds.max,
      runEnds.min,
      runEnds.max,
      sumEnds.min,
      sumEnds.max,
      droppedBits > 0 ? bias(unit) : 0,
      productEnds.modulus,
      runEnds.modulus,
      sumEnds.modulus,
    ),
  };
}

/** Range and modulus of a register; one that nothing leaves has no ends. */
function ends(
  fit: "free" | "saturate" | "wrap",
  register: RegisterSpec,
): { min: number; max: number; modulus: number } {
  if (fit === "free") return { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY, modulus: 0 };
  const range = fit === "wrap" ? rawRange(register.format) : registerKeeps(register);
  const modulus = fit === "wrap" ? 2 ** register.format.wordLength : 0;
  return { min: Number(range.min), max: Number(range.max), modulus };
}
