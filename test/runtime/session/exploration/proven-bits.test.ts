import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LayerFacts } from "../../../../compiler/quantization/layer-facts.ts";
import { type DatapathSpec, parseFormat, type RegisterSpec, register } from "../../../../isa/index.ts";
import { provenIntegerBits } from "../../../../runtime/session/exploration/proven-bits.ts";

const spec = (format: string): RegisterSpec => register(parseFormat(format));

const FORMATS: DatapathSpec = {
  input: spec("3,1"),
  weight: spec("4,2"),
  // Wide enough that nothing rounds and nothing saturates.
  product: spec("20,3"),
  accumulator: spec("24,3"),
  bias: spec("6,3"),
  output: spec("24,3"),
  averageDivider: false,
};

function dense(weights: readonly number[], bias: number, terms: number, name = "dense"): LayerFacts {
  return {
    name,
    kind: "dense",
    arithmetic: "matrix",
    producers: ["input"],
    terms,
    weights: Float32Array.from(weights),
    bias: Float32Array.from({ length: weights.length / terms }, () => bias),
    requantization: null,
    secondMultipliers: null,
    slopes: null,
  };
}

/** Whether every value from −2^(I − 1) to below 2^(I − 1) … holds `value`. */
const holds = (integerBits: number, value: number): boolean =>
  value >= -(2 ** (integerBits - 1)) && value < 2 ** (integerBits - 1);

describe("bits beyond which no input can bring a register", () => {
  it("hold every partial sum of every input, and one bit less does not", () => {
    const weight = fc.integer({ min: -8, max: 7 }).map((raw) => raw / 4);
    fc.assert(
      fc.property(
        fc.array(weight, { minLength: 3, maxLength: 3 }),
        fc.integer({ min: -32, max: 31 }),
        (weights, raw) => {
          const bias = raw / 8;
          const bits =
            provenIntegerBits([dense(weights, bias, 3)], new Map([["dense", FORMATS]]), 1).get("dense") ?? {};
          const inputs = Array.from({ length: 8 }, (_, word) => (word - 4) / 2);
          let [least, most, leastProduct, mostProduct] = [0, 0, 0, 0];
          for (const a of inputs) {
            for (const b of inputs) {
              for (const c of inputs) {
                const products = [a, b, c].map((input, index) => input * (weights[index] ?? 0));
                let sum = 0;
                for (const part of [...products, bias]) {
                  sum += part;
                  least = Math.min(least, sum);
                  most = Math.max(most, sum);
                }
                leastProduct = Math.min(leastProduct, ...products);
                mostProduct = Math.max(mostProduct, ...products);
              }
            }
          }
          const { product = 0, accumulator = 0, output = 0 } = bits;
          expect(holds(accumulator, least) && holds(accumulator, most)).toBe(true);
          expect(holds(accumulator - 1, least) && holds(accumulator - 1, most)).toBe(least === 0 && most === 0);
          expect(holds(product, leastProduct) && holds(product, mostProduct)).toBe(true);
          // An input word of 0 keeps the range of a register that is never written at one bit.
          if (weights.some((each) => each !== 0)) {
            expect(holds(product - 1, leastProduct) && holds(product - 1, mostProduct)).toBe(false);
          }
          expect(output).toBe(accumulator);
        },
      ),
    );
  });

  it("hold rounded products too, which can sum to twice the exact sum", () => {
    // 200 products of 0.5 that round to 1 each.
    const formats = {
      ...FORMATS,
      input: spec("8,0"),
      weight: spec("4,2"),
      product: spec("12,0"),
      accumulator: spec("24,0"),
    };
    const layer = dense(
      Array.from({ length: 200 }, () => 0.5),
      0,
      200,
    );
    const bits = provenIntegerBits([layer], new Map([["dense", formats]]), 1).get("dense") ?? {};
    // Greatest product nearest(63.5) = 64: the sum reaches 12,800, which needs 15 bits.
    expect(bits.accumulator).toBe(15);
  });

  it("go on from layer to layer through registers that saturate", () => {
    const narrow = { ...FORMATS, output: spec("4,3") };
    const second = { ...FORMATS, input: narrow.output };
    const layers = [dense([1.75, 1.75], 0, 2, "first"), { ...dense([1], 0, 1, "second"), producers: ["first"] }];
    const bits = provenIntegerBits(
      layers,
      new Map([
        ["first", narrow],
        ["second", second],
      ]),
      1,
    );
    // 2 · 1.75 · −2 = −7 before the output register, which keeps −1 … 0.875 of it.
    expect(bits.get("first")).toMatchObject({ weight: 2, accumulator: 4, output: 4 });
    expect(bits.get("second")).toMatchObject({ input: 1, accumulator: 1 });
    expect(bits.get("first")?.input).toBeUndefined();
  });
});
