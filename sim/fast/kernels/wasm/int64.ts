import { runLength } from "../../../../isa/dataflow/table.ts";
import { type RawRange, rawRange } from "../../../../isa/numerics/format.ts";
import type { RegisterSpec } from "../../../../isa/numerics/register.ts";
import { roundingBias } from "../../../../isa/numerics/rounding-bias.ts";
import {
  formatMagnitude,
  isWithin,
  magnitude,
  productRange,
  quantizedRange,
  registerKeeps,
  roundedRange,
} from "../../arithmetic/ranges.ts";
import type { MatrixProblem } from "../contract.ts";
import { alignmentBits, productDroppedBits, productScaleBits } from "../product-shift.ts";
import { fitOf, signedRange } from "./registers.ts";
import { gathers, type WidePlan } from "./wide-kernels.ts";

const INT64: RawRange = signedRange(64);

/**
 * The plan in integers of 64 bits, null where they do not do (see assembly/int64.ts): input words, scaled weights and
 * words of both registers fit them; a wrapping register is signed. A sum that needs more before it is fitted is recognised
 * by its carry, but not inside the run of a tree, where A + n · Q must fit. s ≤ 52, so that biases are exact.
 */
export function int64Plan(problem: MatrixProblem): WidePlan | null {
  const { operand, weight, product, accumulator, operandRange, weightRange, freeSums } = problem;
  const droppedBits = productDroppedBits(problem);
  const alignment = alignmentBits(problem);
  const scaleBits = productScaleBits(problem) + alignment;
  if (droppedBits > 52 || alignment < 0 || scaleBits > 62 || (droppedBits > 0 && alignment > 0)) return null;
  if (droppedBits > 0 && product.rounding === "stochastic") return null;
  const scale = 1n << BigInt(scaleBits);
  const weights = { min: weightRange.min * scale, max: weightRange.max * scale };
  if (!isWithin(operandRange, INT64) || !isWithin(weights, INT64)) return null;

  const exact = productRange(operandRange, weightRange);
  const rounded = roundedRange(exact, droppedBits - productScaleBits(problem));
  const shifted = { min: rounded.min << BigInt(alignment), max: rounded.max << BigInt(alignment) };
  const stay = isWithin(rounded, registerKeeps(product)) && isWithin(shifted, INT64);
  const productFit = stay ? "free" : alignment > 0 ? undefined : integerFit(product);
  const sumFit = freeSums === null ? integerFit(accumulator) : isWithin(freeSums, INT64) ? "free" : undefined;
  if (productFit === undefined || sumFit === undefined) return null;
  const tree = gathers(problem);
  if (tree && freeSums === null) {
    const word = quantizedRange(exact, operand.fractionLength + weight.fractionLength, product);
    const added = BigInt(runLength(problem)) * (magnitude(word) << BigInt(alignment));
    if (formatMagnitude(accumulator.format) + added > INT64.max) return null;
  }

  const bias = roundingBias(droppedBits === 0 ? "down" : product.rounding, droppedBits);
  const productEnds = ends(productFit, product);
  const sumEnds = ends(sumFit, accumulator);
  const runEnds = tree ? ends("free", accumulator) : sumEnds;
  return {
    module: "int64",
    shifts: { dropped: droppedBits },
    compute: bias.negative === 0 && bias.odd === 0 ? "tileByConstant" : "tileByProduct",
    view: "BigInt64Array",
    scaleBits,
    boundBits: scaleBits - droppedBits,
    droppedBits,
    registers: BigInt64Array.of(
      productEnds.min,
      productEnds.max,
      runEnds.min,
      runEnds.max,
      sumEnds.min,
      sumEnds.max,
      BigInt(bias.base),
      BigInt(bias.negative),
      BigInt(bias.odd),
      productEnds.shift,
      runEnds.shift,
      sumEnds.shift,
    ),
  };
}

function integerFit(register: RegisterSpec): "saturate" | "wrap" | undefined {
  const fit = fitOf(register);
  return isWithin(rawRange(register.format), INT64) && (fit !== "wrap" || register.format.signed) ? fit : undefined;
}

/** Range of a register, and 64 − W where it wraps; one that nothing leaves has the lane's ends. */
function ends(
  fit: "free" | "saturate" | "wrap",
  register: RegisterSpec,
): { readonly min: bigint; readonly max: bigint; readonly shift: bigint } {
  if (fit === "free") return { ...INT64, shift: -1n };
  return { ...registerKeeps(register), shift: fit === "wrap" ? BigInt(64 - register.format.wordLength) : -1n };
}
