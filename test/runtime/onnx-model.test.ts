import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { legalise } from "../../compiler/legalisation/index.ts";
import { prepareGraph } from "../../compiler/prepare-graph.ts";
import { interpret } from "../../compiler/tensor-graph/evaluation/interpret.ts";
import { numbersOf, tensorFrom } from "../../compiler/tensor-graph/tensor.ts";
import { loadTensorFlow } from "../../runtime/float-reference/backend.ts";
import { FloatNetwork } from "../../runtime/float-reference/interpreter.ts";
import { openModel } from "../../runtime/model.ts";
import { encodeMessage, encodeModel, type ModelSketch, modelMessage } from "../compiler/importers/onnx-model.ts";
import { storedElements } from "../compiler/legalisation/compare.ts";
import { Draw, randomNetwork } from "../compiler/legalisation/random-network.ts";

const draw = new Draw(21);
const weights = tensorFrom("float32", [3, 2, 2, 2], draw.numbers(24));

/** A convolution, a global mean and a named batch: 2 × 3 × 4 images. */
const sketch: ModelSketch = {
  inputs: { image: { shape: ["batch", 2, 3, 4] } },
  constants: { weights },
  nodes: [
    { operator: "Conv", name: "conv1", inputs: ["image", "weights"], outputs: ["a"] },
    { operator: "GlobalAveragePool", name: "mean", inputs: ["a"], outputs: ["b"] },
    { operator: "Flatten", name: "flat", inputs: ["b"], outputs: ["logits"] },
  ],
  outputs: ["logits"],
};

/** The same with its weights in the file `location` beside it. */
function withExternalWeights(location: string): Uint8Array {
  const message = modelMessage(sketch) as { graph: { initializer: Record<string, unknown>[] } };
  for (const initializer of message.graph.initializer) {
    delete initializer.rawData;
    initializer.dataLocation = 1;
    initializer.externalData = [
      { key: "location", value: location },
      { key: "offset", value: "4" },
      { key: "length", value: "96" },
    ];
  }
  return encodeMessage(message as unknown as Parameters<typeof encodeMessage>[0]);
}

const externalBytes = new Uint8Array([1, 2, 3, 4, ...new Uint8Array(weights.data.buffer)]);

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "onnx-"));
  await mkdir(join(folder, "network"));
  await mkdir(join(folder, "two"));
  await writeFile(join(folder, "network", "anything.onnx"), encodeModel(sketch));
  await writeFile(join(folder, "two", "a.onnx"), encodeModel(sketch));
  await writeFile(join(folder, "two", "model.onnx"), withExternalWeights("weights.bin"));
  await writeFile(join(folder, "two", "weights.bin"), externalBytes);
  await writeFile(join(folder, "weights.bin"), externalBytes);
  await writeFile(join(folder, "two", "outside.onnx"), withExternalWeights("../weights.bin"));
  await writeFile(join(folder, "two", "missing.onnx"), withExternalWeights("nowhere.bin"));
  await writeFile(join(folder, "two", "broken.onnx"), encodeModel(sketch).subarray(0, 150));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe("an ONNX model", () => {
  it("opens by its file or by the folder that holds it alone, and bears that name", async () => {
    const byFolder = await openModel(join(folder, "network"));
    const byFile = await openModel(join(folder, "network", "anything.onnx"));
    expect([byFolder.name, byFile.name, byFile.graph.name]).toEqual(["network", "anything", "anything"]);
    expect(byFile.graph.input).toEqual({
      name: "image",
      shape: [3, 4, 2],
      declared: { shape: [2, 3, 4], order: [1, 2, 0] },
    });
    expect(byFile.graph.nodes.map(({ name }) => name)).toEqual(["conv1", "mean", "logits/view"]);
    expect(byFile.assignment).toEqual({});
  });

  it("reads its weights from the files beside it", async () => {
    const { name, graph } = await openModel(join(folder, "two", "model.onnx"));
    const whole = await openModel(join(folder, "two", "a.onnx"));
    expect(name).toBe("two");
    expect({ ...graph, name: "" }).toEqual({ ...whole.graph, name: "" });
  });

  it("is refused where a file lies outside its folder, is missing, or is cut off", async () => {
    await expect(openModel(join(folder, "two", "outside.onnx"))).rejects.toThrow(/leads out of/);
    await expect(openModel(join(folder, "two", "missing.onnx"))).rejects.toThrow(/nowhere\.bin: no such file/);
    await expect(openModel(join(folder, "two", "broken.onnx"))).rejects.toThrow(/error\[/);
  });

  it("must be named where a folder holds several", async () => {
    await expect(openModel(join(folder, "two"))).rejects.toThrow(/found 5 ONNX files/);
  });
});

describe("the float reference of a legalised network", () => {
  it("computes what the interpreter of the tensor graph computes, for random graphs", { timeout: 60_000 }, async () => {
    const { tf } = await loadTensorFlow();
    for (let seed = 0; seed < 60; seed++) {
      const tensorGraph = randomNetwork(seed, 4);
      const shape = (tensorGraph.inputs[0]?.shape ?? []) as readonly number[];
      const data = new Draw(seed).numbers(shape.reduce((a, b) => a * b, 1)).map(Math.fround);
      const [output] = interpret(tensorGraph, new Map([["x", tensorFrom("float32", shape, data)]])).values();
      const expected = output === undefined ? [] : Array.from(numbersOf(output));
      const { graph } = legalise(tensorGraph, { where: "random.onnx" });
      const closing = graph.nodes.every(({ op, name }) => op !== "softmax" || name === graph.output);
      for (const network of closing ? [graph, prepareGraph(graph)] : [graph]) {
        const float = new FloatNetwork(tf, network);
        const found = await float.run(Float32Array.from(storedElements(graph, data)), 1);
        float.dispose();
        const scale = Math.max(1e-3, ...expected.map(Math.abs));
        const worst = Math.max(...expected.map((value, index) => Math.abs(value - (found[index] ?? Number.NaN))));
        expect({ seed, length: found.length, near: worst / scale < 1e-3 }).toEqual({
          seed,
          length: expected.length,
          near: true,
        });
      }
    }
  });
});
