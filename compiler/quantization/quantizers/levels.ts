/** Quantizers to a few levels that do not depend on a codebook: binary, ternary, DoReFa, pruning. */
import { roundHalfEven } from "../../tensor-graph/arithmetic/round-number.ts";
import type { QuantizerDefinition, QuantizerParameter } from "./quantizer.ts";

const MAGNITUDE: QuantizerParameter = { name: "magnitude", minimum: 0, maximum: 3e38, integer: false, usual: 1 };

/** Mean of |x|, in float64; 0 of nothing. */
export function meanMagnitude(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += Math.abs(value);
  return values.length === 0 ? 0 : sum / values.length;
}

/** +m where x ≥ 0, −0 included, else −m. BinaryConnect (Courbariaux et al., 2015) with m = 1. */
export const binary: QuantizerDefinition = {
  description: "+m where x ≥ 0, else −m; m = 1",
  parameters: [MAGNITUDE],
  roles: ["weight", "output"],
  create:
    ([magnitude = 1]) =>
    (values) =>
      values.map((value) => (value >= 0 ? magnitude : -magnitude)),
};

/** m = mean |x| over the tensor, which has the least squared error (Rastegari et al., 2016, Eq. 6, for a whole tensor). */
export const binaryScaled: QuantizerDefinition = {
  description: "binary with m = mean |x| of the tensor",
  parameters: [],
  roles: ["weight", "output"],
  create: () => (values) => {
    const magnitude = meanMagnitude(values);
    return values.map((value) => (value >= 0 ? magnitude : -magnitude));
  },
};

/** t = 0.7 · mean |x| (Li et al., Ternary Weight Networks, 2016, Eq. 6); |x| = t becomes 0. */
export function ternaryThreshold(values: Float32Array): number {
  return 0.7 * meanMagnitude(values);
}

/** A threshold below 0 stands for the tensor's own. */
export const ternary: QuantizerDefinition = {
  description: "+m where x > t, −m where x < −t, else 0; m = 1, t = 0.7 · mean |x|",
  parameters: [MAGNITUDE, { name: "threshold", minimum: 0, maximum: 3e38, integer: false, usual: -1 }],
  roles: ["weight", "output"],
  create:
    ([magnitude = 1, threshold = -1]) =>
    (values) => {
      const least = threshold < 0 ? ternaryThreshold(values) : threshold;
      return values.map((value) => ternaryLevel(value, least, magnitude));
    },
};

/** m = mean |x| over the values beyond the threshold: the scale of the same paper, Eq. 5. */
export const ternaryScaled: QuantizerDefinition = {
  description: "ternary with m = mean |x| of the values beyond t",
  parameters: [],
  roles: ["weight", "output"],
  create: () => (values) => {
    const threshold = ternaryThreshold(values);
    const magnitude = meanMagnitude(values.filter((value) => Math.abs(value) > threshold));
    return values.map((value) => ternaryLevel(value, threshold, magnitude));
  },
};

function ternaryLevel(value: number, threshold: number, magnitude: number): number {
  if (value > threshold) return magnitude;
  return value < -threshold ? -magnitude : 0;
}

/**
 * DoReFa-Net (Zhou et al., 2016). q(r) = round((2^k − 1) · r) / (2^k − 1), to nearest, ties to even. Weights, Eq. 9:
 * 2 · q(tanh(x) / (2 · max |tanh(x)|) + 1/2) − 1, and for k = 1 sign(x) · mean |x| (Eq. 7). Outputs: q(min(max(x, 0), 1)).
 * Weights that are all 0 stay 0.
 */
export const dorefa: QuantizerDefinition = {
  description: "k bits: weights tanh-normalised to −1 … 1, outputs clipped to 0 … 1",
  parameters: [{ name: "bits", minimum: 1, maximum: 16, integer: true }],
  roles: ["weight", "output"],
  create:
    ([bits = 1]) =>
    (values, context) => {
      const steps = 2 ** bits - 1;
      const level = (ratio: number): number => roundHalfEven(steps * ratio) / steps;
      if (context.role === "output") return values.map((value) => level(Math.min(Math.max(value, 0), 1)));
      if (bits === 1) return binaryScaled.create([])(values, context);
      let largest = 0;
      for (const value of values) largest = Math.max(largest, Math.abs(Math.tanh(value)));
      if (largest === 0) return values.map(() => 0);
      return values.map((value) => 2 * level(Math.tanh(value) / (2 * largest) + 0.5) - 1);
    },
};

/** TensorQuant's `sparse` as its C++ kernel has it: |x| = t goes too. */
export const prune: QuantizerDefinition = {
  description: "0 where |x| ≤ threshold, else x",
  parameters: [{ name: "threshold", minimum: 0, maximum: 3e38, integer: false }],
  roles: ["weight", "output"],
  create:
    ([threshold = 0]) =>
    (values) =>
      values.map((value) => (Math.abs(value) > threshold ? value : 0)),
};
