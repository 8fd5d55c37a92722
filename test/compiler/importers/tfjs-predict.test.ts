/** Imported models compute what TensorFlow.js computes. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { importTfjsLayersModel } from "../../../compiler/importers/tfjs/import.ts";
import { loadTensorFlow, type TensorFlow } from "../../../runtime/training/tensorflow.ts";
import { expectSameAsPredict, saveModel } from "./saved-model.ts";

let tf: TensorFlow;
beforeAll(async () => {
  ({ tf } = await loadTensorFlow());
  // The WASM backend of 4.22.0 yields zeros for "same" convolutions whose kernel is smaller than the stride on one axis.
  await tf.setBackend("cpu");
});

type SymbolicTensor = ReturnType<TensorFlow["input"]>;

/** A functional model over one image of ugly shape. */
function overImage(apply: (image: SymbolicTensor) => unknown, shape = [7, 5, 3]) {
  const image = tf.input({ shape, name: "image" });
  return tf.model({ inputs: image, outputs: apply(image) as SymbolicTensor, name: "net" });
}

describe("layers one by one", () => {
  const settings = fc.record({
    shape: fc.tuple(fc.integer({ min: 3, max: 9 }), fc.integer({ min: 3, max: 9 }), fc.integer({ min: 1, max: 3 })),
    kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    padding: fc.constantFrom("valid" as const, "same" as const),
    useBias: fc.boolean(),
    activation: fc.constantFrom("linear" as const, "relu" as const, "relu6" as const),
    size: fc.integer({ min: 1, max: 5 }),
    seed: fc.nat(9999),
  });
  const fits = ({ shape, kernel, dilation }: { shape: number[]; kernel: [number, number]; dilation: number }) =>
    kernel.every((size, axis) => (size - 1) * dilation < (shape[axis] ?? 0));

  it("conv2d: strides or dilation, same and valid, with and without bias, activations", async () => {
    await fc.assert(
      fc.asyncProperty(settings.filter(fits), async ({ shape, kernel, stride, dilation, size, seed, ...rest }) => {
        const strides = dilation === 1 ? stride : 1;
        const layer = tf.layers.conv2d({ kernelSize: kernel, strides, dilationRate: dilation, filters: size, ...rest });
        await expectSameAsPredict(
          tf,
          overImage((image) => layer.apply(image), shape),
          seed,
        );
      }),
      { numRuns: 60 },
    );
  });

  it("depthwiseConv2d: multipliers, strides, same and valid", async () => {
    await fc.assert(
      fc.asyncProperty(settings, async ({ shape, kernel, stride: strides, size, seed, dilation: _, ...rest }) => {
        const depthMultiplier = Math.min(size, 3);
        const layer = tf.layers.depthwiseConv2d({ kernelSize: kernel, strides, depthMultiplier, ...rest });
        await expectSameAsPredict(
          tf,
          overImage((image) => layer.apply(image), shape),
          seed,
        );
      }),
      { numRuns: 40 },
    );
  });

  it("pooling: an average leaves padding out, a maximum never takes it", async () => {
    await fc.assert(
      fc.asyncProperty(settings, fc.boolean(), async ({ shape, kernel, stride: strides, padding, seed }, average) => {
        const config = { poolSize: kernel, strides, padding };
        const layer = average ? tf.layers.averagePooling2d(config) : tf.layers.maxPooling2d(config);
        await expectSameAsPredict(
          tf,
          overImage((image) => layer.apply(image), shape),
          seed,
        );
      }),
      { numRuns: 40 },
    );
  });

  it.each<[string, (image: SymbolicTensor) => unknown]>([
    [
      "separableConv2d",
      (x) =>
        tf.layers.separableConv2d({ filters: 4, kernelSize: [3, 2], padding: "same", activation: "relu" }).apply(x),
    ],
    ["globalAveragePooling2d", (x) => tf.layers.globalAveragePooling2d({}).apply(x)],
    ["globalMaxPooling2d", (x) => tf.layers.globalMaxPooling2d({}).apply(x)],
    ["batchNormalization", (x) => tf.layers.batchNormalization({}).apply(x)],
    ["batchNormalization without scale", (x) => tf.layers.batchNormalization({ scale: false, epsilon: 0.1 }).apply(x)],
    ["batchNormalization without center", (x) => tf.layers.batchNormalization({ center: false }).apply(x)],
    ["ReLU", (x) => tf.layers.reLU({}).apply(x)],
    ["ReLU up to 6", (x) => tf.layers.reLU({ maxValue: 6 }).apply(x)],
    ["activation relu6", (x) => tf.layers.activation({ activation: "relu6" }).apply(x)],
    [
      "zeroPadding2d",
      (x) =>
        tf.layers
          .zeroPadding2d({
            padding: [
              [1, 2],
              [3, 4],
            ],
          })
          .apply(x),
    ],
    ["flatten", (x) => tf.layers.flatten({}).apply(x)],
    ["reshape", (x) => tf.layers.reshape({ targetShape: [3, -1, 7] }).apply(x)],
    ["dense over an image", (x) => tf.layers.dense({ units: 4, activation: "relu" }).apply(x)],
    ["softmax at every pixel", (x) => tf.layers.conv2d({ filters: 4, kernelSize: 1, activation: "softmax" }).apply(x)],
    ["the same value added to itself", (x) => tf.layers.add().apply([x, x, x] as SymbolicTensor[])],
    ["concatenate", (x) => tf.layers.concatenate().apply([x, tf.layers.reLU({}).apply(x)] as SymbolicTensor[])],
  ])("%s", async (_name, apply) => {
    await expectSameAsPredict(tf, overImage(apply), 7);
  });
});

describe("whole models", () => {
  it("LeNet-5 small: sequential without an input layer, softmax as the last activation", async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({ name: "conv1", inputShape: [14, 12, 1], filters: 4, kernelSize: 3 }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.dropout({ rate: 0.5 }),
        tf.layers.flatten(),
        tf.layers.dense({ name: "fc1", units: 9, activation: "relu" }),
        tf.layers.dense({ name: "fc2", units: 5, activation: "softmax" }),
      ],
    });
    await expectSameAsPredict(tf, model, 11);
    const { json, weights } = await saveModel(tf, model);
    const graph = importTfjsLayersModel(json, weights, "model.json");
    expect(graph.nodes.map(({ op }) => op)).toEqual(["conv2d", "pool", "reshape", "dense", "dense", "softmax"]);
    expect(graph.nodes.map(({ name }) => name)).toEqual(expect.arrayContaining(["conv1", "fc1", "fc2", "fc2/softmax"]));
    expect(graph.input).toEqual({ name: "conv1_input", shape: [14, 12, 1] });
  });

  it("a residual block with branches, every kind of merge, and layers that act in training only", async () => {
    const model = overImage((image) => {
      const stem = tf.layers.conv2d({ filters: 6, kernelSize: 3, padding: "same", strides: 2 }).apply(image);
      const normalized = tf.layers.batchNormalization({}).apply(stem);
      const active = tf.layers.reLU({ maxValue: 6 }).apply(normalized);
      const noisy = tf.layers.gaussianNoise({ stddev: 0.1 }).apply(active);
      const branch = tf.layers.depthwiseConv2d({ kernelSize: 3, padding: "same" }).apply(noisy);
      const sum = tf.layers.add().apply([branch, active] as SymbolicTensor[]);
      const wide = tf.layers.concatenate().apply([sum, stem] as SymbolicTensor[]);
      const pooled = tf.layers.globalAveragePooling2d({}).apply(wide as SymbolicTensor);
      const scores = tf.layers
        .dense({ units: 4 })
        .apply(tf.layers.dropout({ rate: 0.3 }).apply(pooled as SymbolicTensor));
      return tf.layers.softmax({ axis: -1 }).apply(scores as SymbolicTensor);
    });
    await expectSameAsPredict(tf, model, 3);
  });

  it("a layer that is used twice shares its weights", async () => {
    const model = overImage((image) => {
      const shared = tf.layers.conv2d({ name: "shared", filters: 3, kernelSize: 3, padding: "same" });
      return shared.apply(tf.layers.reLU({}).apply(shared.apply(image)));
    });
    await expectSameAsPredict(tf, model, 5);
    const { json, weights } = await saveModel(tf, model);
    const graph = importTfjsLayersModel(json, weights, "model.json");
    expect(graph.nodes.map(({ name }) => name)).toEqual(["shared", expect.stringContaining("re_lu"), "shared/2"]);
  });

  it("a vector network", async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [11], units: 6 }),
        tf.layers.batchNormalization({}),
        tf.layers.dense({ units: 3, useBias: false }),
      ],
    });
    await expectSameAsPredict(tf, model, 2);
  });
});
