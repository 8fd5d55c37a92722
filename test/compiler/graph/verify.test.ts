import { describe, expect, it } from "vitest";
import type {
  AddNode,
  BatchNormalizationNode,
  Conv2dNode,
  DenseNode,
  Graph,
  PoolNode,
  ReshapeNode,
} from "../../../compiler/graph/graph.ts";
import { inferShapes } from "../../../compiler/graph/infer-shapes.ts";
import { requireStage, verifyStage } from "../../../compiler/graph/stages.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { type Diagnostic, DiagnosticError, formatDiagnostic } from "../../../isa/diagnostic.ts";
import { changed, exampleGraph, tensor } from "./example.ts";

const example = exampleGraph();

function codes(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.map(({ code }) => code);
}

function only(graph: Graph): string {
  const diagnostics = verifyGraph(graph, "model.json");
  expect(diagnostics).toHaveLength(1);
  return diagnostics.map(formatDiagnostic).join();
}

describe("verifyGraph", () => {
  it("finds nothing wrong with the example", () => {
    expect(verifyGraph(example, "model.json")).toEqual([]);
  });

  it("names node, tensor and index of a weight that is NaN or infinite", () => {
    const kernel = tensor(3, 2, 1, 6);
    kernel.data[31] = Number.NaN;
    expect(only(changed<Conv2dNode>(example, "convolution", { kernel }))).toBe(
      'error[WEIGHT_NOT_FINITE] model.json: node "convolution" (conv2d): kernel[2, 1, 0, 1] is NaN, expected a finite number; ' +
        "train or export the model again; look for a loss that became NaN",
    );
    const bias = tensor(6);
    bias.data[5] = Number.NEGATIVE_INFINITY;
    expect(only(changed<Conv2dNode>(example, "convolution", { bias }))).toContain("bias[5] is -Infinity");
  });

  it("names a tensor whose data does not fill its shape", () => {
    const bias = { shape: [6], data: new Float32Array(5) };
    expect(only(changed<Conv2dNode>(example, "convolution", { bias }))).toContain("bias [6] needs 6 numbers, found 5");
  });

  it("says found and expected for a kernel of the wrong shape, and does not blame the nodes behind", () => {
    const text = only(changed<DenseNode>(example, "scores", { kernel: tensor(71, 10) }));
    expect(text).toContain('node "scores" (dense): found kernel [71, 10], expected [72, units]');
  });

  it.each<[string, Graph, string]>([
    [
      "filters",
      changed<Conv2dNode>(example, "convolution", { kernel: tensor(3, 2, 1, 5), bias: null }),
      "and 5 filters",
    ],
    ["groups", changed<Conv2dNode>(example, "convolution", { groups: 2 }), "found 2 groups, expected a divisor of 3"],
    [
      "kernel",
      changed<Conv2dNode>(example, "convolution", { kernel: tensor(3, 2, 2, 6) }),
      "expected 1 input channels",
    ],
    ["bias", changed<Conv2dNode>(example, "convolution", { bias: tensor(5) }), "found bias [5], expected [6]"],
    ["strides", changed<Conv2dNode>(example, "convolution", { strides: [0, 1] }), "found strides [0, 1]"],
    ["dilations", changed<Conv2dNode>(example, "convolution", { dilations: [9, 1] }), "at least one window of 3 × 2"],
    [
      "padding",
      changed<PoolNode>(example, "means", { padding: { top: 2, bottom: 0, left: 0, right: 0 } }),
      "found padding top 2, bottom 0, left 0, right 0, expected less than the window's 2 rows",
    ],
    ["reshape", changed<ReshapeNode>(example, "flat", { shape: [71] }), "[3, 2, 12] reshaped to [71], expected 72"],
    ["add", changed<AddNode>(example, "sum", { inputs: ["image", "offset"] }), "inputs [7, 5, 3] and [4, 4, 6]"],
    ["arity", changed<AddNode>(example, "sum", { inputs: ["offset"] }), "found 1 inputs, expected at least 2"],
  ])("refuses wrong %s", (_what, graph, message) => {
    const text = verifyGraph(graph, "model.json").map(formatDiagnostic).join("\n");
    expect(text).toContain(message);
  });

  it("refuses a shape that is not what the inputs give", () => {
    expect(only(changed<AddNode>(example, "sum", { shape: [4, 4, 5] }))).toContain(
      "carries shape [4, 4, 5], its inputs give [4, 4, 6]",
    );
  });

  it("refuses names that repeat, an input of its own name included", () => {
    const repeated = changed<AddNode>(example, "positive", { name: "sum" });
    expect(codes(verifyGraph(repeated, "model.json"))).toContain("GRAPH_NAME");
    const input = { ...example, input: { ...example.input, name: "offset" } };
    expect(codes(verifyGraph(input, "model.json"))).toContain("GRAPH_NAME");
  });

  it("refuses nodes that stand before their inputs, and inputs that do not exist", () => {
    const reversed = { ...example, nodes: example.nodes.toReversed() };
    expect(codes(verifyGraph(reversed, "model.json"))).toContain("GRAPH_INPUT");
    expect(only(changed<AddNode>(example, "convolution", { inputs: ["picture"] }))).toContain(
      'reads "picture", which no earlier node yields',
    );
  });

  it("refuses an output that no node yields", () => {
    expect(codes(verifyGraph({ ...example, output: "nothing" }, "model.json"))).toContain("GRAPH_OUTPUT");
    const empty = { ...example, nodes: [], output: "image" };
    expect(only(empty)).toContain("the output is the input");
  });

  it("refuses a variance that epsilon does not lift above 0", () => {
    const variance = { shape: [6], data: new Float32Array([1, 1, -0.5, 1, 1, 1]) };
    expect(only(changed<BatchNormalizationNode>(example, "normalized", { variance }))).toContain(
      "variance[2] + epsilon",
    );
    const epsilon = Number.POSITIVE_INFINITY;
    expect(only(changed<BatchNormalizationNode>(example, "normalized", { epsilon }))).toContain("epsilon is Infinity");
  });

  it("refuses an input that is neither image nor vector, or larger than any memory", () => {
    for (const shape of [[], [3, 4], [1, 2, 3, 4], [0], [2.5], [-1], [Number.NaN], [2 ** 20, 2 ** 20, 1]]) {
      const graph = { ...example, input: { name: "image", shape } };
      expect(codes(verifyGraph(graph, "model.json"))).toEqual(["SHAPE"]);
    }
  });
});

describe("stages", () => {
  it("an imported graph may hold every operator", () => {
    expect(requireStage(example, "imported", "model.json")).toBe(example);
  });

  it("a softmax may stand anywhere in an imported graph and only last in a lowerable one", () => {
    const chain = ["soft", "again"].map(
      (name, index) => ({ op: "softmax", name, inputs: [index === 0 ? "image" : "soft"], shape: [7, 5, 3] }) as const,
    );
    const graph = { ...example, nodes: chain, output: "again" };
    expect(verifyStage(graph, "imported", "model.json")).toEqual([]);
    expect(verifyStage(graph, "lowerable", "model.json").map(formatDiagnostic)).toEqual([
      expect.stringContaining('node "soft" (softmax): is read by "again"'),
    ]);
  });

  it("a lowerable graph holds no batch normalization, no local one, no constant and no unused node", () => {
    const lone = { op: "activation", name: "lone", inputs: ["image"], activation: "relu", shape: [7, 5, 3] } as const;
    const graph = { ...example, nodes: [lone, ...example.nodes] };
    const diagnostics = verifyStage(graph, "lowerable", "model.json");
    expect(codes(diagnostics)).toEqual(["GRAPH_UNUSED", "GRAPH_OPERATOR", "GRAPH_OPERATOR", "GRAPH_OPERATOR"]);
    expect(diagnostics.map(({ where }) => where)).toEqual([
      'model.json: node "lone" (activation)',
      'model.json: node "normalized" (batchNormalization)',
      'model.json: node "offset" (constant)',
      'model.json: node "local" (lrn)',
    ]);
    expect(() => requireStage(graph, "lowerable", "model.json")).toThrow(DiagnosticError);
  });
});

describe("inferShapes", () => {
  it("computes every shape anew", () => {
    const blank = {
      ...example,
      nodes: example.nodes.map((node) => (node.op === "reshape" ? node : { ...node, shape: [] })),
    };
    expect(inferShapes(blank, "model.json")).toEqual(example);
  });

  it("reports every node that does not fit, but not those that only read one", () => {
    const graph = changed<DenseNode>(changed<Conv2dNode>(example, "convolution", { bias: tensor(5) }), "offset", {
      inputs: ["image"],
    });
    const message = (() => {
      try {
        inferShapes(graph, "model.json");
      } catch (error) {
        return error;
      }
      return undefined;
    })();
    expect(message).toBeInstanceOf(DiagnosticError);
    expect((message as DiagnosticError).diagnostics.map(({ where }) => where)).toEqual([
      'model.json: node "convolution" (conv2d)',
      'model.json: node "offset" (constant)',
    ]);
  });
});
