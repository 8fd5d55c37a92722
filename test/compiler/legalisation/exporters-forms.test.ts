/** Forms in which files of quantizing tools stand: other domains, operators in one, a scale and a zero point of different shapes. */
import { describe, expect, it } from "vitest";
import { readOnnxModel } from "../../../compiler/importers/onnx/model.ts";
import { legalise } from "../../../compiler/legalisation/index.ts";
import { interpret } from "../../../compiler/tensor-graph/evaluation/interpret.ts";
import { numbersOf, tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { encodeModel, type ModelSketch } from "../importers/onnx-model.ts";
import { channelsLastElements } from "./compare.ts";
import { compiled, float, runOnMachine, scalar } from "./small-models.ts";

const WIDE = { default: { datapath: "wide", format: "16,8" } };
const QONNX = "qonnx.custom_op.general";

/** The machine's values and the interpreter's, in the order in which the machine's lie. */
function answers(sketch: ModelSketch, image: readonly number[]): readonly [readonly number[], readonly number[]] {
  const graph = readOnnxModel(encodeModel({ opset: 13, ...sketch }), "sketch.onnx");
  const shape = (graph.inputs[0]?.shape ?? []) as readonly number[];
  const x = tensorFrom("float32", shape, image);
  const [output] = interpret(graph, new Map([["x", x]])).values();
  const expected = output === undefined ? [] : channelsLastElements(output.shape, Array.from(numbersOf(output)));
  const machine = compiled(legalise(graph, { where: "sketch.onnx" }), WIDE);
  const stored = machine.graph.input.shape.length === 3 ? channelsLastElements(shape, image) : image;
  return [runOnMachine(machine, stored), expected];
}

describe("files of quantizing tools", () => {
  it("QONNX's operators with channels last: convolution, pools, batch normalization", () => {
    const domain = "qonnx.custom_op.channels_last";
    const node = (operator: string, inputs: string[], output: string, attributes = {}) => ({
      operator,
      domain,
      inputs,
      outputs: [output],
      name: output,
      attributes,
    });
    const vector = (...numbers: number[]): AnyTensor => float([numbers.length], numbers);
    const sketch: ModelSketch = {
      domains: { [domain]: 1 },
      inputs: { x: { shape: [1, 2, 4, 6] } },
      constants: {
        w: float([3, 2, 1, 1], [1, -0.5, 0.25, 2, -1, 0.75]),
        gamma: vector(1, 2, 0.5),
        beta: vector(0.25, 0, -1),
        mean: vector(0, 1, 0.5),
        variance: vector(1, 1, 1),
      },
      nodes: [
        { operator: "Transpose", inputs: ["x"], outputs: ["t"], name: "t", attributes: { perm: [0n, 2n, 3n, 1n] } },
        node("Conv", ["t", "w"], "conv", { kernel_shape: [1n, 1n] }),
        node("BatchNormalization", ["conv", "gamma", "beta", "mean", "variance"], "bn", { epsilon: 0 }),
        node("MaxPool", ["bn"], "max", { kernel_shape: [2n, 2n], strides: [2n, 2n] }),
        node("AveragePool", ["max"], "mean1", { kernel_shape: [1n, 2n] }),
        { operator: "Transpose", inputs: ["mean1"], outputs: ["y"], name: "y", attributes: { perm: [0n, 3n, 1n, 2n] } },
      ],
      outputs: ["y"],
    };
    const image = Array.from({ length: 48 }, (_, index) => ((index * 37) % 64) / 16 - 2);
    const [found, expected] = answers(sketch, image);
    expect(found.length).toBe(expected.length);
    for (const [index, value] of found.entries()) expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 1);
  });

  const dense = { operator: "MatMul", inputs: ["x", "w"], outputs: ["s"], name: "fc" };
  const inputs = { x: { shape: [1, 2] } };

  for (const domain of ["", QONNX, "onnx.brevitas"]) {
    it(`Quant under the domain "${domain}"`, () => {
      const constants = { w: float([2, 2], [1, 0, 0, 1]), one: scalar(1), zero: scalar(0), bits: scalar(4) };
      const quant = { operator: "Quant", domain, inputs: ["s", "one", "zero", "bits"], outputs: ["y"], name: "q" };
      const attributes = { narrow: 0n, rounding_mode: "ROUND", signed: 1n };
      const [found, expected] = answers(
        { domains: { [QONNX]: 1 }, inputs, constants, nodes: [dense, { ...quant, attributes }], outputs: ["y"] },
        [1.25, 11],
      );
      expect(expected).toEqual([1, 7]);
      expect(found).toEqual(expected);
    });
  }

  for (const [what, node] of [
    ["BipolarQuant", { operator: "BipolarQuant", inputs: ["s", "scale"] }],
    [
      "Quant to one signed bit",
      { operator: "Quant", inputs: ["s", "scale", "zero", "bit"], attributes: { signed: 1n } },
    ],
  ] as const) {
    it(`${what} of an activation: −1 below 0, 1 from 0 up`, () => {
      const constants = {
        w: float([2, 2], [1, 0, 0, 1]),
        identity: float([2, 2], [1, 0, 0, 1]),
        scale: scalar(1),
        zero: scalar(0),
        bit: scalar(1),
      };
      const sign = { ...node, domain: QONNX, outputs: ["b"], name: "sign" };
      const last = { operator: "MatMul", inputs: ["b", "identity"], outputs: ["y"], name: "fc2" };
      for (const image of [
        [0, -1 / 256],
        [127, -128],
        [1 / 256, -3],
      ]) {
        const sketch = { domains: { [QONNX]: 1 }, inputs, constants, nodes: [dense, sign, last], outputs: ["y"] };
        const [found, expected] = answers(sketch, image);
        expect(expected).toEqual([1, -1]);
        expect(found).toEqual(expected);
      }
    });
  }

  it("a bias whose scale is [1] and whose zero point is []", () => {
    const constants = {
      wq: tensorFrom("int8", [2, 2], [64, 0, 0, 64]),
      ws: scalar(1 / 64),
      wz: tensorFrom("int8", [], [0]),
      bq: tensorFrom("int32", [2], [64, -64]),
      bs: float([1], [1 / 64]),
      bz: tensorFrom("int32", [], [0]),
    };
    const nodes = [
      { operator: "DequantizeLinear", inputs: ["wq", "ws", "wz"], outputs: ["w"], name: "w" },
      { operator: "DequantizeLinear", inputs: ["bq", "bs", "bz"], outputs: ["b"], name: "b" },
      { operator: "Gemm", inputs: ["x", "w", "b"], outputs: ["y"], name: "fc" },
    ];
    const [found, expected] = answers({ inputs, constants, nodes, outputs: ["y"] }, [1, 2]);
    expect(expected).toEqual([2, 1]);
    expect(found).toEqual(expected);
  });

  it("QLinearConv with scales that are powers of two becomes registers", () => {
    const constants = {
      s: scalar(1 / 16),
      z: tensorFrom("int8", [], [0]),
      wq: tensorFrom("int8", [1, 1, 1, 1], [16]),
    };
    const nodes = [
      { operator: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["q"], name: "q" },
      { operator: "QLinearConv", inputs: ["q", "s", "z", "wq", "s", "z", "s", "z"], outputs: ["c"], name: "conv" },
      { operator: "DequantizeLinear", inputs: ["c", "s", "z"], outputs: ["y"], name: "d" },
    ];
    const [found, expected] = answers(
      { inputs: { x: { shape: [1, 1, 1, 2] } }, constants, nodes, outputs: ["y"] },
      [1, -0.5],
    );
    expect(expected).toEqual([1, -0.5]);
    expect(found).toEqual(expected);
  });
});
