/** What graph models are refused for, and how the complaint reads. */
import { describe, expect, it } from "vitest";
import { importTfjsModel, tfjsWeightPaths } from "../../../compiler/importers/tfjs/index.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import {
  flag,
  GraphModelBuilder,
  type GraphModelFile,
  importGraph,
  integer,
  integers,
  text,
  texts,
} from "./graph-model.ts";

function complaint(file: GraphModelFile): string {
  try {
    importGraph(file);
  } catch (error) {
    expect(error).toBeInstanceOf(DiagnosticError);
    return (error as DiagnosticError).message;
  }
  return "nothing";
}

/** One node over an image [1, 4, 4, 2], with the constants that it reads. */
function withNode(
  op: string,
  attributes: Record<string, unknown> = {},
  constants: Record<string, readonly number[]> = {},
  inputs: readonly string[] = ["image", ...Object.keys(constants)],
): GraphModelFile {
  const model = new GraphModelBuilder([-1, 4, 4, 2]);
  for (const [name, shape] of Object.entries(constants)) model.weight(name, shape);
  model.add(op, "it", inputs, attributes);
  return model.file();
}

const KERNEL = { kernel: [3, 3, 2, 5] };
const STRIDES = { strides: integers(1, 1, 1, 1), padding: text("SAME") };

describe("every complaint names file, node and operator", () => {
  it.each<[string, GraphModelFile, string]>([
    [
      "an operator nobody knows",
      withNode("Cumsum"),
      'model.json: node "it" (Cumsum): the operator Cumsum cannot be imported',
    ],
    [
      "mirrored padding",
      withNode("MirrorPad"),
      '"it" (MirrorPad): the operator MirrorPad cannot be imported; supported: Conv2D, ',
    ],
    ["control flow", withNode("While"), '"it" (While): While is control flow'],
    ["a list of tensors", withNode("TensorListReserve"), '"it" (TensorListReserve): TensorListReserve is control flow'],
    [
      "a constant's operator on a value",
      withNode("Fill"),
      '"it" (Fill), inputs: found a value that the network computes',
    ],
    [
      "channels first",
      withNode("Conv2D", { ...STRIDES, data_format: text("NCHW") }, KERNEL),
      '"it" (Conv2D), attribute data_format: found "NCHW", expected "NHWC"',
    ],
    [
      "pools with channels first",
      withNode("MaxPool", { ...STRIDES, ksize: integers(1, 2, 2, 1), data_format: text("NCHW") }),
      '"it" (MaxPool), attribute data_format',
    ],
    [
      "strides along channels",
      withNode("Conv2D", { strides: integers(1, 1, 1, 2) }, KERNEL),
      '"it" (Conv2D), attribute strides: found [1, 1, 1, 2]',
    ],
    ["a text that is no Base64", withNode("Conv2D", { padding: { s: "§" } }, KERNEL), "attribute padding: found"],
    ["another padding", withNode("Conv2D", { padding: text("FULL") }, KERNEL), 'attribute padding: found "FULL"'],
    [
      "a kernel for other channels",
      withNode("Conv2D", STRIDES, { kernel: [3, 3, 3, 5] }),
      '"it" (Conv2D), input filter: found [3, 3, 3, 5] for an image of 2 channels',
    ],
    ["a kernel that is missing", withNode("Conv2D", STRIDES), '"it" (Conv2D), input filter: found none'],
    [
      "a kernel that is computed",
      withNode("Conv2D", STRIDES, {}, ["image", "image"]),
      "input filter: found a value that the network computes, expected a constant",
    ],
    [
      "an activation that nobody knows",
      withNode("_FusedConv2D", { ...STRIDES, fused_ops: texts("BiasAdd", "Elu") }, { ...KERNEL, bias: [5] }),
      '"it" (_FusedConv2D), attribute fused_ops: found BiasAdd, Elu with 3 inputs',
    ],
    ["a padding that is not zero", withPadOf(3), '"it" (PadV2), input constant_values: found 3, expected 0'],
    ["training", withTraining(), '"it" (FusedBatchNormV3), attribute is_training: found true'],
    ["products of two values", withNode("MatMul", {}, {}, ["image", "image"]), '"it" (MatMul), input b'],
    ["a mean of rows and channels", withAxes(1, 3), '"it" (Mean), input reduction_indices: found axes 1, 3'],
    ["an axis that is not there", withAxes(4), '"it" (Mean), axis: found 4, expected one from -4 to 3'],
    ["a node that is missing", withNode("Relu", {}, {}, ["other"]), '"it" (Relu): reads "other", which is no node'],
    [
      "an output that is missing",
      withNode("Relu", {}, {}, ["image:1"]),
      '"it" (Relu), inputs: reads output 1 of "image", which the node does not have',
    ],
    ["a circle", withNode("Relu", {}, {}, ["it"]), '"it" (Relu): the node\'s input depends on its own output'],
    ["no dependence on the input", withNode("Identity", {}, { a: [2] }, ["a"]), "found 0 inputs, expected one"],
  ])("%s", (_title, file, expected) => {
    expect(complaint(file)).toContain(expected);
    expect(complaint(file)).toContain("model.json");
  });

  function withPadOf(value: number): GraphModelFile {
    const model = new GraphModelBuilder([-1, 4, 4, 2]);
    model.constant("paddings", [4, 2], [0, 0, 1, 1, 1, 1, 0, 0], "int32");
    model.constant("value", [], [value]);
    model.add("PadV2", "it", ["image", "paddings", "value"]);
    return model.file();
  }

  function withTraining(): GraphModelFile {
    return withNode("FusedBatchNormV3", { is_training: flag(true) }, { a: [2], b: [2], c: [2], d: [2] });
  }

  function withAxes(...axes: number[]): GraphModelFile {
    const model = new GraphModelBuilder([-1, 4, 4, 2]);
    model.list("axes", ...axes);
    model.add("Mean", "it", ["image", "axes"]);
    return model.file();
  }

  it("all of them at once", () => {
    const model = new GraphModelBuilder([-1, 4, 4, 2]);
    model.add("Cumsum", "one", ["image"]);
    model.add("Multinomial", "two", ["one"]);
    expect(complaint(model.file()).split("\n")).toHaveLength(2);
  });
});

describe("inputs and outputs", () => {
  it.each([
    ["a batch of two", [2, 4, 4, 2]],
    ["open rows", [-1, -1, 4, 2]],
    ["a list of numbers without a batch", [-1]],
    ["five axes", [-1, 2, 2, 2, 2]],
  ])("%s is refused", (_title, shape) => {
    const model = new GraphModelBuilder(shape);
    model.add("Relu", "it", ["image"]);
    expect(complaint(model.file())).toContain('model.json: node "image" (Placeholder): found shape');
  });

  it("integers must be cast before they are computed with", () => {
    const model = new GraphModelBuilder([1, 4, 4, 2], 1, "DT_INT32");
    model.add("Relu", "it", ["image"]);
    expect(complaint(model.file())).toContain('"it" (Relu), inputs: found integers, expected floats');
  });

  it("two outputs are refused by name; without a signature the value that nobody reads is the output", () => {
    const model = new GraphModelBuilder([-1, 3]);
    model.add("Relu", "a", ["image"]);
    model.add("Tanh", "b", ["image"]);
    const { json, weights } = model.file();
    expect(complaint({ json: { ...json, signature: undefined }, weights })).toContain(
      'found 2 outputs ("a", "b"), expected one',
    );
    expect(importGraph({ json, weights }).output).toBe("b");
  });

  it("what the output does not depend on is left out, its weights too", () => {
    const model = new GraphModelBuilder([-1, 3]);
    model.weight("kernel", [3, 3]);
    model.add("Cumsum", "training", ["image", "kernel"]);
    model.add("Relu", "it", ["image"]);
    expect(importGraph(model.file()).nodes.map(({ name }) => name)).toEqual(["it"]);
  });
});

describe("weights", () => {
  it("one that is missing or belongs to no node", () => {
    const { json, weights } = withNode("Conv2D", STRIDES, KERNEL);
    const manifest = (name: string) => ({ paths: ["w"], weights: [{ name, shape: [3, 3, 2, 5], dtype: "float32" }] });
    const text = complaint({ json: { ...json, weightsManifest: [manifest("other")] }, weights });
    expect(text).toContain('node "kernel" (Const), value: the manifest holds no weight of that name');
    expect(text).toContain('weight "other" belongs to no node that reads it');
  });

  it("shards that are cut off", () => {
    const { json, weights } = withNode("Conv2D", STRIDES, KERNEL);
    expect(complaint({ json, weights: weights.subarray(1) })).toContain("MODEL_SHARD");
  });

  it("constants that would grow beyond what the model's size explains are refused before memory is taken", () => {
    const model = new GraphModelBuilder([-1, 4]);
    model.list("sizes", 2 ** 14, 2 ** 14);
    model.constant("value", [], [1]);
    model.add("Fill", "large", ["sizes", "value"]);
    model.add("AddV2", "it", ["image", "large"]);
    expect(complaint(model.file())).toContain('node "large" (Fill), output: a constant [16384, 16384] is computed');
    const wide = new GraphModelBuilder([-1, 2 ** 25]);
    wide.constant("value", [], [1]);
    wide.add("AddV2", "it", ["image", "value"]);
    expect(complaint(wide.file())).toContain('node "it" (AddV2), output: a constant [4, 33554432] is computed');
  });
});

it("a chain of nodes that add axes ends", () => {
  const model = new GraphModelBuilder([-1, 3]);
  model.scalar("axis", 1);
  for (let index = 0; index < 100; index++) {
    model.add("ExpandDims", `n${index}`, [index === 0 ? "image" : `n${index - 1}`, "axis"]);
  }
  expect(complaint(model.file())).toContain('node "n14" (ExpandDims), output: found 17 axes, expected at most 16');
});

it("the kind of a model is told by its format, else by its topology", () => {
  const { json, weights } = withNode("Conv2D", STRIDES, KERNEL);
  expect(importTfjsModel(json, weights, "model.json").nodes).toHaveLength(1);
  expect(importTfjsModel({ ...json, format: undefined }, weights, "model.json").nodes).toHaveLength(1);
  expect(() => importTfjsModel({ ...json, format: "layers-model" }, weights, "model.json")).toThrow(DiagnosticError);
  expect(tfjsWeightPaths(json)).toEqual(["group1-shard1of1.bin"]);
  expect(() => tfjsWeightPaths({ ...json, weightsManifest: [{ paths: ["../w"], weights: [] }] })).toThrow(
    "leads upwards",
  );
});

it("a chain of 12,000 nodes in reverse order", () => {
  const model = new GraphModelBuilder([-1, 3]);
  for (let index = 0; index < 12_000; index++) {
    model.add("Relu", `n${index}`, [index === 0 ? "image" : `n${index - 1}`], { T: integer(1) });
  }
  model.nodes.reverse();
  expect(importGraph(model.file("n11999")).nodes).toHaveLength(12_000);
});
