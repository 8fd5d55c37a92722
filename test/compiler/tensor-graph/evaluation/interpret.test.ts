import { describe, expect, it } from "vitest";
import { foldConstants } from "../../../../compiler/tensor-graph/evaluation/fold-constants.ts";
import { inferTensors } from "../../../../compiler/tensor-graph/evaluation/infer-tensors.ts";
import { interpret } from "../../../../compiler/tensor-graph/evaluation/interpret.ts";
import { tensorFrom, zeros } from "../../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, TensorGraph, TensorNode } from "../../../../compiler/tensor-graph/tensor-graph.ts";
import { DiagnosticError } from "../../../../isa/diagnostic.ts";

function node(operator: string, inputs: readonly string[], outputs: readonly string[], attributes = {}): TensorNode {
  return { name: `${operator} to ${outputs[0]}`, operator, domain: "", opset: 13, inputs, outputs, attributes };
}

const integers = (...values: number[]): AnyTensor => tensorFrom("int64", [values.length], values);

/** Flattens an image as exporters write it, by arithmetic on its shape, then scales by a computed constant. */
const GRAPH: TensorGraph = {
  name: "flatten",
  inputs: [{ name: "x", type: "float32", shape: ["N", 3, null] }],
  constants: new Map<string, AnyTensor>([
    ["zero", integers(0)],
    ["minus", integers(-1)],
    ["half", tensorFrom("float32", [], [0.5])],
    ["unused", tensorFrom("float32", [1], [9])],
  ]),
  nodes: [
    node("Shape", ["x"], ["shape"]),
    node("Gather", ["shape", "zero"], ["batch"], { axis: 0n }),
    node("Concat", ["batch", "minus"], ["flat"], { axis: 0n }),
    node("Add", ["half", "half"], ["one"]),
    node("Relu", ["x"], ["unread"]),
    node("Reshape", ["x", "flat"], ["y"]),
    node("Sub", ["y", "one"], ["z"]),
  ],
  outputs: ["z", "one"],
};

const X = tensorFrom("float32", [2, 3, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);

describe("interpret", () => {
  it("yields the outputs in order", () => {
    const outputs = interpret(GRAPH, new Map([["x", X]]));
    expect([...outputs]).toEqual([
      ["z", tensorFrom("float32", [2, 6], [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])],
      ["one", tensorFrom("float32", [], [1])],
    ]);
  });

  it("an output may be an input or a constant", () => {
    const outputs = interpret({ ...GRAPH, nodes: [], outputs: ["x", "half"] }, new Map([["x", X]]));
    expect(outputs.get("x")).toBe(X);
    expect(outputs.get("half")?.data[0]).toBe(0.5);
  });

  it.each([
    ["no tensor", new Map(), 'flatten: input "x": found none, expected float32 [N, 3, ?]'],
    ["another type", new Map([["x", zeros("int8", [2, 3, 2])]]), "found int8 [2, 3, 2], expected float32 [N, 3, ?]"],
    ["another size", new Map([["x", zeros("float32", [2, 4, 2])]]), "found float32 [2, 4, 2]"],
    ["another rank", new Map([["x", zeros("float32", [2, 3])]]), "found float32 [2, 3]"],
  ])("refuses %s as input", (_what, inputs: ReadonlyMap<string, AnyTensor>, message) => {
    expect(() => interpret(GRAPH, inputs)).toThrow(DiagnosticError);
    expect(() => interpret(GRAPH, inputs)).toThrow(message);
  });

  it("says where a node cannot compute", () => {
    const graph = { ...GRAPH, nodes: [node("Concat", ["x", "x"], ["z"], { axis: 5n })], outputs: ["z"] };
    expect(() => interpret(graph, new Map([["x", X]]), "net.onnx")).toThrow(
      'net.onnx: node "Concat to z" (Concat, opset 13), attribute axis: found 5, expected -3 to 2',
    );
  });

  it("does not change what it is given", () => {
    const before = X.data.slice();
    interpret(GRAPH, new Map([["x", X]]));
    expect(X.data).toEqual(before);
    expect(GRAPH.constants.get("half")?.data[0]).toBe(0.5);
  });
});

describe("inferTensors", () => {
  it("knows type and shape of all values, and the elements of those that shapes and constants decide", () => {
    const known = inferTensors(GRAPH, new Map([["x", [5, 3, 4]]]));
    expect(known.get("flat")?.constant).toEqual(integers(5, -1));
    expect(known.get("z")).toEqual({ type: "float32", shape: [5, 12], constant: undefined });
    expect(known.get("one")?.constant?.data[0]).toBe(1);
  });

  it("agrees with the interpreter", () => {
    const known = inferTensors(GRAPH, new Map([["x", X.shape]]));
    for (const [name, { type, shape }] of interpret({ ...GRAPH, outputs: ["batch", "y", "z"] }, new Map([["x", X]]))) {
      expect([known.get(name)?.type, known.get(name)?.shape]).toEqual([type, shape]);
    }
  });

  it("asks for open sizes", () => {
    expect(() => inferTensors(GRAPH)).toThrow(
      'input "x": found shape [N, 3, ] for [N, 3, ?]; give a size for every axis',
    );
    expect(() => inferTensors(GRAPH, new Map([["x", [2, 4, 4]]]))).toThrow("found shape [2, 4, 4] for [N, 3, ?]");
  });

  it("says which value would have to be known", () => {
    const graph: TensorGraph = {
      ...GRAPH,
      inputs: [...GRAPH.inputs, { name: "target", type: "int64", shape: [1] }],
      nodes: [node("Reshape", ["x", "target"], ["z"])],
      outputs: ["z"],
    };
    expect(() => inferTensors(graph, new Map([["x", [1, 3, 1]]]))).toThrow(
      'node "Reshape to z" (Reshape, opset 13), input "target": the shape of the result depends on the elements',
    );
  });

  it("does not divide by what it does not know", () => {
    const integer = (name: string) => ({ name, type: "int32" as const, shape: [2, 1] });
    const graph: TensorGraph = {
      ...GRAPH,
      inputs: [integer("a"), { ...integer("b"), shape: [3] }],
      nodes: [node("Div", ["a", "b"], ["quotient"]), node("Mod", ["a", "b"], ["z"])],
      outputs: ["z"],
    };
    const known = inferTensors(graph);
    expect([known.get("z")?.shape, known.get("quotient")?.shape]).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });

  it("takes no memory for large values", () => {
    const graph: TensorGraph = {
      ...GRAPH,
      inputs: [{ name: "x", type: "float32", shape: [2 ** 14, 2 ** 10] }],
      nodes: [node("Shape", ["x"], ["z"])],
      outputs: ["z"],
    };
    expect(inferTensors(graph).get("z")?.constant).toEqual(integers(2 ** 14, 2 ** 10));
  });
});

describe("foldConstants", () => {
  it("without sizes folds what constants alone decide", () => {
    const folded = foldConstants(GRAPH);
    expect(folded.nodes.map(({ operator }) => operator)).toEqual(["Shape", "Gather", "Concat", "Reshape", "Sub"]);
    expect([...folded.constants.keys()].sort()).toEqual(["minus", "one", "zero"]);
  });

  it("with sizes folds the arithmetic on shapes, too", () => {
    const folded = foldConstants(GRAPH, { inputShapes: new Map([["x", X.shape]]) });
    expect(folded.nodes.map(({ operator }) => operator)).toEqual(["Reshape", "Sub"]);
    expect(folded.constants.get("flat")).toEqual(integers(2, -1));
  });

  it("keeps nodes on request, with what they read", () => {
    const folded = foldConstants(GRAPH, { keep: ({ operator }) => operator === "Add" });
    expect(folded.nodes.some(({ operator }) => operator === "Add")).toBe(true);
    expect(folded.constants.has("half")).toBe(true);
    expect(folded.constants.has("one")).toBe(false);
  });

  it("keeps what is computed from what is kept, but for shapes", () => {
    const graph: TensorGraph = {
      ...GRAPH,
      nodes: [
        node("Neg", ["half"], ["quantized"]),
        node("Abs", ["quantized"], ["again"]),
        node("Shape", ["quantized"], ["sizes"]),
        node("Add", ["x", "again"], ["z"]),
      ],
      outputs: ["z", "sizes"],
    };
    const folded = foldConstants(graph, { keep: ({ operator }) => operator === "Neg" });
    expect(folded.nodes.map(({ operator }) => operator)).toEqual(["Neg", "Abs", "Add"]);
    expect(folded.constants.get("sizes")).toEqual(integers());
    expect(folded.constants.has("again")).toBe(false);
  });

  it("folds weights that stand in nodes, however many, but not what makes a few numbers many", () => {
    const many = zeros("float32", [2 ** 24 + 1]);
    const folded = (operator: string, inputs: readonly string[], attributes: TensorNode["attributes"]): TensorGraph =>
      foldConstants({ ...GRAPH, nodes: [node(operator, inputs, ["z"], attributes)], outputs: ["z"] });
    expect(folded("Constant", [], { value: many }).constants.get("z")).toBe(many);
    const graph = { ...GRAPH, constants: new Map([["size", integers(2 ** 24 + 100)]]), outputs: ["z"] };
    expect(() => foldConstants({ ...graph, nodes: [node("ConstantOfShape", ["size"], ["z"])] })).toThrow(
      'node "ConstantOfShape to z" (ConstantOfShape, opset 13): the constants computed so far',
    );
  });

  it("does not change what the network computes", () => {
    const inputs = new Map([["x", X]]);
    for (const options of [{}, { inputShapes: new Map([["x", X.shape]]) }, { keep: () => true }]) {
      expect([...interpret(foldConstants(GRAPH, options), inputs)]).toEqual([...interpret(GRAPH, inputs)]);
    }
  });
});
