/**
 * Types that hls4ml infers for `auto`, from the types it reads and how many products a sum has: never from values. Facts
 * from hls4ml/model/optimizer/passes/infer_precision.py. An inferred type has no modes: TRN and WRAP.
 */
import { diagnosticError } from "../../../isa/diagnostic.ts";
import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import type { Hls4mlConfiguration } from "./configuration.ts";

interface Bits {
  readonly integer: number;
  readonly fraction: number;
  readonly signed: boolean;
}

function bitsOf({ format }: RegisterSpec): Bits {
  const { wordLength, fractionLength, signed } = format;
  return { integer: wordLength - fractionLength, fraction: fractionLength, signed };
}

function typeOf({ integer, fraction, signed }: Bits): RegisterSpec {
  const format: FixedPointFormat = { wordLength: integer + fraction, fractionLength: fraction, signed };
  return register(format, "down", "wrap", 0, "ap");
}

/** A bias that is not there: hls4ml keeps zeros of one unsigned bit, and infers with them. */
export const NO_BIAS: RegisterSpec = typeOf({ integer: 1, fraction: 0, signed: false });

/** Accumulator and result of a dense layer or convolution of `terms` products a sum. */
export function inferSum(
  input: RegisterSpec,
  weight: RegisterSpec,
  bias: RegisterSpec,
  terms: number,
  configuration: Hls4mlConfiguration,
): RegisterSpec {
  const [x, w] = [bitsOf(input), bitsOf(weight)];
  const products = {
    integer: x.integer + w.integer + Math.ceil(Math.log2(terms)),
    fraction: x.fraction + w.fraction,
    signed: x.signed || w.signed,
  };
  return withinMaximum(typeOf(sum(products, bitsOf(bias))), configuration);
}

/** Result of a batch normalization that is a layer of its own. */
export function inferNormalization(
  input: RegisterSpec,
  scale: RegisterSpec,
  bias: RegisterSpec,
  configuration: Hls4mlConfiguration,
): RegisterSpec {
  return withinMaximum(typeOf(sum(product(bitsOf(input), bitsOf(scale)), bitsOf(bias))), configuration);
}

/** Accumulator of an average over `positions`. */
export function inferAverage(input: RegisterSpec, positions: number): RegisterSpec {
  const { integer, fraction, signed } = bitsOf(input);
  const extra = Math.ceil(Math.log2(positions));
  return typeOf({ integer: integer + extra, fraction: fraction + extra, signed });
}

export type MergeOperation = "add" | "subtract" | "multiply" | "concatenate";

/** Result of an operation of two operands. */
export function inferMerge(
  operation: MergeOperation,
  first: RegisterSpec,
  second: RegisterSpec,
  configuration: Hls4mlConfiguration,
): RegisterSpec {
  const [a, b] = [bitsOf(first), bitsOf(second)];
  if (operation === "multiply") return withinMaximum(typeOf(product(a, b)), configuration);
  if (operation === "concatenate") return inferConcatenation(first, second, configuration);
  const added = sum(a, b);
  return withinMaximum(typeOf({ ...added, signed: added.signed || operation === "subtract" }), configuration);
}

/** Two equal types stay; else the least that holds both, with the modes of the first that has any. */
function inferConcatenation(
  first: RegisterSpec,
  second: RegisterSpec,
  configuration: Hls4mlConfiguration,
): RegisterSpec {
  if (sameType(first, second)) return first;
  const { integer, fraction, signed } = sum(bitsOf(first), bitsOf(second));
  const type = typeOf({ integer: integer - 1, fraction, signed });
  const rounding = first.rounding === "down" ? second.rounding : first.rounding;
  const overflow = first.overflow === "wrap" ? second.overflow : first.overflow;
  const saturatedBits = first.saturatedBits === 0 ? second.saturatedBits : first.saturatedBits;
  return withinMaximum({ ...type, rounding, overflow, saturatedBits }, configuration);
}

export function sameType(a: RegisterSpec, b: RegisterSpec): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function product(a: Bits, b: Bits): Bits {
  return { integer: a.integer + b.integer, fraction: a.fraction + b.fraction, signed: a.signed || b.signed };
}

/** One integer bit more than the larger, an unsigned one beside a signed one counting one more. */
function sum(a: Bits, b: Bits): Bits {
  const signed = a.signed || b.signed;
  const integerOf = (bits: Bits): number => bits.integer + (signed && !bits.signed ? 1 : 0);
  return {
    integer: Math.max(integerOf(a), integerOf(b)) + 1,
    fraction: Math.max(a.fraction, b.fraction),
    signed,
  };
}

/** Width and integer bits cut to those of the maximum, each by itself. */
function withinMaximum(type: RegisterSpec, configuration: Hls4mlConfiguration): RegisterSpec {
  const written = configuration.maximum();
  if (written === null || written.type === null) return type;
  const maximum = written.type;
  // Versions of hls4ml differ in what becomes of these.
  if (maximum.rounding !== "down" || maximum.overflow !== "wrap" || maximum.format.signed !== type.format.signed) {
    const what = "versions of hls4ml differ in whether modes and sign of the maximum pass on to inferred types";
    throw diagnosticError("HLS4ML", written.where, what, "write the types instead of auto");
  }
  const wordLength = Math.min(type.format.wordLength, maximum.format.wordLength);
  const integer = Math.min(bitsOf(type).integer, bitsOf(maximum).integer);
  return { ...type, format: { ...type.format, wordLength, fractionLength: wordLength - integer } };
}
