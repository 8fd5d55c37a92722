import type { Dataflow } from "../../isa/dataflow/table.ts";
import { fixedPoint, parseFormat } from "../../isa/numerics/format.ts";
import type { OverflowMode } from "../../isa/numerics/overflow.ts";
import { register } from "../../isa/numerics/register.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../isa/numerics/rounding.ts";
import type { DataKind, MatrixRegisters } from "./matrix-work.ts";

/** One way to compute the benchmark's convolution. */
export interface RegisterCase extends MatrixRegisters {
  /** Unique. */
  readonly name: string;
  readonly data: DataKind;
  readonly dataflow: Dataflow;
}

interface CaseOptions {
  readonly rounding?: RoundingMode;
  readonly overflow?: OverflowMode;
  readonly data?: DataKind;
  readonly dataflow?: Dataflow;
}

/** Every register `format`: products rounded and fitted, every addition fitted. */
function uniform(name: string, format: string, options: CaseOptions = {}): RegisterCase {
  const { rounding = "nearest", overflow = "saturate", data = "layer", dataflow = "output-stationary" } = options;
  const operand = parseFormat(format);
  const each = register(operand, rounding, overflow);
  return { name, operand, product: each, accumulator: each, data, dataflow };
}

/** Operands 16,8, exact products, sums saturated in `accumulator` bits. */
function exactProducts(name: string, accumulator: number): RegisterCase {
  return {
    name,
    operand: parseFormat("16,8"),
    product: register(fixedPoint(32, 16)),
    accumulator: register(fixedPoint(accumulator, 16)),
    data: "layer",
    dataflow: "output-stationary",
  };
}

const ROUNDINGS = Object.keys(ROUNDING_MODES) as RoundingMode[];

/** All rounding modes in sixteen bits: the first block. */
const SIXTEEN_BITS: readonly RegisterCase[] = ROUNDINGS.map((rounding) =>
  uniform(`W16 ${rounding}`, "16,8", { rounding }),
);

const SIXTEEN_BIT_VARIANTS: readonly RegisterCase[] = [
  uniform("W16 nearest, inputs after ReLU", "16,8", { data: "relu" }),
  uniform("W16 nearest, any weights", "16,8", { data: "unproved" }),
  uniform("W16 nearest, with overflows", "16,8", { data: "overflow" }),
  uniform("W16 nearest-up, with overflows", "16,8", { rounding: "nearest-up", data: "overflow" }),
  uniform("W16 nearest, saturate-symmetric", "16,8", { overflow: "saturate-symmetric" }),
  uniform("W16 nearest, wrap", "16,8", { overflow: "wrap" }),
  uniform("W16 nearest, weight-stationary", "16,8", { dataflow: "weight-stationary" }),
  uniform("W16 nearest, tree", "16,8", { dataflow: "tree" }),
];

const NARROW_ROUNDINGS = ["nearest", "nearest-up", "down"] as const;

const NARROW: readonly RegisterCase[] = [
  ...NARROW_ROUNDINGS.map((rounding) => uniform(`W12 ${rounding}`, "12,6", { rounding })),
  uniform("W12 nearest, any weights", "12,6", { data: "unproved" }),
  // Rounding down moves a sum of 1,152 products by −576 units, out of eight bits, unless most products are zero.
  ...NARROW_ROUNDINGS.map((rounding) => uniform(`W8 ${rounding}`, "8,5", { rounding, data: "sparse" })),
  uniform("W8 nearest, dense inputs", "8,5"),
  uniform("W8 down, with overflows", "8,5", { rounding: "down" }),
  uniform("W8 nearest, any weights", "8,5", { data: "unproved" }),
  uniform("W12 stochastic", "12,6", { rounding: "stochastic" }),
  uniform("W8 stochastic", "8,5", { rounding: "stochastic" }),
];

const EXACT: readonly RegisterCase[] = [
  exactProducts("16-bit operands, exact products, 32-bit accumulator", 32),
  exactProducts("16-bit operands, exact products, 24-bit accumulator", 24),
];

const WIDE: readonly RegisterCase[] = [
  uniform("W17 nearest", "17,9"),
  uniform("W24 nearest", "24,16"),
  uniform("W24 nearest, any weights", "24,16", { data: "unproved" }),
  uniform("W26 nearest", "26,16"),
  uniform("W32 nearest", "32,16"),
  uniform("W32 nearest, any weights", "32,16", { data: "unproved" }),
  uniform("W48 nearest", "48,24"),
  uniform("W64 nearest", "64,32"),
  uniform("W64 nearest, any weights", "64,32", { data: "unproved" }),
];

export const CASES: readonly RegisterCase[] = [...SIXTEEN_BITS, ...SIXTEEN_BIT_VARIANTS, ...NARROW, ...EXACT, ...WIDE];

/** Cases that also run as the plain product of the convolution's shape. */
export const PLAIN_PRODUCT_CASES: readonly string[] = [
  "W16 nearest",
  "W16 nearest-up",
  "W8 nearest-up",
  "16-bit operands, exact products, 32-bit accumulator",
];

/** Cases that the plain TypeScript kernels run as well: one for each way they compute. */
export const PLAIN_KERNEL_CASES: readonly string[] = [
  "W16 nearest",
  "W16 nearest-up",
  "W16 nearest-even",
  "W16 stochastic",
  "W8 nearest",
  "16-bit operands, exact products, 32-bit accumulator",
  "16-bit operands, exact products, 24-bit accumulator",
  "W24 nearest",
  "W32 nearest",
  "W64 nearest",
];
