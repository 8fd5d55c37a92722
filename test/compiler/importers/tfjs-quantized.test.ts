/** Weights that the converter has made smaller decode to the numbers TensorFlow.js decodes. */
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { importTfjsLayersModel } from "../../../compiler/importers/tfjs/import.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { loadTensorFlow, type TensorFlow } from "../../../runtime/training/tensorflow.ts";
import { expectSameAsExecutor, flag, GraphModelBuilder, importGraph } from "./graph-model.ts";

let tf: TensorFlow;
beforeAll(async () => {
  ({ tf } = await loadTensorFlow());
});

const UNITS = 61;

function modelJson(quantization: unknown) {
  const dense = { units: UNITS, use_bias: false, batch_input_shape: [null, 4], name: "fc" };
  return {
    modelTopology: { class_name: "Sequential", config: { layers: [{ class_name: "Dense", config: dense }] } },
    weightsManifest: [
      { paths: ["w.bin"], weights: [{ name: "fc/kernel", shape: [4, UNITS], dtype: "float32", quantization }] },
    ],
  };
}

it.each([
  ["uint8", 1, { dtype: "uint8" as const, scale: 0.0123, min: -1.7 }],
  ["uint16", 2, { dtype: "uint16" as const, scale: 0.000123, min: 0.3 }],
  ["float16", 2, { dtype: "float16" as const }],
])("%s", async (dtype, bytes, quantization) => {
  // Every eleventh pattern of 16 bits below infinity, subnormal and negative ones included.
  const stored = new Uint16Array(4 * UNITS).map((_, index) => {
    const pattern = (index * 126) % 0x7c00;
    return index % 2 === 0 ? pattern : pattern | 0x8000;
  });
  const data = bytes === 1 ? Uint8Array.from(stored, (value) => value & 0xff) : new Uint8Array(stored.buffer);
  const graph = importTfjsLayersModel(modelJson(quantization), data, "model.json");
  const [node] = graph.nodes;
  const spec = {
    name: "k",
    shape: [4, UNITS],
    dtype: "float32" as const,
    quantization: { scale: 1, min: 0, ...quantization },
  };
  const expected = await tf.io.decodeWeights(data.slice().buffer, [spec as never]).k?.data();
  expect(dtype).toBe(quantization.dtype);
  expect(node?.op === "dense" ? Array.from(node.kernel.data) : []).toEqual(Array.from(expected ?? []));
});

it("an integer without scale and min is refused", () => {
  const json = modelJson({ dtype: "uint8", scale: 0.5 });
  expect(() => importTfjsLayersModel(json, new Uint8Array(4 * UNITS), "model.json")).toThrow(DiagnosticError);
  expect(() => importTfjsLayersModel(json, new Uint8Array(4 * UNITS), "model.json")).toThrow(
    "is quantized to uint8 without scale and min",
  );
});

it("graph models: float32 and int32 weights in shards of uint8, uint16 and float16", async () => {
  const storage = fc.constantFrom("uint8" as const, "uint16" as const, "float16" as const);
  await fc.assert(
    fc.asyncProperty(storage, fc.uint8Array({ minLength: 24, maxLength: 24 }), async (dtype, bytes) => {
      const { json } = quantizedGraph();
      const kernel = dtype === "float16" ? { dtype } : { dtype, scale: 0.01, min: -0.4 };
      const stored =
        dtype === "uint8" ? bytes.subarray(0, 12) : bytes.map((byte, at) => (at % 2 === 1 ? byte & 0x3f : byte));
      // The shape [1, -1]: 1 = round(2 · 1.26 − 1.5), -1 = round(0 · 1.26 − 1.5).
      const weights = [
        { name: "kernel", shape: [3, 4], dtype: "float32", quantization: kernel },
        { name: "shape", shape: [2], dtype: "int32", quantization: { dtype: "uint8", scale: 1.26, min: -1.5 } },
      ];
      const manifest = [{ paths: ["w.bin"], weights }];
      const file = { json: { ...json, weightsManifest: manifest }, weights: Uint8Array.from([...stored, 2, 0]) };
      await expectSameAsExecutor(tf, file);
    }),
    { numRuns: 20 },
  );
});

it("graph models: types that the stored numbers do not fit are refused", () => {
  const { json } = quantizedGraph();
  const load = (weight: object, shard: Uint8Array) => {
    const weights = [{ name: "kernel", shape: [3, 4], ...weight }];
    return importGraph({ json: { ...json, weightsManifest: [{ paths: ["w.bin"], weights }] }, weights: shard });
  };
  const affine = { dtype: "uint8", scale: 1, min: 0 };
  const half = { dtype: "float16" };
  expect(() => load({ dtype: "bool", quantization: affine }, new Uint8Array(12))).toThrow("of type bool is quantized");
  expect(() => load({ dtype: "int32", quantization: half }, new Uint8Array(24))).toThrow("is stored as float16");
  expect(() => load({ dtype: "string" }, new Uint8Array(12))).toThrow(DiagnosticError);
});

/** A product with a matrix, then a reshape to [1, −1]. */
function quantizedGraph() {
  const model = new GraphModelBuilder([-1, 3]);
  model.weight("kernel", [3, 4]);
  model.list("shape", 1, -1);
  model.add("MatMul", "fc", ["image", "kernel"], { transpose_a: flag(false), transpose_b: flag(false) });
  model.add("Reshape", "shaped", ["fc", "shape"]);
  return model.file();
}
