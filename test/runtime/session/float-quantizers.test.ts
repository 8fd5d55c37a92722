import { expect, it } from "vitest";
import { readOnnxModel } from "../../../compiler/importers/onnx/index.ts";
import { legalise } from "../../../compiler/legalisation/index.ts";
import { prepareGraph } from "../../../compiler/prepare-graph.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import { openFloatSide } from "../../../runtime/session/float.ts";
import { encodeModel } from "../../compiler/importers/onnx-model.ts";

/** fc1 → Quant of 4 bits → fc2: the quantizer decides two of three classes. */
function model() {
  const floats = (shape: readonly number[], numbers: readonly number[]) => tensorFrom("float32", shape, numbers);
  const graph = readOnnxModel(
    encodeModel({
      domains: { "qonnx.custom_op.general": 1 },
      inputs: { x: { shape: [1, 1] } },
      constants: {
        w1: floats([1, 2], [1, 1]),
        w2: floats([2, 2], [1, 0, 0, 0.9]),
        b: floats([2], [0, 0]),
        one: floats([], [1]),
        zero: floats([], [0]),
        bits: floats([], [4]),
      },
      nodes: [
        { operator: "Gemm", inputs: ["x", "w1", "b"], outputs: ["a"], name: "fc1" },
        {
          operator: "Quant",
          domain: "qonnx.custom_op.general",
          inputs: ["a", "one", "zero", "bits"],
          outputs: ["q"],
          name: "quant",
          attributes: { signed: 1n, narrow: 0n, rounding_mode: "ROUND" },
        },
        { operator: "Gemm", inputs: ["q", "w2"], outputs: ["y"], name: "fc2" },
      ],
      outputs: ["y"],
    }),
    "model.onnx",
  );
  const network = legalise(graph, { where: "model.onnx" }).graph;
  return { graph: network, lowerable: prepareGraph(network) };
}

it("the float reference computes the model's own quantizers, or leaves them out where it is told, and says which", async () => {
  const images = { first: 0, count: 3, values: Float32Array.of(0.4, 1.4, 1.6), labels: null };
  const rounded = await openFloatSide(model());
  expect(Array.from(await rounded.logits(images))).toEqual([0, 0, 1, Math.fround(0.9), 2, Math.fround(1.8)]);
  expect(rounded.backend).toMatch(/, with the model's quantizers$/);
  const plain = await openFloatSide(model(), { quantizers: false });
  const found = Array.from(await plain.logits(images));
  for (const [index, value] of [0.4, 0.36, 1.4, 1.26, 1.6, 1.44].entries()) expect(found[index]).toBeCloseTo(value, 5);
  expect(plain.backend).toMatch(/, without the model's quantizers$/);
  // After the passes the value of a layer is what its register writes.
  const values = new Map<string | undefined, readonly number[]>();
  await rounded.lowered.run(images.values, 3, (name, computed) => {
    values.set(rounded.lowered.layerOf(name), Array.from(computed));
    return undefined;
  });
  expect(values.get("fc1")).toEqual([0, 0, 1, 1, 2, 2]);
});
