/**
 * What hls4ml computes of a network, from the published definition of its C++ templates, in exact numbers: every product is
 * cast to accum_t, the accumulator starts as the cast bias, products are added in ascending order with a cast each, the sum is
 * cast to the layer's result; an activation is a layer that casts once more. Independent of isa/ and of the reader.
 */
import { type BitStringOverflowMode, fitBitString } from "./bit-string-overflow.ts";
import { type RationalRoundingMode, roundRational } from "./rational-rounding.ts";

type Hls4mlRounding = "TRN" | "TRN_ZERO" | "RND" | "RND_ZERO" | "RND_INF" | "RND_MIN_INF" | "RND_CONV";
type Hls4mlOverflow = "WRAP" | "SAT" | "SAT_ZERO" | "SAT_SYM";

export interface OracleType {
  readonly wordLength: number;
  readonly integer: number;
  readonly signed: boolean;
  readonly rounding: Hls4mlRounding;
  readonly overflow: Hls4mlOverflow;
}

export const ROUNDINGS: Readonly<Record<Hls4mlRounding, RationalRoundingMode>> = {
  TRN: "down",
  TRN_ZERO: "zero",
  RND: "nearest-up",
  RND_ZERO: "nearest-zero",
  RND_INF: "nearest",
  RND_MIN_INF: "nearest-down",
  RND_CONV: "nearest-even",
};

export const OVERFLOWS: Readonly<Record<Hls4mlOverflow, BitStringOverflowMode>> = {
  WRAP: "wrap",
  SAT: "saturate",
  SAT_ZERO: "saturate-zero",
  SAT_SYM: "saturate-symmetric",
};

/** Numbers are integers of 2^−SCALE. */
const SCALE = 300;

export type Exact = bigint;

export function exact(value: number): Exact {
  // Drawn values are small multiples of 2^−20.
  return BigInt(value * 2 ** 20) << BigInt(SCALE - 20);
}

export function exactWord(raw: bigint, fractionLength: number): Exact {
  return raw << BigInt(SCALE - fractionLength);
}

export function cast(value: Exact, type: OracleType): Exact {
  const unit = 2n ** BigInt(SCALE - (type.wordLength - type.integer));
  const rounded = roundRational({ numerator: value, denominator: unit }, ROUNDINGS[type.rounding]);
  return fitBitString(rounded, type.wordLength, type.signed, OVERFLOWS[type.overflow], 0) * unit;
}

export function typeText({ wordLength, integer, signed, rounding, overflow }: OracleType): string {
  return `${signed ? "" : "u"}fixed<${wordLength},${integer},${rounding},${overflow}>`;
}

/** One output of nnet::dense_latency or nnet::conv_2d_latency. */
export function sumOf(
  inputs: readonly Exact[],
  weights: readonly Exact[],
  bias: Exact,
  accum: OracleType,
  result: OracleType,
): Exact {
  const products = inputs.map((input, index) => cast((input * (weights[index] ?? 0n)) >> BigInt(SCALE), accum));
  let sum = cast(bias, accum);
  for (const product of products) sum = cast(sum + product, accum);
  return cast(sum, result);
}

/** nnet::relu, nnet::relu6 and nnet::linear. */
export function activate(value: Exact, activation: "linear" | "relu" | "relu6", result: OracleType): Exact {
  const six = exact(6);
  if (activation === "linear") return cast(value, result);
  if (value < 0n) return cast(0n, result);
  return cast(activation === "relu6" && value > six ? six : value, result);
}

/** nnet::avg: the quotient of ap_fixed has the dividend's fraction bits, cut toward zero. */
export function average(values: readonly Exact[], accum: OracleType, result: OracleType): Exact {
  let sum = 0n;
  for (const value of values) sum = cast(sum + value, accum);
  const unit = 2n ** BigInt(SCALE - (accum.wordLength - accum.integer));
  const quotient = (sum / unit / BigInt(values.length)) * unit;
  return cast(cast(quotient, accum), result);
}

/** nnet::max. */
export function maximum(values: readonly Exact[], accum: OracleType, result: OracleType): Exact {
  return cast(
    cast(
      values.reduce((a, b) => (a > b ? a : b)),
      accum,
    ),
    result,
  );
}
