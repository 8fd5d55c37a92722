import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codebook, nearestEntry } from "../../../compiler/quantization/quantizers/codebook.ts";
import { applyQuantizer, type QuantizerContext } from "../../../compiler/quantization/quantizers/quantizer.ts";
import { QUANTIZERS, quantizerOf, registerQuantizer } from "../../../compiler/quantization/quantizers/table.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";

const WEIGHT: QuantizerContext = { role: "weight", layer: "conv1", seed: 1 };

function quantized(text: string, values: ArrayLike<number>, role: QuantizerContext["role"] = "weight"): number[] {
  const quantizer = quantizerOf(text, role, "test");
  return Array.from(applyQuantizer(quantizer, Float32Array.from(values), { ...WEIGHT, role }, "test"));
}

const float = Math.fround;

describe("values computed by hand", () => {
  it("binary: the sign of 0 and −0 is +", () => {
    expect(quantized("binary", [0.1, -0.2, 0, -0])).toEqual([1, -1, 1, 1]);
    expect(quantized("binary:0.25", [3, -3])).toEqual([0.25, -0.25]);
    expect(quantized("binary-scaled", [1, -2, 3])).toEqual([2, -2, 2]);
  });

  it("ternary: a value on the threshold becomes 0", () => {
    // mean |x| = 1, t = 0.7
    expect(quantized("ternary", [2, -1, 0.5, -0.5])).toEqual([1, -1, 0, 0]);
    expect(quantized("ternary:2,0.5", [2, -1, 0.5, -0.5, -0.6])).toEqual([2, -2, 0, 0, -2]);
    expect(quantized("ternary-scaled", [2, -1, 0.5, -0.5])).toEqual([1.5, -1.5, 0, 0]);
    expect(quantized("ternary-scaled", [0, 0])).toEqual([0, 0]);
  });

  it("dorefa: tanh-normalised weights, clipped outputs, ties to even", () => {
    expect(quantized("dorefa:2", [-1, 1, 0.01, 0])).toEqual([-1, 1, float(1 / 3), float(1 / 3)]);
    expect(quantized("dorefa:1", [1, -2, 3])).toEqual([2, -2, 2]);
    expect(quantized("dorefa:3", [0, 0])).toEqual([0, 0]);
    expect(quantized("dorefa:2", [-1, 0.1, 0.5, 0.9, 7], "output")).toEqual([0, 0, float(2 / 3), 1, 1]);
    expect(quantized("dorefa:1", [0.5, 0.51], "output")).toEqual([0, 1]);
  });

  it("logarithmic: by the logarithm, and floor; 0 stays 0", () => {
    expect(quantized("logarithmic", [1.41, 1.42, -3, 3, 0, 0.7, 0.71])).toEqual([1, 2, -4, 4, 0, 0.5, 1]);
    expect(quantized("logarithmic-floor", [1.999, 3, -3, 4, 0, 2 ** -149])).toEqual([1, 2, -2, 4, 0, 2 ** -149]);
    expect(quantized("logarithmic:-2,1", [100, -0.001, 0])).toEqual([2, -0.25, 0]);
    expect(quantized("logarithmic", [3.4e38])).toEqual([2 ** 127]);
  });

  it("kmeans: the means of the stretches around linear starts; halfway belongs to the lower", () => {
    // Starts 0, 5, 10: {0, 1}, {4, 6}, {10}; means 0.5, 5, 10 stay.
    expect(quantized("kmeans:3", [0, 1, 4, 6, 10])).toEqual([0.5, 0.5, 5, 5, 10]);
    expect(quantized("kmeans:1", [1, 2, 6])).toEqual([3, 3, 3]);
    expect(quantized("kmeans:4", [2, 2, 2])).toEqual([2, 2, 2]);
    expect(nearestEntry(Float64Array.of(0, 1, 5), 0.5)).toBe(0);
    expect(nearestEntry(Float64Array.of(0, 1, 5), 3.01)).toBe(5);
    expect(Array.from(codebook(Float32Array.of(0, 0, 8), 3))).toEqual([0, 4, 8]);
  });

  it("hash: one bucket is the mean of the signed weights, and the same positions share it", () => {
    const values = Float32Array.from({ length: 1000 }, (_, index) => Math.sin(index));
    const shared = quantized("hash:7", values);
    expect(new Set(shared.map((value) => Math.abs(value))).size).toBeLessThanOrEqual(7);
    expect(quantized("hash:7", values)).toEqual(shared);
    const other = applyQuantizer(quantizerOf("hash:7", "weight", "test"), values, { ...WEIGHT, seed: 2 }, "test");
    expect(Array.from(other)).not.toEqual(shared);
    // Constant magnitudes in one bucket: |mean of signs| of the drawn signs.
    const ones = quantized("hash:1", new Float32Array(100).fill(1));
    const plus = ones.filter((value) => value > 0).length;
    expect(Math.abs(ones[0] ?? 0)).toBeCloseTo(Math.abs((2 * Math.max(plus, 100 - plus) - 100) / 100), 6);
  });

  it("prune: a value at the threshold goes", () => {
    expect(quantized("prune:0.5", [0.5, -0.5, 0.51, -2, 0])).toEqual([0, 0, float(0.51), -2, 0]);
  });

  it("short floats: nearest even and truncated, down to the subnormals", () => {
    expect(quantized("fp16", [1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 2 ** -25, 3 * 2 ** -26])).toEqual([
      1,
      1 + 2 ** -9,
      65504,
      0,
      2 ** -24,
    ]);
    expect(quantized("fp16-truncated", [1 + 3 * 2 ** -11, -65535, -1.99999, 2 ** -24 * 1.9, 2 ** -25])).toEqual([
      1 + 2 ** -10,
      -65504,
      -(2 - 2 ** -10),
      2 ** -24,
      0,
    ]);
    expect(quantized("bfloat16", [1 + 2 ** -8, 1 + 3 * 2 ** -8])).toEqual([1, 1 + 2 ** -6]);
  });
});

describe("properties", () => {
  const tensors = fc.float32Array({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000, maxLength: 40 });
  const TEXTS = [
    "binary:0.5",
    "ternary:1,0.25",
    "logarithmic",
    "logarithmic-floor:-9,3",
    "prune:0.125",
    "fp16",
    "fp16-truncated",
    "bfloat16",
    "binary-scaled",
  ];

  it.each(TEXTS)("%s is idempotent", (text) => {
    fc.assert(
      fc.property(tensors, (values) => {
        const once = quantized(text, values);
        const twice = quantized(text, once);
        for (const [index, value] of once.entries()) {
          // The mean of equal magnitudes may differ in the last bit of its sum.
          expect(Math.abs((twice[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -22);
        }
      }),
    );
  });

  it("every quantizer keeps the length, is finite and gives the same again; the input stays as it was", () => {
    const texts = [...TEXTS, "binary", "ternary", "ternary-scaled", "dorefa:1", "dorefa:5", "kmeans:3", "hash:4"];
    expect(new Set(texts.map((text) => text.split(":")[0]))).toEqual(new Set(Object.keys(QUANTIZERS)));
    fc.assert(
      fc.property(tensors, fc.constantFrom(...texts), (values, text) => {
        const before = Array.from(values);
        const once = quantized(text, values);
        expect(once.length).toBe(values.length);
        expect(once.every(Number.isFinite)).toBe(true);
        expect(quantized(text, values)).toEqual(once);
        expect(Array.from(values)).toEqual(before);
      }),
    );
  });

  it("bounds hold: a power of two within a factor √2, binary16 within half a step, n centroids at most", () => {
    fc.assert(
      fc.property(tensors, fc.integer({ min: 1, max: 9 }), (values, clusters) => {
        const powers = quantized("logarithmic", values);
        const halves = quantized("fp16", values);
        for (const [index, value] of values.entries()) {
          const power = powers[index] ?? 0;
          if (value !== 0) expect(Math.abs(Math.log2(Math.abs(power / value)))).toBeLessThanOrEqual(0.5 + 1e-12);
          const step = 2 ** Math.max(Math.floor(Math.log2(Math.abs(value))) - 10, -24);
          expect(Math.abs((halves[index] ?? 0) - value)).toBeLessThanOrEqual(step / 2);
        }
        const entries = quantized(`kmeans:${clusters}`, values);
        expect(new Set(entries).size).toBeLessThanOrEqual(clusters);
        const squared = (other: readonly number[]): number =>
          values.reduce((sum, value, index) => sum + (value - (other[index] ?? 0)) ** 2, 0);
        // No worse than one centroid for all, but for the rounding of centroids to float32.
        const single = squared(quantized("kmeans:1", values));
        expect(squared(entries)).toBeLessThanOrEqual(single * (1 + 1e-5) + 1e-6);
      }),
    );
  });
});

describe("names", () => {
  it.each([
    ["ternery", "did you mean ternary"],
    ["dorefa", "bits is missing, expected an integer from 1 to 16"],
    ["dorefa:4.5", "bits is 4.5"],
    ["prune:-1", "threshold is -1"],
    ["prune:", "threshold is "],
    ["binary:1,2", "takes 1 parameters"],
    ["toString", "unknown quantizer"],
  ])("%s is refused with a reason", (text, reason) => {
    expect(() => quantizerOf(text, "weight", "here")).toThrow(reason);
  });

  it("hash is for weights alone, and what leaves float32 or binary16 is refused", () => {
    expect(() => quantizerOf("hash:4", "output", "here")).toThrow("hash quantizes weight alone");
    expect(() => quantized("fp16", [1, 70000])).toThrow(/fp16 makes Infinity of 70000 \(element 1\)/);
  });

  it("users' own quantizers are found by their names, once", () => {
    registerQuantizer({ name: "halves", quantize: (values) => values.map((value) => Math.round(value * 2) / 2) });
    expect(quantized("halves", [0.3, 1.2])).toEqual([0.5, 1]);
    expect(() => registerQuantizer({ name: "halves", quantize: (values) => values })).toThrow("there already");
    expect(() => registerQuantizer({ name: "a:b", quantize: (values) => values })).toThrow(DiagnosticError);
    registerQuantizer({ name: "short", quantize: (values) => values.slice(1) });
    expect(() => quantized("short", [1, 2])).toThrow("gave no Float32Array of 2 values");
  });
});
