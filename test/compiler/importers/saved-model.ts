/** Models built through the TensorFlow.js API, saved, and imported. */
import { expect } from "vitest";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { importTfjsLayersModel } from "../../../compiler/importers/tfjs/import.ts";
import type { LayersModel, TensorFlow } from "../../../runtime/training/tensorflow.ts";
import { randomFloats } from "../../arbitraries/graph.ts";
import { evaluateGraph } from "../../oracles/graph-float.ts";

export interface SavedModel {
  readonly json: Record<string, unknown>;
  readonly weights: Uint8Array;
}

/** What model.save would write: the parsed model.json and the bytes of its one shard. */
export async function saveModel(tf: TensorFlow, model: LayersModel): Promise<SavedModel> {
  let saved: SavedModel | undefined;
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      const bytes = tf.io.concatenateArrayBuffers([weightData ?? []].flat());
      const manifest = [{ paths: ["weights.bin"], weights: weightSpecs ?? [] }];
      const json = { format: "layers-model", modelTopology, weightsManifest: manifest };
      saved = { json: JSON.parse(JSON.stringify(json)), weights: new Uint8Array(bytes) };
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    }),
  );
  if (saved === undefined) throw new Error("the model was not saved");
  return saved;
}

/** Gives every weight random values; variances positive ones. */
export function randomizeWeights(tf: TensorFlow, model: LayersModel, seed: number): void {
  const values = model.weights.map((weight, index) => {
    const shape = weight.shape.map((size) => size ?? 1);
    const count = shape.reduce((a, b) => a * b, 1);
    const terms = Math.max(1, count / (shape.at(-1) ?? 1));
    const low = weight.name.includes("variance") ? 0.2 : -1.5 / Math.sqrt(terms);
    return tf.tensor(randomFloats(count, seed + index, low, 1.5 / Math.sqrt(terms) + 0.2), shape);
  });
  model.setWeights(values);
  tf.dispose(values);
}

/** The imported graph yields what model.predict yields, to 1e-4 of the largest output. */
export async function expectSameAsPredict(tf: TensorFlow, model: LayersModel, seed: number): Promise<Graph> {
  randomizeWeights(tf, model, seed);
  const { json, weights } = await saveModel(tf, model);
  const graph = importTfjsLayersModel(json, weights, "model.json");
  // Without the batch; the graph has a sequence as an image of one row.
  const shape = (model.inputs[0]?.shape ?? []).slice(1).map((size) => size ?? 1);
  const input = randomFloats(
    shape.reduce((a, b) => a * b, 1),
    seed,
    -1,
    1,
  );
  const predicted = tf.tidy(() => model.predict(tf.tensor(input, [1, ...shape])));
  if (Array.isArray(predicted)) throw new Error("the model has several outputs");
  const expected = await predicted.data();
  const actual = evaluateGraph(graph, input);
  const [, ...axes] = predicted.shape;
  // A softmax is the last node, whatever shape follows.
  const isSoftmax = graph.nodes.at(-1)?.op === "softmax";
  if (!isSoftmax) expect(actual.shape).toEqual(axes.length === 2 ? [1, ...axes] : axes.length === 0 ? [1] : axes);
  expect(actual.data.length).toBe(expected.length);
  predicted.dispose();
  const scale = Math.max(1e-3, ...expected.map(Math.abs));
  const worst = Math.max(...actual.data.map((value, index) => Math.abs(value - (expected[index] ?? Infinity))));
  expect(worst).toBeLessThanOrEqual(1e-4 * scale);
  return graph;
}
