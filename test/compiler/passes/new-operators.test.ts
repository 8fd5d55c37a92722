/** What the passes make of local normalization, functions, views and flattened images, by example. */
import { describe, expect, it } from "vitest";
import { GraphBuilder, type NewNode } from "../../../compiler/graph/builder.ts";
import type { ElementFunction } from "../../../compiler/graph/element-function.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { printGraph } from "../../../compiler/graph/print.ts";
import { decomposeLrn } from "../../../compiler/passes/decompose-lrn.ts";
import { fuseActivation } from "../../../compiler/passes/fuse-activation.ts";
import { fuseFlatten } from "../../../compiler/passes/fuse-flatten.ts";
import { normalizeFunctions } from "../../../compiler/passes/normalize-functions.ts";
import { removeUnused } from "../../../compiler/passes/remove-unused.ts";
import { simplifyViews } from "../../../compiler/passes/simplify-views.ts";
import { prepareGraph } from "../../../compiler/prepare-graph.ts";

function build(shape: readonly number[], ...nodes: readonly NewNode[]): Graph {
  const builder = new GraphBuilder("test", { name: "x", shape }, "test");
  let output = "x";
  for (const node of nodes) output = builder.add(node);
  return builder.finish(output);
}

function lines(graph: Graph): string[] {
  return printGraph(graph).trim().split("\n").slice(2);
}

function bent(definition: ElementFunction): Graph {
  return build(
    [4],
    { op: "function", name: "f", inputs: ["x"], function: definition },
    { op: "activation", name: "after", inputs: ["f"], activation: "relu" },
  );
}

describe("local response normalization", () => {
  const graph = build([1, 1, 5], { op: "lrn", name: "norm", inputs: ["x"], alpha: 4, beta: 0.75, bias: 2, size: 4 });

  it("becomes four layers named after it", () => {
    expect(lines(decomposeLrn(graph))).toEqual([
      "norm/square [1, 1, 5] = multiply(x, x)",
      "norm/sum [1, 1, 5] = conv2d(norm/square) · kernel [1, 1, 5, 5] · bias [5]",
      "norm/power [1, 1, 5] = function(norm/sum) · power · exponent -0.75",
      "norm/scale [1, 1, 5] = multiply(x, norm/power)",
      "output norm/scale",
    ]);
  });

  it("sums one channel before and two behind for a size of 4", () => {
    const sum = decomposeLrn(graph).nodes.find(({ name }) => name === "norm/sum");
    const kernel = sum?.op === "conv2d" ? Array.from(sum.kernel.data) : [];
    // Rows are input channels, columns output channels.
    expect(kernel).toEqual([1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1]);
    expect(sum?.op === "conv2d" ? Array.from(sum.bias?.data ?? []) : []).toEqual([2, 2, 2, 2, 2]);
  });
});

describe("functions", () => {
  it.each<[ElementFunction, string]>([
    [{ kind: "clip", minimum: 0, maximum: 6 }, "f [4] = activation(x) · relu6"],
    [{ kind: "clip", minimum: 0, maximum: Number.POSITIVE_INFINITY }, "f [4] = activation(x) · relu"],
    [{ kind: "leakyRelu", slope: 0 }, "f [4] = activation(x) · relu"],
    [{ kind: "clip", minimum: -1, maximum: 6 }, "f [4] = function(x) · clip · -1 … 6"],
    [{ kind: "leakyRelu", slope: 0.5 }, "f [4] = function(x) · leakyRelu · slope 0.5"],
  ])("%o becomes %s", (definition, line) => {
    expect(lines(normalizeFunctions(bent(definition)))[0]).toBe(line);
  });

  it.each<ElementFunction>([
    { kind: "leakyRelu", slope: 1 },
    { kind: "power", exponent: 1 },
    { kind: "clip", minimum: Number.NEGATIVE_INFINITY, maximum: Number.POSITIVE_INFINITY },
  ])("%o vanishes", (definition) => {
    expect(lines(normalizeFunctions(bent(definition)))).toEqual(["after [4] = activation(x) · relu", "output after"]);
  });

  it("the identity as the whole network stays a node", () => {
    const graph = build([4], { op: "function", name: "f", inputs: ["x"], function: { kind: "power", exponent: 1 } });
    expect(lines(normalizeFunctions(graph))).toEqual(["f [4] = reshape(x)", "output f"]);
  });
});

describe("views", () => {
  const slice = (name: string, input: string, start: number[], stop: number[], step: number[]): NewNode => {
    return { op: "slice", name, inputs: [input], start, stop, step };
  };

  it("slices of slices are one slice", () => {
    const graph = build(
      [9, 8, 7],
      slice("a", "x", [1, 0, 2], [9, 8, 7], [2, 1, 1]),
      slice("b", "a", [1, 3, 0], [4, 8, 5], [2, 3, 2]),
    );
    expect(lines(simplifyViews(graph))).toEqual(["b [2, 2, 3] = slice(x) · 3:8:4, 3:7:3, 2:7:2", "output b"]);
  });

  it("transposes of transposes are one, and one that undoes the other is a reshape", () => {
    const transpose = (name: string, input: string, permutation: number[]): NewNode => {
      return { op: "transpose", name, inputs: [input], permutation };
    };
    const once = build([2, 3, 4], transpose("a", "x", [2, 0, 1]), transpose("b", "a", [0, 2, 1]));
    expect(lines(simplifyViews(once))).toEqual(["b [4, 3, 2] = transpose(x) · axes 2, 1, 0", "output b"]);
    const undone = build([2, 3, 4], transpose("a", "x", [2, 0, 1]), transpose("b", "a", [1, 2, 0]));
    expect(lines(simplifyViews(undone))).toEqual(["b [2, 3, 4] = reshape(x)", "output b"]);
  });

  it("a transpose that moves axes of one position only is a reshape", () => {
    const graph = build([1, 6, 1], { op: "transpose", name: "a", inputs: ["x"], permutation: [2, 0, 1] });
    expect(lines(simplifyViews(graph))).toEqual(["a [1, 1, 6] = reshape(x)", "output a"]);
  });
});

describe("flatten, channels first", () => {
  const kernel = { shape: [24, 2], data: new Float32Array(48) };
  const graph = build(
    [2, 3, 4],
    { op: "transpose", name: "first", inputs: ["x"], permutation: [2, 0, 1] },
    { op: "reshape", name: "flat", inputs: ["first"], shape: [24] },
    { op: "dense", name: "fc", inputs: ["flat"], kernel, bias: null, activation: "none" },
  );

  it("is read by the dense layer in place", () => {
    expect(lines(removeUnused(fuseFlatten(graph)))).toEqual([
      "fc [2] = dense(x) · kernel [24, 2] · channels-first",
      "output fc",
    ]);
  });

  it("of an image of one pixel is a plain flatten", () => {
    const one = build(
      [1, 1, 24],
      { op: "transpose", name: "first", inputs: ["x"], permutation: [2, 0, 1] },
      { op: "reshape", name: "flat", inputs: ["first"], shape: [24] },
      { op: "dense", name: "fc", inputs: ["flat"], kernel, bias: null, activation: "none" },
    );
    expect(lines(prepareGraph(one))).toEqual([
      "flat [24] = reshape(x)",
      "fc [2] = dense(flat) · kernel [24, 2]",
      "output fc",
    ]);
  });
});

it("an activation joins subtract, multiply and a transposed convolution", () => {
  const relu = (name: string, input: string): NewNode => {
    return { op: "activation", name, inputs: [input], activation: "relu" };
  };
  const graph = build(
    [2, 2, 1],
    { op: "subtract", name: "a", inputs: ["x", "x"], activation: "none" },
    relu("a+", "a"),
    { op: "multiply", name: "b", inputs: ["a+", "x"], activation: "none" },
    relu("b+", "b"),
    {
      op: "convTranspose2d",
      name: "c",
      inputs: ["b+"],
      kernel: { shape: [1, 1, 1, 1], data: new Float32Array(1) },
      bias: null,
      strides: [1, 1],
      dilations: [1, 1],
      padding: { top: 0, bottom: 0, left: 0, right: 0 },
      outputPadding: [0, 0],
      groups: 1,
      activation: "none",
    },
    relu("c+", "c"),
  );
  expect(lines(fuseActivation(graph))).toEqual([
    "a [2, 2, 1] = subtract(x, x) · relu",
    "b [2, 2, 1] = multiply(a, x) · relu",
    "c [2, 2, 1] = convTranspose2d(b) · kernel [1, 1, 1, 1] · relu",
    "output c",
  ]);
});

it("separate batch normalization stays a scale and shift beside the convolution that could take it", () => {
  const vector = (...data: number[]) => ({ shape: [1], data: Float32Array.from(data) });
  const graph = build(
    [2, 2, 1],
    {
      op: "conv2d",
      name: "c",
      inputs: ["x"],
      kernel: { shape: [1, 1, 1, 1], data: new Float32Array(1) },
      bias: null,
      strides: [1, 1],
      dilations: [1, 1],
      padding: { top: 0, bottom: 0, left: 0, right: 0 },
      groups: 1,
      activation: "none",
    },
    {
      op: "batchNormalization",
      name: "n",
      inputs: ["c"],
      gamma: vector(1),
      beta: vector(0),
      mean: vector(0),
      variance: vector(1),
      epsilon: 0,
    },
  );
  expect(lines(prepareGraph(graph, "model", "fold"))).toHaveLength(2);
  expect(lines(prepareGraph(graph, "model", "separate"))).toEqual([
    "c [2, 2, 1] = conv2d(x) · kernel [1, 1, 1, 1]",
    "n [2, 2, 1] = conv2d(c) · kernel [1, 1, 1, 1] · bias [1]",
    "output n",
  ]);
});
