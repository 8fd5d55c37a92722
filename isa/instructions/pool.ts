import { flag, type InstructionDefinition, type InstructionHeader, named, unsigned } from "./definition.ts";

export const POOL_KINDS = ["maximum", "average", "averageDivider", "sum"] as const;
export type PoolKind = (typeof POOL_KINDS)[number];

/**
 * Pools a dense inputRows × inputColumns × channels block of the input scratchpad (format operandA) into the output
 * buffer, dense outputRows × outputColumns × channels. Window (i, j) of output (y, x) reads input row
 * y·strideRows − padTop + i and column x·strideColumns − padLeft + j; positions outside the block are padding.
 *
 * maximum: the largest raw of the valid positions, format kept (operandA).
 * average: a = Q_accumulator(a + x) over the valid positions in row-major window order, from 0; then
 *   Q_output(a · nearest(2^16 / n)), or with averageDivider Q_output of the exact quotient a / n. n counts the valid
 *   positions, or the whole window with `countPadding`. nearest() takes ties away from zero.
 * sum: the same a, which goes to the accumulator bank, dense from `outputAddress` on; no output register.
 * Output row-major; channels in groups of C, lane = channel mod C; for each, the whole window.
 */
export interface Pool extends InstructionHeader {
  readonly opcode: "pool";
  readonly kind: PoolKind;
  readonly inputAddress: number;
  readonly outputAddress: number;
  readonly inputRows: number;
  readonly inputColumns: number;
  readonly outputRows: number;
  readonly outputColumns: number;
  readonly channels: number;
  readonly kernelRows: number;
  readonly kernelColumns: number;
  readonly strideRows: number;
  readonly strideColumns: number;
  readonly padTop: number;
  readonly padLeft: number;
  readonly countPadding: boolean;
}

/** Fraction bits of the factor that an average multiplies with. */
export const RECIPROCAL_FRACTION = 16;

/** nearest(2^16 / n), ties away from zero: ⌊2^16 / n + ½⌋. */
export function poolReciprocal(count: number): number {
  return Math.floor((2 ** (RECIPROCAL_FRACTION + 1) + count) / (2 * count));
}

export const POOL: InstructionDefinition<"pool"> = {
  name: "pool",
  code: 0x22,
  unit: "compute",
  action: "maximum or average over windows into the output buffer, or their sums into the accumulator bank",
  cycles: "outputRows · outputColumns · ⌈channels / C⌉ · kernelRows · kernelColumns steps",
  fields: [
    named("kind", 2, POOL_KINDS, "maximum, average (reciprocal multiply), averageDivider or sum"),
    unsigned("inputAddress", 32, "bit", "first input word"),
    unsigned("outputAddress", 32, "bit", "first output word, or accumulator"),
    unsigned("inputRows", 16, "rows", "rows of the input block", 1),
    unsigned("inputColumns", 16, "columns", "columns of the input block", 1),
    unsigned("outputRows", 16, "rows", "rows of the output block", 1),
    unsigned("outputColumns", 16, "columns", "columns of the output block", 1),
    unsigned("channels", 16, "channels", "channels of both blocks", 1),
    unsigned("kernelRows", 10, "rows", "window height", 1),
    unsigned("kernelColumns", 10, "columns", "window width", 1),
    unsigned("strideRows", 8, "rows", "vertical stride", 1),
    unsigned("strideColumns", 8, "columns", "horizontal stride", 1),
    unsigned("padTop", 8, "rows", "padding rows above the block"),
    unsigned("padLeft", 8, "columns", "padding columns before the block"),
    flag("countPadding", "n counts padding positions"),
  ],
};
