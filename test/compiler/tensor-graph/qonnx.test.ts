import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runNode } from "../../../compiler/tensor-graph/evaluation/evaluate-node.ts";
import { findOperator } from "../../../compiler/tensor-graph/operators/table.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, TensorNode } from "../../../compiler/tensor-graph/tensor-graph.ts";

const DOMAINS = ["qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general"] as const;

interface Call {
  readonly operator: string;
  readonly version?: number;
  readonly domain?: string;
  readonly attributes?: TensorNode["attributes"];
  readonly inputs: readonly (readonly number[] | number)[];
}

function run({ operator, version = 1, domain = DOMAINS[0], attributes = {}, inputs }: Call): readonly number[] {
  const node: TensorNode = {
    name: "q",
    operator,
    domain,
    opset: version,
    inputs: inputs.map((_, position) => `x${position}`),
    outputs: ["y"],
    attributes,
  };
  const tensors = inputs.map(
    (value): AnyTensor =>
      typeof value === "number" ? tensorFrom("float32", [], [value]) : tensorFrom("float32", [value.length], value),
  );
  const [y] = runNode(node, findOperator(node, "test"), tensors, "test");
  return Array.from(y?.data ?? [], Number);
}

/** Ties and their neighbours. */
const HALVES = [-2.5, -1.5, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1.5, 2.5] as const;

describe("Quant of QONNX", () => {
  it.each<[string, readonly number[]]>([
    ["ROUND", [-2, -2, -1, 0, 0, 0, 0, 0, 1, 2, 2]],
    ["half_even", [-2, -2, -1, 0, 0, 0, 0, 0, 1, 2, 2]],
    ["HALF_UP", [-3, -2, -1, -1, 0, 0, 0, 1, 1, 2, 3]],
    ["HALF_DOWN", [-2, -1, -1, 0, 0, 0, 0, 0, 1, 1, 2]],
    ["FLOOR", [-3, -2, -1, -1, -1, 0, 0, 0, 0, 1, 2]],
    ["ceil", [-2, -1, 0, 0, 0, 0, 1, 1, 1, 2, 3]],
    ["UP", [-3, -2, -1, -1, -1, 0, 1, 1, 1, 2, 3]],
    ["DOWN", [-2, -1, 0, 0, 0, 0, 0, 0, 0, 1, 2]],
  ])("%s is what its name hides", (mode, expected) => {
    const y = run({ operator: "Quant", attributes: { rounding_mode: mode, narrow: 0 }, inputs: [HALVES, 1, 0, 8] });
    expect(y.map((value) => value + 0)).toEqual(expected);
  });

  it.each<[string, TensorNode["attributes"], readonly [number, number]]>([
    ["signed", { signed: 1, narrow: 0 }, [-8, 7]],
    ["signed, narrow", { signed: 1, narrow: 1 }, [-7, 7]],
    ["unsigned", { signed: 0, narrow: 0 }, [0, 15]],
    ["unsigned, narrow", { signed: 0, narrow: 1 }, [0, 14]],
    ["as the attributes' defaults, signed and narrow", {}, [-7, 7]],
  ])("4 bits %s", (_what, attributes, [least, greatest]) => {
    expect(run({ operator: "Quant", attributes, inputs: [[-100, 100], 1, 0, 4] })).toEqual([least + 0, greatest]);
  });

  it("yields multiples of its scale within range that are nearest to x", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -4000, max: 4000 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 2, max: 8 }),
        fc.integer({ min: -4, max: 4 }),
        (numbers, bits, exponent) => {
          const step = 2 ** exponent;
          const x = numbers.map((value) => value / 64);
          const y = run({ operator: "Quant", attributes: { narrow: 0 }, inputs: [x, step, 0, bits] });
          for (const [index, value] of y.entries()) {
            const word = value / step;
            const exact = Math.min(Math.max((x[index] ?? 0) / step, -(2 ** (bits - 1))), 2 ** (bits - 1) - 1);
            expect(Number.isInteger(word)).toBe(true);
            expect(Math.abs(word - exact)).toBeLessThanOrEqual(0.5);
            if (Math.abs(word - exact) === 0.5) expect(Math.abs(word % 2)).toBe(0);
          }
        },
      ),
    );
  });

  it("takes a zero point and one scale per element", () => {
    const y = run({
      operator: "Quant",
      attributes: { signed: 0, narrow: 0 },
      inputs: [[-2, 0.3, 9], [1, 0.25, 2], 3, 3],
    });
    // Words 1, 4, 7 (of 7.5): less 3, times the scale.
    expect(y).toEqual([-2, 0.25, 8]);
  });

  it("of one signed bit is bipolar", () => {
    expect(run({ operator: "Quant", attributes: { signed: 1 }, inputs: [[-3, -0.1, 0, 2], 0.5, 0, 1] })).toEqual([
      -0.5, -0.5, 0.5, 0.5,
    ]);
  });

  it.each(DOMAINS)("stands in domain %s", (domain) => {
    expect(run({ operator: "Quant", domain, inputs: [[1.2], 0.5, 0, 4] })).toEqual([1]);
  });

  it("refuses a rounding mode it does not know, a width in part bits and a scale of zero", () => {
    expect(() => run({ operator: "Quant", attributes: { rounding_mode: "NEAR" }, inputs: [[1], 1, 0, 4] })).toThrow(
      /rounding_mode: found "NEAR", expected FLOOR/,
    );
    expect(() => run({ operator: "Quant", inputs: [[1], 1, 0, 2.5] })).toThrow(/bitwidth: found 2.5/);
    expect(() => run({ operator: "Quant", inputs: [[1], 0, 0, 4] })).toThrow(/scale: found 0/);
  });
});

describe("BipolarQuant of QONNX", () => {
  it("yields the scale, of x's sign; 0 counts as positive", () => {
    expect(run({ operator: "BipolarQuant", inputs: [[-3, 0, 1e-9], 0.25] })).toEqual([-0.25, 0.25, 0.25]);
  });
});

describe("Trunc of QONNX", () => {
  it("of version 1 drops low bits and keeps the input's scale, so that the value shrinks", () => {
    // Words 13 and −13 lose two bits.
    expect(run({ operator: "Trunc", inputs: [[6.5, -6.5], 0.5, 0, 6, 4] })).toEqual([1.5, -2]);
    expect(run({ operator: "Trunc", attributes: { rounding_mode: "ROUND" }, inputs: [[7, -7], 0.5, 0, 6, 4] })).toEqual(
      [2, -2],
    );
  });

  it("of version 2 drops the bits between the scales, clips and has the output's scale", () => {
    const inputs = [[6.5, -6.5, 100], 0.5, 0, 9, 2, 4] as const;
    expect(run({ operator: "Trunc", version: 2, inputs })).toEqual([6, -8, 14]);
    expect(run({ operator: "Trunc", version: 2, attributes: { signed: 0 }, inputs })).toEqual([6, 0, 30]);
  });
});
