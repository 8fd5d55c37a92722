/** Arrays in the shape that a model declares are its input as they are; other orders of axes are guessed and said, or told. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { legalise } from "../../../../compiler/legalisation/index.ts";
import { interpret } from "../../../../compiler/tensor-graph/evaluation/interpret.ts";
import { numbersOf, tensorFrom } from "../../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, TensorGraph } from "../../../../compiler/tensor-graph/tensor-graph.ts";
import { DiagnosticError } from "../../../../isa/diagnostic.ts";
import { type OpenOptions, openDataset } from "../../../../runtime/datasets/open-dataset.ts";
import type { Layout } from "../../../../runtime/datasets/preprocessing/layout.ts";
import {
  type PreprocessingSpecification,
  preprocessingFrom,
} from "../../../../runtime/datasets/preprocessing/recipes.ts";
import { channelsLastElements, expectNetwork, transposedElements } from "../../../compiler/legalisation/compare.ts";
import { Draw } from "../../../compiler/legalisation/random-network.ts";
import { float, integers, model, scalar } from "../../../compiler/legalisation/small-models.ts";
import { npyBytes, npyFile } from "../files.ts";

const draw = new Draw(11);
const where = "layout.onnx";

let folder: string;
let files = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-layout-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function array(shape: readonly number[], data: readonly number[]): string {
  const path = join(folder, `${files++}.npy`);
  writeFileSync(path, npyFile("<f4", shape, npyBytes("<f4", data)));
  return path;
}

const conv = { w: float([2, 3, 2, 3], draw.numbers(36)) };
const conv1 = { w: float([2, 3, 2], draw.numbers(12)) };
const dense = (features: number) => ({ w: float([features, 3], draw.numbers(3 * features)) });
const toLast = { perm: [0, 3, 1, 2] };

/** Models that say the order of their input's axes in every way; the shape is that of one image. */
const MODELS: Readonly<Record<string, { readonly shape: readonly number[]; readonly graph: TensorGraph }>> = {
  "[N, C, H, W] before a convolution": {
    shape: [3, 4, 5],
    graph: model([1, 3, 4, 5], conv, [{ name: "conv", operator: "Conv", inputs: ["x", "w"] }]),
  },
  "[N, C, H, W] through Pad, Mul and Cast": {
    shape: [3, 4, 5],
    graph: model([1, 3, 4, 5], { ...conv, half: scalar(0.5), pads: integers([0, 0, 1, 0, 0, 0, 1, 2]) }, [
      { name: "mul", operator: "Mul", inputs: ["x", "half"] },
      { name: "pad", operator: "Pad", inputs: ["mul'", "pads"] },
      { name: "cast", operator: "Cast", inputs: ["pad'"], attributes: { to: 1 } },
      { name: "conv", operator: "Conv", inputs: ["cast'", "w"] },
    ]),
  },
  "[N, H, W, C] moved forward at once": {
    shape: [4, 5, 3],
    graph: model([1, 4, 5, 3], conv, [
      { name: "forward", operator: "Transpose", inputs: ["x"], attributes: toLast },
      { name: "conv", operator: "Conv", inputs: ["forward'", "w"] },
    ]),
  },
  "[N, H, W, C] moved forward after a mean is taken off": {
    shape: [4, 5, 3],
    graph: model([1, 4, 5, 3], { ...conv, mean: float([3], [0.5, -0.25, 0.125]) }, [
      { name: "sub", operator: "Sub", inputs: ["x", "mean"] },
      { name: "forward", operator: "Transpose", inputs: ["sub'"], attributes: toLast },
      { name: "conv", operator: "Conv", inputs: ["forward'", "w"] },
    ]),
  },
  "[N, H, W, 1] reshaped": {
    shape: [4, 5, 1],
    graph: model([1, 4, 5, 1], { w: float([2, 1, 2, 3], draw.numbers(12)), shape: integers([-1, 1, 4, 5]) }, [
      { name: "forward", operator: "Reshape", inputs: ["x", "shape"] },
      { name: "conv", operator: "Conv", inputs: ["forward'", "w"] },
    ]),
  },
  "[N, H, W, C] averaged over rows and columns": {
    shape: [4, 5, 3],
    graph: model([1, 4, 5, 3], dense(3), [
      { name: "mean", operator: "ReduceMean", inputs: ["x"], attributes: { axes: [1, 2], keepdims: 0 } },
      { name: "fc", operator: "Gemm", inputs: ["mean'", "w"] },
    ]),
  },
  "[N, H, W] flattened": {
    shape: [4, 5],
    graph: model([1, 4, 5], dense(20), [
      { name: "flat", operator: "Flatten", inputs: ["x"] },
      { name: "fc", operator: "Gemm", inputs: ["flat'", "w"] },
    ]),
  },
  "[N, C, H, W] flattened": {
    shape: [3, 2, 4],
    graph: model([1, 3, 2, 4], dense(24), [
      { name: "flat", operator: "Flatten", inputs: ["x"] },
      { name: "fc", operator: "Gemm", inputs: ["flat'", "w"] },
    ]),
  },
  "[N, T, F] times a matrix": {
    shape: [6, 4],
    graph: model([1, 6, 4], dense(4), [{ name: "fc", operator: "MatMul", inputs: ["x", "w"] }]),
  },
  "[N, C, L] before a convolution": {
    shape: [3, 7],
    graph: model([1, 3, 7], conv1, [{ name: "conv", operator: "Conv", inputs: ["x", "w"] }]),
  },
  "[N, C, L] padded before a convolution": {
    shape: [3, 7],
    graph: model([1, 3, 7], { ...conv1, pads: integers([0, 0, 1, 0, 0, 0]) }, [
      { name: "pad", operator: "Pad", inputs: ["x", "pads"] },
      { name: "conv", operator: "Conv", inputs: ["pad'", "w"] },
    ]),
  },
};

async function expectData(
  graph: TensorGraph,
  declared: readonly number[],
  path: string,
  options: { readonly layout?: Layout; readonly images?: number } = {},
) {
  const network = legalise(graph, { where }).graph;
  const data = await openDataset(path, {
    preprocessing: preprocessingFrom({ scale: 1 }),
    input: network.input,
    ...(options.layout && { layout: options.layout }),
  });
  const { values } = await data.read(0, 1);
  const results = interpret(
    graph,
    new Map([["x", tensorFrom("float32", graph.inputs[0]?.shape as number[], declared)]]),
  );
  const [output] = results.values() as IterableIterator<AnyTensor>;
  const { shape } = output as AnyTensor;
  const expected = Array.from(numbersOf(output as AnyTensor));
  // Convolutions yield channels first, and the network stores them last.
  const isImage = graph.nodes.at(-1)?.operator === "Conv";
  expectNetwork(network, Array.from(values), isImage ? channelsLastElements(shape, expected) : expected);
  return data;
}

const size = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);

describe.each(Object.entries(MODELS))("%s", (_form, { shape, graph }) => {
  const image = draw.numbers(size(shape)).map(Math.fround);

  it("takes an array of the declared shape as it is", async () => {
    const data = await expectData(graph, image, array([1, ...shape], image));
    expect(data.layout).toEqual({ order: "declared", guessed: false, stored: shape });
  });

  it("takes it with further axes of size 1", async () => {
    if (shape.length === 2) await expectData(graph, image, array([1, ...shape, 1], image));
  });

  it("takes all its elements in one row, and says that it guessed", async () => {
    const data = await expectData(graph, image, array([1, size(shape)], image));
    expect(data.layout).toMatchObject({ order: "declared", guessed: true });
  });

  it("takes what it is told, whatever the sizes are", async () => {
    await expectData(graph, image, array([1, ...shape], image), { layout: "declared" });
  });
});

describe("an array in another order", () => {
  const { shape, graph } = MODELS["[N, C, H, W] before a convolution"] as (typeof MODELS)[string];
  const image = draw.numbers(size(shape)).map(Math.fround);

  it("with channels last is recognised by its sizes", async () => {
    const data = await expectData(graph, image, array([1, 4, 5, 3], transposedElements(shape, [1, 2, 0], image)));
    expect(data.layout).toEqual({ order: "channels-last", guessed: true, stored: [4, 5, 3] });
  });

  it("with channels first before a network that declares them last", async () => {
    const last = MODELS["[N, H, W, C] moved forward at once"] as (typeof MODELS)[string];
    const data = await expectData(
      last.graph,
      image,
      array([1, 3, 4, 5], transposedElements(last.shape, [2, 0, 1], image)),
    );
    expect(data.layout).toEqual({ order: "channels-first", guessed: true, stored: [3, 4, 5] });
  });

  it("of steps before channels is recognised where they are lines", async () => {
    const lines = MODELS["[N, C, L] padded before a convolution"] as (typeof MODELS)[string];
    const line = draw.numbers(21).map(Math.fround);
    const data = await expectData(lines.graph, line, array([1, 7, 3], transposedElements([3, 7], [1, 0], line)));
    expect(data.layout).toMatchObject({ order: "channels-last", guessed: true });
  });

  it("of a cube means what the model declares, or what --layout says", async () => {
    const cube = model([1, 3, 3, 3], conv, [{ name: "conv", operator: "Conv", inputs: ["x", "w"] }]);
    const values = draw.numbers(27).map(Math.fround);
    const path = array([1, 3, 3, 3], values);
    await expectData(cube, values, path);
    await expectData(cube, values, path, { layout: "channels-first" });
    const last = array([1, 3, 3, 3], transposedElements([3, 3, 3], [1, 2, 0], values));
    await expectData(cube, values, last, { layout: "channels-last" });
  });
});

describe("preprocessing", () => {
  const { graph } = MODELS["[N, C, H, W] before a convolution"] as (typeof MODELS)[string];

  async function read(path: string, specification: PreprocessingSpecification, options: OpenOptions = {}) {
    const { input } = legalise(graph, { where }).graph;
    const data = await openDataset(path, { preprocessing: preprocessingFrom(specification), input, ...options });
    return { shape: data.shape, values: Array.from((await data.read(0, 1)).values) };
  }

  it("takes mean and scale per channel, wherever the channels stand", async () => {
    const image = draw.numbers(60).map(Math.fround);
    const specification = { scale: [2, 4, 8], offset: [1, 2, 3] };
    const first = await read(array([1, 3, 4, 5], image), specification);
    const last = await read(array([1, 4, 5, 3], transposedElements([3, 4, 5], [1, 2, 0], image)), specification);
    expect(first).toEqual(last);
    expect(first.values[1]).toBe(Math.fround((image[20] ?? 0) * 4 + 2));
  });

  it("crops arrays with channels first", async () => {
    const image = draw.numbers(3 * 6 * 9).map(Math.fround);
    const specification = { scale: 1, crop: { rows: 4, columns: 5 } };
    const first = await read(array([1, 3, 6, 9], image), specification);
    expect(first.shape).toEqual([4, 5, 3]);
    expect(first).toEqual(
      await read(array([1, 6, 9, 3], transposedElements([3, 6, 9], [1, 2, 0], image)), specification),
    );
  });
});

describe("refusals", () => {
  const { graph } = MODELS["[N, C, H, W] before a convolution"] as (typeof MODELS)[string];

  it("of other sizes name both shapes", async () => {
    const { input } = legalise(graph, { where }).graph;
    const open = openDataset(array([1, 3, 4, 6], draw.numbers(72)), { input, layout: "declared" });
    await expect(open).rejects.toThrow(DiagnosticError);
    await expect(open).rejects.toThrow("images of 3 × 4 × 6, and the model declares 3 × 4 × 5");
  });
});
