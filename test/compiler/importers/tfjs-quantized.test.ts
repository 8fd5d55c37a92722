/** Weights that the converter has made smaller decode to the numbers TensorFlow.js decodes. */
import { beforeAll, expect, it } from "vitest";
import { importTfjsLayersModel } from "../../../compiler/importers/tfjs/import.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { loadTensorFlow, type TensorFlow } from "../../../runtime/float-reference/backend.ts";

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
