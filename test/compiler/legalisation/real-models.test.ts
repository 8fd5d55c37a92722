import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { printGraph } from "../../../compiler/graph/print.ts";
import { readOnnxModel } from "../../../compiler/importers/onnx/index.ts";
import { type LegalisedNetwork, legalise } from "../../../compiler/legalisation/index.ts";
import { prepareGraph } from "../../../compiler/prepare-graph.ts";
import { evaluateAllValues } from "../../oracles/graph-float.ts";
import { expectNetwork, interpreted, storedElements } from "./compare.ts";
import { Draw } from "./random-network.ts";
import { compiled, wordsOnMachine } from "./small-models.ts";

/** Networks and labelled data beside the project; without them these tests are skipped. */
const DATA = resolve(import.meta.dirname, "../../../../shared/data");

function modelPath(name: string): string {
  return resolve(DATA, name);
}

function legalised(path: string): LegalisedNetwork {
  return legalise(readOnnxModel(readFileSync(path), path), { where: path });
}

describe("real networks become what their authors call them", () => {
  const lenet = modelPath("lenet-mnist/model.onnx");
  it.skipIf(!existsSync(lenet))("LeNet: eight nodes, the flatten read in the model's own order", () => {
    const { graph, assignment } = legalised(lenet);
    expect(assignment).toEqual({});
    expect(printGraph(prepareGraph(graph)).split("\n").slice(1)).toEqual([
      "input [28, 28, 1] = input",
      "/conv1/Conv [24, 24, 20] = conv2d(input) · kernel [5, 5, 1, 20] · bias [20]",
      "/MaxPool [12, 12, 20] = pool(/conv1/Conv) · maximum of 2 × 2 · strides 2 × 2",
      "/conv2/Conv [8, 8, 50] = conv2d(/MaxPool) · kernel [5, 5, 20, 50] · bias [50]",
      "/MaxPool_1 [4, 4, 50] = pool(/conv2/Conv) · maximum of 2 × 2 · strides 2 × 2",
      "/ip1/Gemm [500] = dense(/MaxPool_1) · kernel [800, 500] · bias [500] · channels-first · relu",
      "/ip2/Gemm [10] = dense(/ip1/Gemm) · kernel [500, 10] · bias [10]",
      "output /ip2/Gemm",
      "",
    ]);
  });

  const resnet = modelPath("resnet20-cifar10/model.onnx");
  it.skipIf(!existsSync(resnet))("ResNet-20: shortcuts as slices and zero channels, no shape arithmetic left", () => {
    const { graph } = legalised(resnet);
    const operators = prepareGraph(graph).nodes.map(({ op }) => op);
    const count = (op: string): number => operators.filter((operator) => operator === op).length;
    expect({ conv2d: count("conv2d"), add: count("add"), slice: count("slice"), pad: count("pad") }).toEqual({
      conv2d: 19,
      add: 9,
      slice: 2,
      pad: 2,
    });
    expect(count("transpose")).toBe(0);
  });

  const googlenet = modelPath("googlenet-imagenet/model.onnx");
  it.skipIf(!existsSync(googlenet))("GoogLeNet: nine inceptions, two local normalizations", () => {
    const { graph } = legalised(googlenet);
    const count = (op: string): number => graph.nodes.filter((node) => node.op === op).length;
    expect({ conv2d: count("conv2d"), concatenate: count("concatenate"), lrn: count("lrn") }).toEqual({
      conv2d: 57,
      concatenate: 9,
      lrn: 2,
    });
    // Pools that round their sizes up reach one row and column beyond the image.
    expect(graph.nodes.find(({ name }) => name === "pool1")).toMatchObject({
      shape: [56, 56, 64],
      padding: { top: 0, bottom: 1, left: 0, right: 1 },
    });
  });
});

describe("real networks compute what the interpreter of the tensor graph computes", () => {
  for (const name of ["lenet-mnist", "lenet-fashion", "resnet20-cifar10"]) {
    const path = modelPath(`${name}/model.onnx`);
    it.skipIf(!existsSync(path))(name, { timeout: 120_000 }, () => {
      const tensorGraph = readOnnxModel(readFileSync(path), path);
      const { graph } = legalise(tensorGraph, { where: path });
      const [rows = 1, columns = 1, channels = 1] = graph.input.shape;
      const shape = [1, channels, rows, columns];
      const data = new Draw(7).numbers(rows * columns * channels, 0, 1).map(Math.fround);
      const [input] = tensorGraph.inputs;
      const single = { ...tensorGraph, inputs: input === undefined ? [] : [{ ...input, shape }] };
      expectNetwork(prepareGraph(graph), storedElements(graph, data), interpreted(single, data));
    });
  }
});

describe("the integer network Frontnet", () => {
  const folder = modelPath("frontnet-int8");
  const numbersIn = (file: string): number[] =>
    readFileSync(resolve(folder, file), "utf8")
      .split("\n")
      .slice(1)
      .filter((line) => line.trim() !== "")
      .map((line) => Number.parseFloat(line));
  const layers = ["Conv_0", "MaxPool_10", "Conv_11", "Conv_21", "Conv_31", "Conv_41", "Conv_51", "Conv_61", "Gemm_72"];

  it.skipIf(!existsSync(folder))("has the outputs its authors give, layer by layer", { timeout: 120_000 }, () => {
    const prepared = prepareGraph(legalised(resolve(folder, "Frontnet.onnx")).graph);
    expect(prepared.nodes.map(({ name }) => name)).toEqual(layers);
    const values = evaluateAllValues(prepared, numbersIn("input.txt"));
    layers.forEach((layer, index) => {
      const found = values.get(layer)?.data ?? [];
      const expected = numbersIn(`out_layer${index}.txt`);
      const wrong = expected.findIndex((value, place) => value !== found[place]);
      expect({ layer, wrong, count: found.length }).toEqual({ layer, wrong: -1, count: expected.length });
    });
  });

  it.skipIf(!existsSync(folder))("leaves these outputs on the machine, bit for bit", { timeout: 120_000 }, () => {
    const compilation = compiled(legalised(resolve(folder, "Frontnet.onnx")));
    const stored = wordsOnMachine(compilation, numbersIn("input.txt"));
    layers.forEach((layer, index) => {
      const found = stored.get(layer) ?? [];
      const expected = numbersIn(`out_layer${index}.txt`);
      const wrong = expected.findIndex((value, place) => value !== found[place]);
      expect({ layer, wrong, count: found.length }).toEqual({ layer, wrong: -1, count: expected.length });
    });
  });

  it.skipIf(!existsSync(folder))("prescribes the integers of its registers", () => {
    const { assignment } = legalised(resolve(folder, "Frontnet.onnx"));
    // All other registers follow from the integers of the layers.
    expect(assignment).toEqual({ layers: { Conv_0: { input: "u8,0" } } });
  });
});
