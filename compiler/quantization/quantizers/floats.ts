/** Quantizers to powers of two and to short floats. */
import { roundToBfloat16, roundToFloat16 } from "../../tensor-graph/arithmetic/small-floats.ts";
import type { QuantizerDefinition, QuantizerParameter } from "./quantizer.ts";

/** Exponents of float32, subnormals included. */
const EXPONENTS: readonly QuantizerParameter[] = [
  { name: "lowest", minimum: -149, maximum: 127, integer: true, usual: -149 },
  { name: "highest", minimum: -149, maximum: 127, integer: true, usual: 127 },
];

function powerOfTwo(
  description: string,
  exponentOf: (magnitude: number, floor: number) => number,
): QuantizerDefinition {
  return {
    description,
    parameters: EXPONENTS,
    roles: ["weight", "output"],
    create:
      ([lowest = -149, highest = 127]) =>
      (values) =>
        values.map((value) => {
          const magnitude = Math.abs(value);
          if (magnitude === 0 || !Number.isFinite(magnitude)) return value;
          const exponent = exponentOf(magnitude, floorLog2(magnitude));
          return Math.sign(value) * 2 ** Math.max(Math.min(exponent, highest), lowest);
        }),
  };
}

/** ⌊log2 x⌋ of a positive float64, exact. */
export function floorLog2(x: number): number {
  let exponent = Math.floor(Math.log2(x));
  // log2 may err by one unit beside a power of two.
  if (2 ** exponent > x) exponent--;
  else if (2 ** (exponent + 1) <= x) exponent++;
  return exponent;
}

/**
 * sign(x) · 2^round(log2 |x|) (Miyashita et al., 2016, Eq. 5): the limit between two powers is √2 times the lower one, which no
 * float32 is. 0 stays 0; exponents are clipped to lowest … highest.
 */
export const logarithmic: QuantizerDefinition = powerOfTwo(
  "closest power of two, by its logarithm",
  (magnitude, floor) => (magnitude / 2 ** floor > Math.SQRT2 ? floor + 1 : floor),
);

/** TensorQuant's `logarithmic`, which is the floor; but 0 stays 0 there it becomes 2^−30. */
export const logarithmicFloor: QuantizerDefinition = powerOfTwo(
  "next power of two toward zero",
  (_magnitude, floor) => floor,
);

/** IEEE 754 binary16, to nearest, ties to even; beyond 65504 and half a step it holds nothing. */
export const fp16: QuantizerDefinition = {
  description: "binary16, to nearest even",
  parameters: [],
  roles: ["weight", "output"],
  create: () => (values) => values.map(roundToFloat16),
};

/** As TensorQuant's first kernel: the fraction is cut to 10 bits, below 2^−14 to multiples of 2^−24. */
export const fp16Truncated: QuantizerDefinition = {
  description: "binary16, toward zero",
  parameters: [],
  roles: ["weight", "output"],
  create: () => (values) =>
    values.map((value) => {
      const magnitude = Math.abs(value);
      if (magnitude === 0 || !Number.isFinite(magnitude)) return value;
      if (magnitude >= 65536) return Math.sign(value) * Number.POSITIVE_INFINITY;
      const step = 2 ** Math.max(floorLog2(magnitude) - 10, -24);
      return Math.sign(value) * Math.floor(magnitude / step) * step;
    }),
};

/** The upper half of a float32, to nearest, ties to even. */
export const bfloat16: QuantizerDefinition = {
  description: "bfloat16, to nearest even",
  parameters: [],
  roles: ["weight", "output"],
  create: () => (values) => values.map(roundToBfloat16),
};
