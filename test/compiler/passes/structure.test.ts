/** What the passes leave of small graphs: names, operators, numbers. */
import { describe, expect, it } from "vitest";
import { GraphBuilder, type NewNode } from "../../../compiler/graph/builder.ts";
import type { Activation, Graph, GraphNode, Tensor } from "../../../compiler/graph/graph.ts";
import { printGraph } from "../../../compiler/graph/print.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { foldBatchNormalization } from "../../../compiler/passes/fold-batch-normalization.ts";
import { foldConstants } from "../../../compiler/passes/fold-constants.ts";
import { foldPadding } from "../../../compiler/passes/fold-padding.ts";
import { fuseActivation } from "../../../compiler/passes/fuse-activation.ts";
import { fuseBias } from "../../../compiler/passes/fuse-bias.ts";
import { removeUnused } from "../../../compiler/passes/remove-unused.ts";
import { simplifyReshapes } from "../../../compiler/passes/simplify-reshapes.ts";

const IMAGE = [3, 2, 2];

function build(shape: readonly number[], output: string, ...nodes: readonly NewNode[]): Graph {
  const builder = new GraphBuilder("g", { name: "x", shape }, "test");
  for (const node of nodes) builder.add(node);
  return builder.finish(output);
}

function tensor(shape: readonly number[], ...data: number[]): Tensor {
  return { shape, data: Float32Array.from(data) };
}

/** 1 × 1, two filters: y0 = x0 + 2·x1, y1 = 3·x0 + 4·x1. */
function convolution(name: string, input: string, more: Partial<Extract<NewNode, { op: "conv2d" }>> = {}): NewNode {
  return {
    op: "conv2d",
    name,
    inputs: [input],
    kernel: tensor([1, 1, 2, 2], 1, 3, 2, 4),
    bias: tensor([2], 10, 20),
    strides: [1, 1],
    dilations: [1, 1],
    padding: { top: 0, bottom: 0, left: 0, right: 0 },
    groups: 1,
    activation: "none",
    ...more,
  };
}

/** scale [2, −4], shift [−1, 9]. */
function normalization(name: string, input: string): NewNode {
  return {
    op: "batchNormalization",
    name,
    inputs: [input],
    gamma: tensor([2], 1, -2),
    beta: tensor([2], 1, 5),
    mean: tensor([2], 1, 1),
    variance: tensor([2], 0, 0),
    epsilon: 0.25,
  };
}

function activation(name: string, input: string, kind: Exclude<Activation, "none"> = "relu"): NewNode {
  return { op: "activation", name, inputs: [input], activation: kind };
}

function add(name: string, ...inputs: string[]): NewNode {
  return { op: "add", name, inputs, activation: "none" };
}

function pad(name: string, input: string, side: number): NewNode {
  return { op: "pad", name, inputs: [input], padding: { top: side, bottom: 0, left: 0, right: side } };
}

function reshape(name: string, input: string, ...shape: number[]): NewNode {
  return { op: "reshape", name, inputs: [input], shape };
}

function lines(graph: Graph): string[] {
  expect(verifyGraph(graph, "test")).toEqual([]);
  return printGraph(graph).trim().split("\n").slice(2);
}

function node<Op extends GraphNode["op"]>(graph: Graph, name: string, op: Op): Extract<GraphNode, { op: Op }> {
  const found = graph.nodes.find((candidate) => candidate.name === name);
  if (found?.op !== op) throw new Error(`no ${op} "${name}"`);
  return found as Extract<GraphNode, { op: Op }>;
}

describe("batch normalization", () => {
  it("folds into the convolution before it: kernel · scale, bias · scale + shift, the convolution's name", () => {
    const graph = foldBatchNormalization(build(IMAGE, "n", convolution("c", "x"), normalization("n", "c")));
    expect(graph.output).toBe("c");
    expect(node(graph, "c", "conv2d").kernel.data).toEqual(Float32Array.of(2, -12, 4, -16));
    expect(node(graph, "c", "conv2d").bias?.data).toEqual(Float32Array.of(19, -71));
  });

  it("gives a layer without bias one", () => {
    const graph = foldBatchNormalization(
      build(IMAGE, "n", convolution("c", "x", { bias: null }), normalization("n", "c")),
    );
    expect(node(graph, "c", "conv2d").bias?.data).toEqual(Float32Array.of(-1, 9));
  });

  it("folds several in a row", () => {
    const graph = foldBatchNormalization(
      build(IMAGE, "m", convolution("c", "x"), normalization("n", "c"), normalization("m", "n")),
    );
    expect(lines(graph)).toHaveLength(2);
    expect(node(graph, "c", "conv2d").bias?.data).toEqual(Float32Array.of(37, 293));
  });

  it("folds into the layers behind where none of them pads", () => {
    const graph = foldBatchNormalization(
      build(IMAGE, "s", normalization("n", "x"), convolution("c", "n"), convolution("d", "n"), add("s", "c", "d")),
    );
    expect(lines(graph).map((line) => line.split(" ")[0])).toEqual(["c", "d", "s", "output"]);
    expect(node(graph, "d", "conv2d").kernel.data).toEqual(Float32Array.of(2, 6, -8, -16));
    expect(node(graph, "d", "conv2d").bias?.data).toEqual(Float32Array.of(10 - 1 + 18, 20 - 3 + 36));
  });

  it("becomes a depthwise 1 × 1 convolution of its own name elsewhere", () => {
    const padding = { top: 1, bottom: 0, left: 0, right: 0 };
    const graph = foldBatchNormalization(
      build(IMAGE, "c", normalization("n", "x"), convolution("c", "n", { padding })),
    );
    expect(lines(graph)[0]).toBe("n [3, 2, 2] = conv2d(x) · kernel [1, 1, 1, 2] · bias [2] · groups 2");
    const activated = build(IMAGE, "n", convolution("c", "x", { activation: "relu" }), normalization("n", "c"));
    expect(lines(foldBatchNormalization(activated))).toHaveLength(3);
    const readTwice = build(IMAGE, "s", convolution("c", "x"), normalization("n", "c"), add("s", "c", "n"));
    expect(node(foldBatchNormalization(readTwice), "c", "conv2d").bias?.data).toEqual(Float32Array.of(10, 20));
  });

  it("sees a vector as an image of one pixel", () => {
    const graph = foldBatchNormalization(build([2], "n", normalization("n", "x")));
    expect(lines(graph)).toEqual([
      "n/image [1, 1, 2] = reshape(x)",
      "n [1, 1, 2] = conv2d(n/image) · kernel [1, 1, 1, 2] · bias [2] · groups 2",
      "n/vector [2] = reshape(n)",
      "output n/vector",
    ]);
  });

  it("is computed in float64 and rounded to float32 once", () => {
    const kernel = tensor([1, 1, 1, 1], 0.1);
    const graph = foldBatchNormalization(
      build([1, 1, 1], "n", convolution("c", "x", { kernel, bias: null }), {
        op: "batchNormalization",
        name: "n",
        inputs: ["c"],
        gamma: tensor([1], 0.3),
        beta: tensor([1], 0.7),
        mean: tensor([1], 0.9),
        variance: tensor([1], 1.1),
        epsilon: 0.001,
      }),
    );
    const scale = Math.fround(0.3) / Math.sqrt(Math.fround(1.1) + 0.001);
    expect(node(graph, "c", "conv2d").kernel.data[0]).toBe(Math.fround(Math.fround(0.1) * scale));
    expect(node(graph, "c", "conv2d").bias?.data[0]).toBe(Math.fround(Math.fround(0.7) - Math.fround(0.9) * scale));
  });
});

describe("padding", () => {
  it("is added to that of the convolutions that read it", () => {
    const padding = { top: 5, bottom: 6, left: 7, right: 8 };
    const graph = foldPadding(
      build(IMAGE, "c", pad("p", "x", 1), pad("q", "p", 2), convolution("c", "q", { padding, strides: [3, 2] })),
    );
    expect(lines(graph)).toHaveLength(2);
    expect(node(graph, "c", "conv2d").padding).toEqual({ top: 8, bottom: 6, left: 7, right: 11 });
    expect(node(graph, "c", "conv2d").inputs).toEqual(["x"]);
  });

  it("stays where anything else reads it, and before pooling", () => {
    const both = build(IMAGE, "s", pad("p", "x", 1), convolution("c", "p"), add("s", "c", "p"));
    expect(lines(foldPadding(both))).toEqual(lines(both));
    const output = build(IMAGE, "p", convolution("c", "x"), pad("p", "c", 1));
    expect(lines(foldPadding(output))).toEqual(lines(output));
    const pooled = build(IMAGE, "m", pad("p", "x", 1), {
      op: "pool",
      name: "m",
      inputs: ["p"],
      kind: "maximum",
      kernel: [2, 2],
      strides: [1, 1],
      padding: { top: 0, bottom: 0, left: 0, right: 0 },
      countPadding: false,
    });
    expect(lines(foldPadding(pooled))).toEqual(lines(pooled));
  });

  it("of nothing vanishes, unless nothing else is left", () => {
    const graph = build(IMAGE, "a", pad("p", "x", 0), activation("a", "p"));
    expect(lines(foldPadding(graph))).toEqual(["a [3, 2, 2] = activation(x) · relu", "output a"]);
    expect(lines(foldPadding(build(IMAGE, "p", pad("p", "x", 0))))).toHaveLength(2);
  });
});

describe("activation", () => {
  it("joins the convolution, dense layer or addition before it, past reshapes", () => {
    const graph = fuseActivation(
      build(
        IMAGE,
        "b",
        convolution("c", "x"),
        reshape("f", "c", 12),
        activation("a", "f"),
        add("s", "a", "a"),
        activation("b", "s", "relu6"),
      ),
    );
    expect(lines(graph)).toEqual([
      "c [3, 2, 2] = conv2d(x) · kernel [1, 1, 2, 2] · bias [2] · relu",
      "f [12] = reshape(c)",
      "s [12] = add(f, f) · relu6",
      "output s",
    ]);
  });

  it.each<[Activation, Exclude<Activation, "none">, Activation]>([
    ["none", "relu", "relu"],
    ["relu", "relu", "relu"],
    ["relu", "relu6", "relu6"],
    ["relu6", "relu", "relu6"],
    ["relu6", "relu6", "relu6"],
  ])("%s and then %s is %s", (first, second, both) => {
    const graph = build(IMAGE, "a", convolution("c", "x", { activation: first }), activation("a", "c", second));
    expect(node(fuseActivation(graph), "c", "conv2d").activation).toBe(both);
  });

  it("stays where another node reads the value before it, at either side of a reshape", () => {
    const direct = build(IMAGE, "s", convolution("c", "x"), activation("a", "c"), add("s", "a", "c"));
    expect(lines(fuseActivation(direct))).toEqual(lines(direct));
    const fused = build(
      IMAGE,
      "s",
      convolution("c", "x"),
      activation("a", "c"),
      reshape("f", "a", 12),
      activation("b", "f", "relu6"),
      reshape("g", "a", 12),
      add("s", "b", "g"),
    );
    expect(lines(fuseActivation(fused))).toEqual([
      "c [3, 2, 2] = conv2d(x) · kernel [1, 1, 2, 2] · bias [2] · relu",
      "f [12] = reshape(c)",
      "b [12] = activation(f) · relu6",
      "g [12] = reshape(c)",
      "s [12] = add(b, g)",
      "output s",
    ]);
  });

  it("joins a layer that another one joined before, past a reshape", () => {
    const graph = build(
      IMAGE,
      "b",
      convolution("c", "x"),
      reshape("f", "c", 12),
      activation("a", "f"),
      activation("b", "a", "relu6"),
    );
    expect(node(fuseActivation(graph), "c", "conv2d").activation).toBe("relu6");
    expect(fuseActivation(graph).output).toBe("f");
  });

  it("stays behind the input", () => {
    const graph = build(IMAGE, "a", activation("a", "x"));
    expect(lines(fuseActivation(graph))).toEqual(lines(graph));
  });
});

describe("bias", () => {
  const constant = (name: string, shape: readonly number[], ...data: number[]): NewNode => ({
    op: "constant",
    name,
    inputs: [],
    value: tensor(shape, ...data),
  });

  it("is what a constant is that is the same at every pixel", () => {
    const graph = build([2, 1, 2], "s", constant("k", [2, 1, 2], 1, 2, 1, 2), convolution("c", "x"), {
      op: "add",
      name: "s",
      inputs: ["k", "c"],
      activation: "relu",
    });
    const after = removeUnused(fuseBias(graph));
    expect(lines(after)).toEqual(["c [2, 1, 2] = conv2d(x) · kernel [1, 1, 2, 2] · bias [2] · relu", "output c"]);
    expect(node(after, "c", "conv2d").bias?.data).toEqual(Float32Array.of(11, 22));
  });

  it("is no constant that differs from pixel to pixel, and none behind an activation", () => {
    const differs = build(
      [2, 1, 2],
      "s",
      constant("k", [2, 1, 2], 1, 2, 1, 3),
      convolution("c", "x"),
      add("s", "c", "k"),
    );
    expect(lines(fuseBias(differs))).toEqual(lines(differs));
    const activated = convolution("c", "x", { activation: "relu" });
    const behind = build([1, 1, 2], "s", constant("k", [1, 1, 2], 1, 2), activated, add("s", "c", "k"));
    expect(lines(fuseBias(behind))).toEqual(lines(behind));
  });

  it("can come from constants that fold into one", () => {
    const graph = build(
      [1, 1, 2],
      "s",
      constant("k", [2], 5, -7),
      activation("r", "k"),
      reshape("i", "r", 1, 1, 2),
      convolution("c", "x"),
      add("s", "c", "i"),
    );
    const after = removeUnused(fuseBias(foldConstants(graph)));
    expect(node(after, "c", "conv2d").bias?.data).toEqual(Float32Array.of(15, 20));
    expect(after.nodes).toHaveLength(1);
  });
});

describe("constants", () => {
  it("sums are computed in float64 and rounded once", () => {
    const constant = (name: string, value: number): NewNode => ({
      op: "constant",
      name,
      inputs: [],
      value: tensor([1], value),
    });
    const graph = build([1], "s", constant("a", 2 ** 24), constant("b", 1), constant("c", 1), add("s", "a", "b", "c"));
    expect(node(foldConstants(graph), "s", "constant").value.data[0]).toBe(2 ** 24 + 2);
  });
});

describe("reshapes", () => {
  it("to the shape that is there vanish, and of several in a row the last one stays", () => {
    const graph = build(
      IMAGE,
      "e",
      reshape("a", "x", 12),
      reshape("b", "a", 1, 1, 12),
      reshape("c", "b", 3, 2, 2),
      convolution("d", "c"),
      reshape("e", "d", 12),
    );
    expect(lines(removeUnused(simplifyReshapes(graph)))).toEqual([
      "d [3, 2, 2] = conv2d(x) · kernel [1, 1, 2, 2] · bias [2]",
      "e [12] = reshape(d)",
      "output e",
    ]);
  });

  it("that were passed over no longer read anything", () => {
    const graph = build(
      IMAGE,
      "a",
      convolution("c", "x"),
      reshape("f", "c", 12),
      reshape("g", "f", 1, 1, 12),
      activation("a", "g"),
    );
    expect(lines(fuseActivation(simplifyReshapes(graph)))).toEqual([
      "c [3, 2, 2] = conv2d(x) · kernel [1, 1, 2, 2] · bias [2] · relu",
      "g [1, 1, 12] = reshape(c)",
      "output g",
    ]);
  });

  it("stay as the output of a graph that computes nothing", () => {
    expect(lines(simplifyReshapes(build(IMAGE, "a", reshape("a", "x", 3, 2, 2))))).toHaveLength(2);
  });
});
