import type { MatrixProblem } from "./contract.ts";

/** Factor 2^bits that the weights carry where products are shifted left. */
export function productScaleBits({ operand, weight, product }: MatrixProblem): number {
  return Math.max(0, product.format.fractionLength - operand.fractionLength - weight.fractionLength);
}

/** Bits that products drop, at least 0. */
export function productDroppedBits({ operand, weight, product }: MatrixProblem): number {
  return Math.max(0, operand.fractionLength + weight.fractionLength - product.format.fractionLength);
}

/** Zeros appended to a product word before it is added; negative where an addition rounds. */
export function alignmentBits({ product, accumulator }: MatrixProblem): number {
  return accumulator.format.fractionLength - product.format.fractionLength;
}
