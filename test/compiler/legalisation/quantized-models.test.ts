import { describe, expect, it } from "vitest";
import { legalise } from "../../../compiler/legalisation/index.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, TensorGraph } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { channelsLastElements, interpreted } from "./compare.ts";
import { Draw } from "./random-network.ts";
import { compiled, float, model, runOnMachine, scalar, type WrittenNode } from "./small-models.ts";

const where = "quantized.onnx";
const draw = new Draw(11);
const SHAPE = [1, 2, 4, 5];

const quantize = (name: string, x: string, scale: string, zero: string): readonly WrittenNode[] => [
  { name: `${name}/q`, operator: "QuantizeLinear", inputs: [x, scale, zero] },
  { name, operator: "DequantizeLinear", inputs: [`${name}/q'`, scale, zero] },
];

const int8 = (shape: readonly number[], low = -100, high = 100): AnyTensor =>
  tensorFrom(
    "int8",
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => draw.int(low, high)),
  );

const constants: Readonly<Record<string, AnyTensor>> = {
  weights: int8([3, 2, 3, 3]),
  bias: tensorFrom("int32", [3], [400, -300, 77]),
  fc: int8([4, 60]),
  "2^-1": scalar(2 ** -1),
  "2^-4": scalar(2 ** -4),
  "2^-5": scalar(2 ** -5),
  "2^-7": scalar(2 ** -7),
  "2^-11": scalar(2 ** -11),
  "0.1": scalar(0.1),
  i8: tensorFrom("int8", [], [0]),
  i32: tensorFrom("int32", [], [0]),
  u8: tensorFrom("uint8", [], [0]),
  "u8+128": tensorFrom("uint8", [], [128]),
  "u8+3": tensorFrom("uint8", [], [3]),
  "i8-128": tensorFrom("int8", [], [-128]),
};

/** Conv, Relu and Gemm between quantizers with the scales and zero points named. */
function quantizedNetwork(input: readonly [string, string], between: readonly [string, string]): TensorGraph {
  return model(SHAPE, constants, [
    ...quantize("xq", "x", ...input),
    { name: "w", operator: "DequantizeLinear", inputs: ["weights", "2^-7", "i8"] },
    { name: "b", operator: "DequantizeLinear", inputs: ["bias", "2^-11", "i32"] },
    { name: "conv", operator: "Conv", inputs: ["xq'", "w'", "b'"], attributes: { pads: [1, 1, 1, 1] } },
    { name: "relu", operator: "Relu", inputs: ["conv'"] },
    ...quantize("yq", "relu'", ...between),
    { name: "flat", operator: "Flatten", inputs: ["yq'"] },
    { name: "v", operator: "DequantizeLinear", inputs: ["fc", "2^-7", "i8"] },
    { name: "vt", operator: "Transpose", inputs: ["v'"] },
    { name: "dense", operator: "MatMul", inputs: ["flat'", "vt'"] },
    ...quantize("zq", "dense'", "2^-4", "i8"),
  ]);
}

/** Largest difference of two lists of numbers. */
function distance(a: readonly number[], b: readonly number[]): number {
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? Number.NaN))), 0);
}

/** The machine's outputs and the interpreter's on a drawn image. */
function bothOutputs(tensorGraph: TensorGraph): readonly [readonly number[], readonly number[]] {
  const data = draw.numbers(40, -3, 3).map(Math.fround);
  const network = legalise(tensorGraph, { where });
  const found = runOnMachine(compiled(network), channelsLastElements(SHAPE, data));
  return [found, Array.from(interpreted(tensorGraph, data))];
}

describe("QuantizeLinear and DequantizeLinear with powers of two", () => {
  it("become the registers of the layers around them", () => {
    const { assignment } = legalise(quantizedNetwork(["2^-4", "i8"], ["2^-5", "u8"]), { where });
    const style = { rounding: "nearest-even", overflow: "saturate" };
    expect(assignment).toEqual({
      layers: {
        conv: {
          datapath: "wide",
          input: { format: "8,4", ...style },
          weight: { format: "8,7", ...style },
          bias: { format: "32,11", ...style },
          output: { format: "u8,5", ...style },
        },
        dense: { datapath: "wide", weight: { format: "8,7", ...style }, output: { format: "8,4", ...style } },
      },
    });
  });

  it("give the machine the words that the interpreter gives, for every pair of zero points", () => {
    for (const [input, between] of [
      ["i8", "u8"],
      ["u8+128", "i8"],
      ["i8-128", "u8+128"],
    ] as const) {
      const [found, expected] = bothOutputs(quantizedNetwork(["2^-4", input], ["2^-5", between]));
      expect({ input, between, found }).toEqual({ input, between, found: expected });
      expect(new Set(found).size).toBeGreaterThan(1);
    }
  });

  it("become words with a scale or a zero point that no format has", () => {
    const odd = legalise(quantizedNetwork(["2^-4", "i8"], ["0.1", "u8"]), { where });
    expect(odd.graph.input.words).toEqual({
      scale: 1 / 16,
      zeroPoint: 0,
      lowest: -128,
      highest: 127,
      rounding: "nearest-even",
    });
    const { graph, assignment } = legalise(quantizedNetwork(["2^-4", "u8+3"], ["2^-5", "u8"]), { where });
    expect(graph.input.words).toMatchObject({ zeroPoint: 3, lowest: -3, highest: 252 });
    expect(graph.nodes.find(({ name }) => name === "conv")?.unit).toEqual({ scale: 1 / 32, zeroPoint: 0 });
    expect(assignment.layers?.conv?.input).toMatchObject({ format: "9,0" });
  });

  it("on one branch of two are read so by the layers of that branch alone", () => {
    const { assignment } = legalise(
      model(SHAPE, constants, [
        { name: "base", operator: "Relu", inputs: ["x"] },
        ...quantize("q", "base'", "2^-4", "u8"),
        { name: "w", operator: "DequantizeLinear", inputs: ["weights", "2^-7", "i8"] },
        { name: "fine", operator: "Conv", inputs: ["base'", "w'"] },
        { name: "coarse", operator: "Conv", inputs: ["q'", "w'"] },
        { name: "sum", operator: "Add", inputs: ["fine'", "coarse'"] },
      ]),
      { where },
    );
    expect(assignment.layers?.coarse?.input).toMatchObject({ format: "u8,4" });
    expect(assignment.layers?.fine?.input).toBeUndefined();
    expect(assignment.layers?.base).toBeUndefined();
  });

  it("before a normalization keep the normalization behind them", () => {
    const tensorGraph = model(SHAPE, { ...constants, two: float([3], [2, 2, 3]), one: float([3], [1, 1, 1]) }, [
      { name: "w", operator: "DequantizeLinear", inputs: ["weights", "2^-7", "i8"] },
      { name: "conv", operator: "Conv", inputs: ["x", "w'"] },
      ...quantize("q", "conv'", "2^-4", "i8"),
      { name: "bn", operator: "BatchNormalization", inputs: ["q'", "two", "one", "one", "one"] },
    ]);
    const { assignment } = legalise(tensorGraph, { where });
    expect(assignment.layers?.conv).toMatchObject({ weight: { format: "8,7" }, output: { format: "8,4" } });
    const data = draw.numbers(40, -1, 1).map((value) => Math.round(value * 32) / 32);
    const fine = { default: { datapath: "wide", format: "24,12" } };
    const found = runOnMachine(compiled(legalise(tensorGraph, { where }), fine), channelsLastElements(SHAPE, data));
    expect(
      distance(found, channelsLastElements([1, 3, 2, 3], Array.from(interpreted(tensorGraph, data)))),
    ).toBeLessThan(0.01);
  });
});

describe("Quant and Trunc of QONNX", () => {
  const domain = "qonnx.custom_op.general";
  const bits = (count: number): AnyTensor => scalar(count);
  const qonnx = {
    ...constants,
    zero: scalar(0),
    "4 bits": bits(4),
    "8 bits": bits(8),
    raw: float([3, 2, 3, 3], draw.numbers(54)),
  };
  const quant = (
    name: string,
    x: string,
    scale: string,
    width: string,
    attributes: Readonly<Record<string, number | string>>,
  ): WrittenNode => ({ name, operator: "Quant", domain, opset: 1, inputs: [x, scale, "zero", width], attributes });

  const network = model(SHAPE, qonnx, [
    quant("xq", "x", "2^-4", "8 bits", { signed: 1, narrow: 0, rounding_mode: "FLOOR" }),
    quant("w", "raw", "2^-7", "8 bits", { signed: 1, narrow: 1, rounding_mode: "ROUND" }),
    { name: "conv", operator: "Conv", inputs: ["xq'", "w'"] },
    { name: "relu", operator: "Relu", inputs: ["conv'"] },
    quant("yq", "relu'", "2^-1", "4 bits", { signed: 0, narrow: 0, rounding_mode: "HALF_UP" }),
    { name: "flat", operator: "Flatten", inputs: ["yq'"] },
  ]);

  it("map to formats and to what their rounding modes really do", () => {
    const { assignment } = legalise(network, { where });
    expect(assignment.layers?.conv).toEqual({
      datapath: "wide",
      input: { format: "8,4", rounding: "down", overflow: "saturate" },
      weight: { format: "8,7", rounding: "nearest-even", overflow: "saturate-symmetric" },
      output: { format: "u4,1", rounding: "nearest", overflow: "saturate" },
    });
  });

  it("give the machine the words that the interpreter gives", () => {
    const network_ = { ...network, nodes: network.nodes.slice(0, -1), outputs: ["yq'"] };
    const data = draw.numbers(40, -3, 3).map(Math.fround);
    const found = runOnMachine(compiled(legalise(network_, { where })), channelsLastElements(SHAPE, data));
    const expected = Array.from(interpreted(network_, data));
    expect(found).toEqual(channelsLastElements([1, 3, 2, 3], expected));
    expect(new Set(found).size).toBeGreaterThan(3);
  });

  it("an unsigned narrow range, which no register has, is cut by a clip", () => {
    const narrow = model(SHAPE, qonnx, [
      quant("q", "x", "2^-4", "8 bits", { signed: 0, narrow: 1 }),
      { name: "relu", operator: "Relu", inputs: ["q'"] },
    ]);
    expect(legalise(narrow, { where }).graph.input.words).toMatchObject({ lowest: 0, highest: 254 });
  });

  it("Trunc moves the value to the right of its grid", () => {
    const trunc = model(SHAPE, qonnx, [
      quant("xq", "x", "2^-4", "8 bits", { signed: 1, narrow: 0, rounding_mode: "ROUND" }),
      {
        name: "trunc",
        operator: "Trunc",
        domain,
        opset: 1,
        inputs: ["xq'", "2^-4", "zero", "8 bits", "4 bits"],
        attributes: { rounding_mode: "FLOOR" },
      },
    ]);
    const data = draw.numbers(40, -7, 7).map(Math.fround);
    const network_ = compiled(legalise(trunc, { where }), { default: { datapath: "wide", format: "16,8" } });
    const found = runOnMachine(network_, channelsLastElements(SHAPE, data));
    expect(found).toEqual(channelsLastElements(SHAPE, Array.from(interpreted(trunc, data))));
  });
});

describe("an integer input", () => {
  it("counts in its own words until it is dequantized", () => {
    const pixels = model(SHAPE, constants, [
      { name: "real", operator: "DequantizeLinear", inputs: ["x", "2^-7", "u8+128"] },
      { name: "relu", operator: "Relu", inputs: ["real'"] },
    ]);
    const typed: TensorGraph = { ...pixels, inputs: [{ name: "x", type: "uint8", shape: SHAPE }] };
    const { graph, assignment } = legalise(typed, { where });
    expect(graph.nodes.map(({ op }) => op)).toEqual(["batchNormalization", "activation"]);
    expect(assignment.layers?.real).toEqual({
      input: { format: "u8,0", rounding: "nearest-even", overflow: "saturate" },
    });
  });

  it("cannot be computed by the network", () => {
    const cast = model(SHAPE, constants, [
      { name: "sum", operator: "Relu", inputs: ["x"] },
      { name: "cast", operator: "Cast", inputs: ["sum'"], attributes: { to: 6 } },
    ]);
    expect(() => legalise(cast, { where })).toThrow(DiagnosticError);
    expect(() => legalise(cast, { where })).toThrow(/node "cast" \(Cast, opset 17\), output: converts a value/);
  });
});
