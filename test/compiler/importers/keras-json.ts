/** Small model files written by hand, as Keras 2 and the tensorflowjs converter lay them out. */
import { randomFloats } from "../../arbitraries/graph.ts";
import type { SavedModel } from "./saved-model.ts";

export interface HandLayer {
  readonly className: string;
  readonly name: string;
  readonly config?: Readonly<Record<string, unknown>>;
  /** `inbound_nodes` as it stands in the file. */
  readonly inbound?: unknown;
  /** Shape by the weight's own name. */
  readonly weights?: Readonly<Record<string, readonly number[]>>;
}

function layerJson({ className, name, config = {}, inbound }: HandLayer): Record<string, unknown> {
  return {
    class_name: className,
    config: { name, trainable: true, dtype: "float32", ...config },
    ...(inbound === undefined ? {} : { name, inbound_nodes: inbound }),
  };
}

/** A model file around a topology, with random float32 weights for all layers. */
export function modelFile(topology: unknown, layers: readonly HandLayer[]): SavedModel {
  const weights = layers.flatMap(({ name, weights: shapes = {} }) =>
    Object.entries(shapes).map(([field, shape]) => ({ name: `${name}/${field}`, shape, dtype: "float32" })),
  );
  const count = weights.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return {
    json: {
      format: "layers-model",
      modelTopology: topology,
      weightsManifest: [{ paths: ["group1-shard1of1.bin"], weights }],
    },
    weights: new Uint8Array(randomFloats(count, 1, 0.5, 1).buffer),
  };
}

export function sequentialModel(inputShape: readonly unknown[], ...layers: readonly HandLayer[]): SavedModel {
  const input = {
    className: "InputLayer",
    name: "image",
    config: { batch_input_shape: [null, ...inputShape], sparse: false, ragged: false },
  };
  const config = { name: "hand", layers: [input, ...layers].map(layerJson) };
  // The converter puts the model into model_config.
  return modelFile({ keras_version: "2.15.0", model_config: { class_name: "Sequential", config } }, layers);
}

export function functionalModel(
  inputShape: readonly unknown[],
  layers: readonly HandLayer[],
  wiring: Readonly<Record<string, unknown>> = {},
): SavedModel {
  const input = {
    className: "InputLayer",
    name: "image",
    config: { batch_input_shape: [null, ...inputShape] },
    inbound: [],
  };
  const config = {
    name: "hand",
    layers: [input, ...layers].map(layerJson),
    input_layers: [["image", 0, 0]],
    output_layers: [[layers.at(-1)?.name, 0, 0]],
    ...wiring,
  };
  return modelFile({ class_name: "Functional", config, keras_version: "2.15.0" }, layers);
}
