import { describe, expect, it } from "vitest";
import { printGraph } from "../../../compiler/graph/print.ts";
import { legalise } from "../../../compiler/legalisation/index.ts";
import { prepareGraph } from "../../../compiler/prepare-graph.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { TensorGraph } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { channelsLastElements, expectNetwork, interpreted } from "./compare.ts";
import { Draw } from "./random-network.ts";
import { compiled, float, integers, model, runOnMachine, scalar } from "./small-models.ts";

const where = "patterns.onnx";
const SHAPE = [1, 3, 2, 2];
const draw = new Draw(5);

const operators = (tensorGraph: TensorGraph): readonly string[] =>
  legalise(tensorGraph, { where }).graph.nodes.map(({ op, name }) => `${name}: ${op}`);

describe("HardSwish as exporters write it", () => {
  const constants = { three: scalar(3), zero: scalar(0), six: scalar(6), sixth: scalar(1 / 6) };
  const gate = [
    { name: "add", operator: "Add", inputs: ["three", "x"] },
    { name: "clip", operator: "Clip", inputs: ["add'", "zero", "six"] },
  ];
  const forms = {
    "x · HardSigmoid(x)": model(SHAPE, constants, [
      { name: "gate", operator: "HardSigmoid", inputs: ["x"], attributes: { alpha: 1 / 6, beta: 0.5 } },
      { name: "swish", operator: "Mul", inputs: ["x", "gate'"] },
    ]),
    "(x · clip(x + 3, 0, 6)) / 6": model(SHAPE, constants, [
      ...gate,
      { name: "mul", operator: "Mul", inputs: ["x", "clip'"] },
      { name: "swish", operator: "Div", inputs: ["mul'", "six"] },
    ]),
    "(clip(x + 3, 0, 6) / 6) · x": model(SHAPE, constants, [
      ...gate,
      { name: "div", operator: "Div", inputs: ["clip'", "six"] },
      { name: "swish", operator: "Mul", inputs: ["div'", "x"] },
    ]),
    "x · (1/6 · clip(x + 3, 0, 6))": model(SHAPE, constants, [
      ...gate,
      { name: "scale", operator: "Mul", inputs: ["sixth", "clip'"] },
      { name: "swish", operator: "Mul", inputs: ["x", "scale'"] },
    ]),
  };
  for (const [form, tensorGraph] of Object.entries(forms)) {
    it(`is one function: ${form}`, () => {
      expect(operators(tensorGraph)).toEqual(["swish: function"]);
      const data = draw.numbers(12, -5, 5).map(Math.fround);
      const { graph } = legalise(tensorGraph, { where });
      const expected = Array.from(interpreted(tensorGraph, data));
      expectNetwork(graph, channelsLastElements(SHAPE, data), channelsLastElements(SHAPE, expected));
    });
  }

  it("stays a product where the gate is another", () => {
    const other = model(SHAPE, constants, [
      { name: "gate", operator: "HardSigmoid", inputs: ["x"], attributes: { alpha: 0.2, beta: 0.5 } },
      { name: "swish", operator: "Mul", inputs: ["x", "gate'"] },
    ]);
    expect(operators(other)).toEqual(["gate: function", "swish: multiply"]);
  });
});

describe("a layer of an integer network", () => {
  const constants = {
    weights: float(
      [4, 3, 1, 1],
      Array.from({ length: 12 }, () => draw.int(-20, 20)),
    ),
    fraction: float([4, 3, 1, 1], draw.numbers(12)),
    kappa: float([1, 4, 1, 1], [3, 5, 7, 2]),
    lambda: float([1, 4, 1, 1], [100, -50, 0, 9]),
    factor: scalar(13),
    eighths: scalar(51 / 8),
    divisor: scalar(4096),
    three: scalar(3),
    low: scalar(0),
    high: scalar(255),
    odd: scalar(200),
  };
  const chain = (weights: string, divisor: string, high: string, scale = "factor"): TensorGraph =>
    model(SHAPE, constants, [
      { name: "conv", operator: "Conv", inputs: ["x", weights] },
      { name: "mul", operator: "Mul", inputs: ["kappa", "conv'"] },
      { name: "add", operator: "Add", inputs: ["mul'", "lambda"] },
      { name: "scale", operator: "Mul", inputs: ["add'", scale] },
      { name: "div", operator: "Div", inputs: ["scale'", divisor] },
      { name: "floor", operator: "Floor", inputs: ["div'"] },
      { name: "clip", operator: "Clip", inputs: ["floor'", "low", high] },
    ]);

  it("is a convolution whose sums are scaled, shifted, rounded down and cut once", () => {
    const [conv, ...others] = legalise(chain("weights", "divisor", "high"), { where }).graph.nodes;
    expect(others).toEqual([]);
    expect(conv).toMatchObject({
      name: "conv",
      requantization: { shift: 12, rounding: "down", minimum: 0, maximum: 255 },
    });
    if (conv?.op !== "conv2d") expect.fail("no convolution");
    expect(Array.from(conv.requantization?.multipliers ?? [])).toEqual([39, 65, 91, 26]);
    expect(Array.from(conv.requantization?.offsets ?? [])).toEqual([1300, -650, 0, 117]);
  });

  it("takes a factor with a binary point as a shift", () => {
    const [conv] = legalise(chain("weights", "divisor", "high", "eighths"), { where }).graph.nodes;
    expect(conv).toMatchObject({ requantization: { shift: 15 } });
  });

  it("gives the machine the integers that the interpreter gives", () => {
    for (const scale of ["factor", "eighths"]) {
      const tensorGraph = chain("weights", "divisor", "high", scale);
      const pixels = Array.from({ length: 12 }, () => draw.int(0, 255));
      const found = runOnMachine(compiled(legalise(tensorGraph, { where })), channelsLastElements(SHAPE, pixels));
      const expected = Array.from(interpreted(tensorGraph, pixels));
      expect(found).toEqual(channelsLastElements([1, 4, 2, 2], expected));
      expect(new Set(found).size).toBeGreaterThan(2);
    }
  });

  it("is none with weights that are not whole, and says what an integer network has", () => {
    const wrong = chain("fraction", "divisor", "high");
    expect(() => legalise(wrong, { where })).toThrow(
      /node "floor" \(Floor, opset 17\): Floor has no place.*whole weights and inputs/,
    );
  });

  it("divides by any constant and clips to any range", () => {
    for (const tensorGraph of [chain("weights", "three", "high"), chain("weights", "divisor", "odd")]) {
      const pixels = Array.from({ length: 12 }, () => draw.int(0, 255));
      const found = runOnMachine(compiled(legalise(tensorGraph, { where })), channelsLastElements(SHAPE, pixels));
      expect(found).toEqual(channelsLastElements([1, 4, 2, 2], Array.from(interpreted(tensorGraph, pixels))));
    }
  });
});

describe("parametric ReLU", () => {
  const relu = (slopes: readonly number[]): TensorGraph =>
    model(SHAPE, { slope: float([slopes.length, 1, 1], slopes) }, [
      { name: "prelu", operator: "PRelu", inputs: ["x", "slope"] },
    ]);

  it("before a convolution takes the image as that does", () => {
    const constants = { slope: float([3, 1, 1], [0.25, -1, 2]), w: float([1, 3, 1, 1], [1, 2, 3]) };
    const nodes = [
      { name: "prelu", operator: "PRelu", inputs: ["x", "slope"] },
      { name: "conv", operator: "Conv", inputs: ["prelu'", "w"] },
    ];
    expect(operators(model(SHAPE, constants, nodes))).toEqual(["prelu: prelu", "conv: conv2d"]);
  });

  it("with one slope is a leaky ReLU", () => {
    expect(operators(relu([0.25, 0.25, 0.25]))).toEqual(["prelu: function"]);
  });

  it("with a slope per channel is one node", () => {
    const tensorGraph = relu([0.25, -1, 2]);
    expect(operators(tensorGraph)).toEqual(["prelu: prelu"]);
    const data = draw.numbers(12, -2, 2).map(Math.fround);
    const expected = channelsLastElements(SHAPE, Array.from(interpreted(tensorGraph, data)));
    expectNetwork(legalise(tensorGraph, { where }).graph, channelsLastElements(SHAPE, data), expected);
  });
});

describe("outputs", () => {
  const weights = { w: float([3, 4], draw.numbers(12)), first: integers([0]), second: tensorFrom("int64", [], [1]) };

  it("that are the elements of one vector in order are that vector", () => {
    const gathers = [0, 1, 2, 3].map((index) => ({
      name: `gather${index}`,
      operator: "Gather",
      inputs: ["dense'", `i${index}`],
      attributes: { axis: 1 },
    }));
    const indices = Object.fromEntries([0, 1, 2, 3].map((index) => [`i${index}`, tensorFrom("int64", [], [index])]));
    const tensorGraph = model(
      [1, 3],
      { ...weights, ...indices },
      [{ name: "dense", operator: "MatMul", inputs: ["x", "w"] }, ...gathers],
      gathers.map(({ name }) => `${name}'`),
    );
    const { graph } = legalise(tensorGraph, { where });
    expect(prepareGraph(graph).nodes.map(({ op }) => op)).toEqual(["dense"]);
  });

  it("of several kinds stand one after the other", () => {
    const tensorGraph = model(
      [1, 3],
      weights,
      [
        { name: "dense", operator: "MatMul", inputs: ["x", "w"] },
        { name: "tanh", operator: "Tanh", inputs: ["x"] },
      ],
      ["dense'", "tanh'"],
    );
    const { graph } = legalise(tensorGraph, { where });
    expect(graph.nodes.at(-1)).toMatchObject({ op: "concatenate", inputs: ["dense", "tanh"], shape: [7] });
  });

  it("keep a closing softmax last where only its shape is changed behind it", () => {
    const tensorGraph = model(SHAPE, { shape: integers([1, 3]) }, [
      { name: "mean", operator: "GlobalAveragePool", inputs: ["x"] },
      { name: "softmax", operator: "Softmax", inputs: ["mean'"], attributes: { axis: 1 } },
      { name: "flat", operator: "Reshape", inputs: ["softmax'", "shape"] },
    ]);
    const { graph } = legalise(tensorGraph, { where });
    expect(graph.output).toBe("softmax");
    expect(prepareGraph(graph).nodes.at(-1)).toMatchObject({ op: "softmax" });
  });
});

describe("layouts", () => {
  it("a model with channels last moves nothing", () => {
    const channelsLast = model(["N", 4, 5, 2], { w: float([3, 2, 3, 3], draw.numbers(54)) }, [
      { name: "forward", operator: "Transpose", inputs: ["x"], attributes: { perm: [0, 3, 1, 2] } },
      { name: "conv", operator: "Conv", inputs: ["forward'", "w"] },
      { name: "back", operator: "Transpose", inputs: ["conv'"], attributes: { perm: [0, 2, 3, 1] } },
      { name: "flat", operator: "Flatten", inputs: ["back'"] },
      { name: "relu", operator: "Relu", inputs: ["flat'"] },
    ]);
    const { graph } = legalise(channelsLast, { where });
    expect(graph.input.shape).toEqual([4, 5, 2]);
    expect(graph.nodes.filter(({ op }) => op === "transpose")).toEqual([]);
  });

  it("a shuffle of channels is one transpose", () => {
    const shuffle = model([1, 6, 2, 3], { split: integers([1, 2, 3, 2, 3]), join: integers([1, 6, 2, 3]) }, [
      { name: "split", operator: "Reshape", inputs: ["x", "split"] },
      { name: "shuffle", operator: "Transpose", inputs: ["split'"], attributes: { perm: [0, 2, 1, 3, 4] } },
      { name: "join", operator: "Reshape", inputs: ["shuffle'", "join"] },
      { name: "relu", operator: "Relu", inputs: ["join'"] },
      { name: "w", operator: "MaxPool", inputs: ["relu'"], attributes: { kernel_shape: [2, 3] } },
    ]);
    const { graph } = legalise(shuffle, { where });
    expect(printGraph(graph).match(/transpose\(/g)).toHaveLength(1);
  });
});
