/** Operators behind the last layer that the host computes. */
import { describe, expect, it } from "vitest";
import { readOnnxModel } from "../../../compiler/importers/onnx/model.ts";
import { legalise } from "../../../compiler/legalisation/index.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, TensorGraph } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { encodeModel, type ModelNode } from "../importers/onnx-model.ts";
import { runOnnxruntime } from "../tensor-graph/onnxruntime.ts";
import { Draw } from "./random-network.ts";
import { compiled, float, integers, model, runOnMachine, type WrittenNode } from "./small-models.ts";

const where = "model.onnx";
const draw = new Draw(5);
const weights = { w: float([6, 5], draw.numbers(30)), k: integers([3]), one: integers([1]), flat: integers([1, 5]) };
const gemm: WrittenNode = { name: "fc", operator: "Gemm", inputs: ["x", "w"] };

function refusal(tensorGraph: TensorGraph): string {
  try {
    legalise(tensorGraph, { where });
  } catch (error) {
    if (error instanceof DiagnosticError) return error.message;
    throw error;
  }
  return "";
}

type Case = readonly [string, readonly WrittenNode[], readonly string[], readonly string[] | undefined];

const cases: readonly Case[] = [
  ["ArgMax", [{ name: "a", operator: "ArgMax", inputs: ["fc'"], attributes: { axis: 1 } }], ["a'"], ["argmax"]],
  [
    "ArgMax without the axis, then a name for it",
    [
      { name: "a", operator: "ArgMax", inputs: ["fc'"], attributes: { axis: -1, keepdims: 0 } },
      { name: "c", operator: "Cast", inputs: ["a'"], attributes: { to: 6 } },
      { name: "i", operator: "Identity", inputs: ["c'"] },
    ],
    ["i'"],
    ["argmax"],
  ],
  ["LogSoftmax", [{ name: "l", operator: "LogSoftmax", inputs: ["fc'"] }], ["l'"], ["log-softmax"]],
  [
    "LogSoftmax before opset 13",
    [{ name: "l", operator: "LogSoftmax", inputs: ["fc'"], opset: 11 }],
    ["l'"],
    ["log-softmax"],
  ],
  [
    "TopK with both outputs",
    [{ name: "t", operator: "TopK", inputs: ["fc'", "k"], outputs: ["values", "places"] }],
    ["values", "places"],
    ["top-k"],
  ],
  [
    "Softmax, then ArgMax",
    [
      { name: "s", operator: "Softmax", inputs: ["fc'"] },
      { name: "r", operator: "Reshape", inputs: ["s'", "flat"] },
      { name: "a", operator: "ArgMax", inputs: ["r'"], attributes: { axis: 1 } },
    ],
    ["a'"],
    ["softmax", "argmax"],
  ],
  [
    "scores and the class, two outputs",
    [
      { name: "s", operator: "Softmax", inputs: ["fc'"] },
      { name: "a", operator: "ArgMax", inputs: ["fc'"], attributes: { axis: 1 } },
    ],
    ["s'", "a'"],
    ["softmax", "argmax"],
  ],
  [
    "sums and the class, two outputs",
    [{ name: "a", operator: "ArgMax", inputs: ["fc'"], attributes: { axis: 1 } }],
    ["fc'", "a'"],
    ["argmax"],
  ],
  [
    "a softmax alone stays a part of the network",
    [{ name: "s", operator: "Softmax", inputs: ["fc'"] }],
    ["s'"],
    undefined,
  ],
];

describe("closing operators", () => {
  it.each(cases)("%s: the machine yields what they are given", (_name, nodes, outputs, closing) => {
    const { graph } = legalise(model([1, 6], weights, [gemm, ...nodes], outputs), { where });
    expect(graph.closing).toEqual(closing);
    expect(graph.nodes.map(({ name }) => name)).toEqual(closing === undefined ? ["fc", "s"] : ["fc"]);
    expect(graph.output).toBe(closing === undefined ? "s" : "fc");
  });

  it("the compiled program names them, and its outputs are the last layer's", () => {
    const nodes = [gemm, { name: "a", operator: "ArgMax", inputs: ["fc'"], attributes: { axis: 1 } }];
    const compilation = compiled(legalise(model([1, 6], weights, nodes), { where }), { default: { format: "16,8" } });
    expect(compilation.program.hostOperators).toEqual(["argmax"]);
    expect(compilation.program.output).toBe("fc");
  });

  it.each([1, 2, 3])("the class is that of onnxruntime (draw %i)", async (seed) => {
    const own = new Draw(seed);
    const numbers = own.numbers(30);
    const bytes = encodeModel({
      inputs: { x: { shape: [1, 6] } },
      constants: { w: tensorFrom("float32", [6, 5], numbers), k: integers([2]) },
      nodes: [
        { operator: "MatMul", name: "fc", inputs: ["x", "w"], outputs: ["y"] },
        { operator: "LogSoftmax", name: "l", inputs: ["y"], outputs: ["z"] },
        { operator: "ArgMax", name: "a", inputs: ["z"], outputs: ["class"], attributes: { axis: 1n } },
        { operator: "TopK", name: "t", inputs: ["z", "k"], outputs: ["values", "places"] },
      ] as ModelNode[],
      outputs: ["class", "places"],
      outputTypes: { class: "int64", places: "int64" },
    });
    const network = legalise(readOnnxModel(bytes, where), { where });
    const compilation = compiled(network, { default: { format: "32,16" } });
    for (let image = 0; image < 8; image++) {
      const x: AnyTensor = tensorFrom("float32", [1, 6], own.numbers(6));
      const found = await runOnnxruntime(bytes, new Map([["x", x]]));
      const outputs = runOnMachine(compilation, Array.from(x.data, Number));
      const order = outputs.map((_, index) => index).toSorted((a, b) => (outputs[b] ?? 0) - (outputs[a] ?? 0));
      expect(Number(found.get("class")?.data[0])).toBe(order[0]);
      expect(Array.from(found.get("places")?.data ?? [], Number)).toEqual(order.slice(0, 2));
    }
  });

  it.each<[string, readonly WrittenNode[], RegExp]>([
    [
      "an axis of one element",
      [{ name: "a", operator: "ArgMax", inputs: ["fc'"] }],
      /node "a" \(ArgMax, opset 17\): found axis 0 of \[1, 5\], along which there is one element; give the axis of the classes/,
    ],
    [
      "the last of equal outputs",
      [{ name: "a", operator: "ArgMax", inputs: ["fc'"], attributes: { axis: 1, select_last_index: 1 } }],
      /of equal outputs the class is the first one/,
    ],
    [
      "the least",
      [{ name: "a", operator: "ArgMin", inputs: ["fc'"], attributes: { axis: 1 } }],
      /ArgMin has no place in a network on the machine: the class is the index of the largest output, not of the smallest; negate/,
    ],
    [
      "the k least",
      [{ name: "t", operator: "TopK", inputs: ["fc'", "k"], outputs: ["v", "i"], attributes: { largest: 0 } }],
      /export the model with largest = 1/,
    ],
    [
      "a class that a layer reads",
      [
        { name: "l", operator: "LogSoftmax", inputs: ["fc'"] },
        { name: "m", operator: "Mul", inputs: ["l'", "l'"] },
      ],
      /LogSoftmax has no place in a network on the machine: it runs on the host, and only where nothing but such operators follows/,
    ],
  ])("refused: %s", (_name, nodes, message) => {
    expect(refusal(model([1, 6], weights, [gemm, ...nodes]))).toMatch(message);
  });

  it("scores cut to integers are no softmax with another name", () => {
    const nodes = [
      gemm,
      { name: "s", operator: "LogSoftmax", inputs: ["fc'"] },
      { name: "c", operator: "Cast", inputs: ["s'"], attributes: { to: 7 } },
    ];
    expect(refusal(model([1, 6], weights, nodes))).toMatch(/LogSoftmax has no place/);
  });
});

describe("inputs that nothing reads", () => {
  it("are left out and named", () => {
    const graph = model([1, 6], weights, [gemm]);
    const mask = { name: "mask", type: "int64" as const, shape: ["batch", null] };
    const found = legalise({ ...graph, inputs: [mask, ...graph.inputs] }, { where }).graph;
    expect([found.input.name, found.unreadInputs]).toEqual(["x", ["mask"]]);
  });

  it("are those that lead nowhere, too", () => {
    const graph = model([1, 6], weights, [{ name: "lost", operator: "Relu", inputs: ["mask"] }, gemm]);
    const mask = { name: "mask", type: "float32" as const, shape: [1, 2] };
    expect(legalise({ ...graph, inputs: [...graph.inputs, mask] }, { where }).graph.unreadInputs).toEqual(["mask"]);
  });
});
