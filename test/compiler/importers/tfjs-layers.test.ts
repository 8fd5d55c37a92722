/** Every class of layers computes what TensorFlow.js computes, over shapes whose axes all differ. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { importTfjsLayersModel } from "../../../compiler/importers/tfjs/import.ts";
import { loadTensorFlow, type TensorFlow } from "../../../runtime/training/tensorflow.ts";
import { randomFloats } from "../../arbitraries/graph.ts";
import { evaluateGraph } from "../../oracles/graph-float.ts";
import { sequentialModel } from "./keras-json.ts";
import { expectSameAsPredict, saveModel } from "./saved-model.ts";

let tf: TensorFlow;
beforeAll(async () => {
  ({ tf } = await loadTensorFlow());
  await tf.setBackend("cpu");
});

type Value = ReturnType<TensorFlow["input"]>;
type Apply = (x: Value) => unknown;

function model(shape: readonly number[], apply: Apply) {
  const x = tf.input({ shape: [...shape], name: "x" });
  return tf.model({ inputs: x, outputs: apply(x) as Value, name: "net" });
}

const IMAGE = [7, 5, 3];
const SEQUENCE = [9, 4];
const VECTOR = [6];

describe("activations", () => {
  const plain = ["sigmoid", "tanh", "hardSigmoid", "elu", "selu", "softplus", "softsign"] as const;
  // Those that TensorFlow.js has and its types do not name.
  const names = [...plain, ...(["swish", "mish", "gelu", "gelu_new"] as unknown as typeof plain)];

  it.each(names)("%s: of a layer, and as a layer of its own", async (activation) => {
    const graph = await expectSameAsPredict(
      tf,
      model(IMAGE, (x) =>
        tf.layers
          .activation({ activation })
          .apply(tf.layers.conv2d({ name: "conv", filters: 4, kernelSize: [3, 2], activation }).apply(x) as Value),
      ),
      3,
    );
    expect(graph.nodes.map(({ op }) => op)).toEqual(["conv2d", "function", "function"]);
  });

  it("dense, depthwise, separable, transposed and one-dimensional layers with a function behind", async () => {
    await expectSameAsPredict(
      tf,
      model(IMAGE, (x) => {
        const depthwise = tf.layers.depthwiseConv2d({ kernelSize: 2, activation: "tanh" }).apply(x);
        const up = tf.layers
          .conv2dTranspose({ filters: 2, kernelSize: 3, activation: "sigmoid" })
          .apply(depthwise as Value);
        const separable = tf.layers
          .separableConv2d({ filters: 5, kernelSize: 3, activation: "tanh" })
          .apply(up as Value);
        const rows = tf.layers.reshape({ targetShape: [24, 5] }).apply(separable as Value);
        const sequence = tf.layers.conv1d({ filters: 3, kernelSize: 3, activation: "sigmoid" }).apply(rows as Value);
        return tf.layers
          .dense({ units: 4, activation: "tanh" })
          .apply(tf.layers.flatten().apply(sequence as Value) as Value);
      }),
      4,
    );
  });

  it.each<[string, readonly number[], Apply]>([
    ["leakyReLU", IMAGE, (x) => tf.layers.leakyReLU({ alpha: 0.1 }).apply(x)],
    ["leakyReLU by default", VECTOR, (x) => tf.layers.leakyReLU().apply(x)],
    [
      "ReLU up to 4",
      IMAGE,
      (x) => tf.layers.reLU({ maxValue: 4 }).apply(tf.layers.dense({ units: 3 }).apply(x) as Value),
    ],
    ["ELU", IMAGE, (x) => tf.layers.elu().apply(x)],
    ["thresholdedReLU", IMAGE, (x) => tf.layers.thresholdedReLU({ theta: 0.4 }).apply(x)],
    ["PReLU", IMAGE, (x) => tf.layers.prelu().apply(x)],
    ["PReLU, a slope per channel", IMAGE, (x) => tf.layers.prelu({ sharedAxes: [1, 2] }).apply(x)],
    ["PReLU, a slope per row", IMAGE, (x) => tf.layers.prelu({ sharedAxes: [2, 3] }).apply(x)],
    ["PReLU of a sequence", SEQUENCE, (x) => tf.layers.prelu({ sharedAxes: [1] }).apply(x)],
    [
      "softmax of a sequence, then flattened",
      SEQUENCE,
      (x) => tf.layers.flatten().apply(tf.layers.softmax({ axis: -1 }).apply(x) as Value),
    ],
  ])("%s", async (_name, shape, apply) => {
    await expectSameAsPredict(tf, model(shape, apply), 5);
  });

  it("a slope below 0 together with a maximum, which TensorFlow.js has no layer for", () => {
    const file = sequentialModel([4], {
      className: "ReLU",
      name: "r",
      config: { negative_slope: 0.25, max_value: 1.5 },
    });
    const graph = importTfjsLayersModel(file.json, file.weights, "model.json");
    expect(Array.from(evaluateGraph(graph, new Float32Array([-2, -0.5, 1, 9])).data)).toEqual([-0.5, -0.125, 1, 1.5]);
  });

  it("log softmax is the host's: the network yields what it is given, whatever shape follows", async () => {
    const logits = tf.layers.dense({
      name: "logits",
      inputShape: [6],
      units: 4,
      activation: "logSoftmax" as "softmax",
    });
    const model = tf.sequential({ layers: [logits, tf.layers.reshape({ targetShape: [2, 2] })] });
    const { json, weights } = await saveModel(tf, model);
    const graph = importTfjsLayersModel(json, weights, "model.json");
    expect([graph.output, graph.closing, graph.nodes.length]).toEqual(["logits", ["log-softmax"], 1]);
    model.add(tf.layers.flatten());
    model.add(tf.layers.dense({ units: 2 }));
    const more = await saveModel(tf, model);
    expect(() => importTfjsLayersModel(more.json, more.weights, "model.json")).toThrow(
      "found the result of log-softmax, expected a value that the machine computes",
    );
  });

  it("exponential, and LeakyReLU by its later name negative_slope", () => {
    const file = sequentialModel(
      [3],
      { className: "LeakyReLU", name: "r", config: { negative_slope: 0.5 } },
      { className: "Activation", name: "e", config: { activation: "exponential" } },
    );
    const graph = importTfjsLayersModel(file.json, file.weights, "model.json");
    expect(Array.from(evaluateGraph(graph, new Float32Array([-2, 0, 1])).data)).toEqual([Math.exp(-1), 1, Math.exp(1)]);
  });
});

describe("sequences", () => {
  const settings = fc.record({
    steps: fc.integer({ min: 6, max: 13 }),
    channels: fc.integer({ min: 1, max: 4 }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    padding: fc.constantFrom("valid" as const, "same" as const),
    average: fc.boolean(),
    seed: fc.nat(999),
  });

  it("conv1d, maxPooling1d and averagePooling1d: strides or dilation, same and valid", async () => {
    await fc.assert(
      fc.asyncProperty(settings, async ({ steps, channels, kernel, stride, dilation, padding, average, seed }) => {
        const strides = dilation === 1 ? stride : 1;
        const pool = { poolSize: 2, strides: stride, padding };
        await expectSameAsPredict(
          tf,
          model([steps, channels], (x) => {
            const config = {
              filters: 3,
              kernelSize: kernel,
              strides,
              dilationRate: dilation,
              padding: "same" as const,
            };
            const convolved = tf.layers.conv1d({ ...config, activation: "relu" }).apply(x) as Value;
            if ((convolved.shape[1] ?? 0) < 2) return convolved;
            return (average ? tf.layers.averagePooling1d(pool) : tf.layers.maxPooling1d(pool)).apply(convolved);
          }),
          seed,
        );
        await expectSameAsPredict(
          tf,
          model([steps + 4, channels], (x) =>
            tf.layers.conv1d({ filters: 2, kernelSize: kernel, strides, dilationRate: dilation, padding }).apply(x),
          ),
          seed,
        );
      }),
      { numRuns: 30 },
    );
  });

  it.each<[string, readonly number[], Apply]>([
    ["globalAveragePooling1d", SEQUENCE, (x) => tf.layers.globalAveragePooling1d().apply(x)],
    ["globalMaxPooling1d", SEQUENCE, (x) => tf.layers.globalMaxPooling1d().apply(x)],
    ["dense at every step", SEQUENCE, (x) => tf.layers.dense({ units: 5, activation: "relu" }).apply(x)],
    ["batchNormalization", SEQUENCE, (x) => tf.layers.batchNormalization().apply(x)],
    [
      "spatialDropout1d",
      SEQUENCE,
      (x) => tf.layers.dense({ units: 2 }).apply(tf.layers.spatialDropout1d({ rate: 0.5 }).apply(x) as Value),
    ],
    ["repeatVector", VECTOR, (x) => tf.layers.repeatVector({ n: 4 }).apply(x)],
    [
      "a dense layer behind repeatVector",
      VECTOR,
      (x) => tf.layers.dense({ units: 3 }).apply(tf.layers.repeatVector({ n: 4 }).apply(x) as Value),
    ],
    ["flatten", SEQUENCE, (x) => tf.layers.dense({ units: 3 }).apply(tf.layers.flatten().apply(x) as Value)],
    ["permute", SEQUENCE, (x) => tf.layers.permute({ dims: [2, 1] }).apply(x)],
    [
      "an image from a sequence",
      SEQUENCE,
      (x) =>
        tf.layers
          .conv2d({ filters: 2, kernelSize: 2 })
          .apply(tf.layers.reshape({ targetShape: [9, 4, 1] }).apply(x) as Value),
    ],
  ])("%s", async (_name, shape, apply) => {
    await expectSameAsPredict(tf, model(shape, apply), 6);
  });

  it("causal convolutions, zero padding, cropping and up-sampling, which TensorFlow.js has no layers for", () => {
    const file = sequentialModel(
      [5, 2],
      { className: "ZeroPadding1D", name: "padded", config: { padding: [1, 2] } },
      { className: "Cropping1D", name: "cut", config: { cropping: [0, 3] } },
      { className: "UpSampling1D", name: "up", config: { size: 2 } },
      {
        className: "Conv1D",
        name: "causal",
        config: { filters: 3, kernel_size: [2], dilation_rate: [2], padding: "causal" },
        weights: { kernel: [2, 2, 3], bias: [3] },
      },
    );
    const graph = importTfjsLayersModel(file.json, file.weights, "model.json");
    const x = randomFloats(10, 3, -1, 1);
    const numbers = new Float32Array(file.weights.buffer);
    const expected = tf.tidy(() => {
      const padded = tf
        .pad(tf.tensor(x, [1, 5, 2]), [
          [0, 0],
          [1, 2],
          [0, 0],
        ])
        .slice([0, 0, 0], [1, 5, 2]);
      const up = tf.reshape(tf.tile(tf.expandDims(padded, 2), [1, 1, 2, 1]), [1, 10, 2]) as ReturnType<
        typeof tf.tensor3d
      >;
      const before = tf.pad(up, [
        [0, 0],
        [2, 0],
        [0, 0],
      ]);
      const kernel = tf.tensor3d(numbers.subarray(0, 12), [2, 2, 3]);
      return tf.add(tf.conv1d(before, kernel, 1, "valid", "NWC", 2), tf.tensor(numbers.subarray(12))).dataSync();
    });
    const actual = evaluateGraph(graph, x);
    expect(actual.shape).toEqual([1, 10, 3]);
    const worst = Math.max(...actual.data.map((value, index) => Math.abs(value - (expected[index] ?? Infinity))));
    expect(worst).toBeLessThanOrEqual(1e-5);
  });
});

describe("images", () => {
  it("conv2dTranspose: strides, same and valid, kernels smaller and larger than the strides", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 })),
        fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
        fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
        fc.constantFrom("valid" as const, "same" as const),
        fc.boolean(),
        fc.nat(999),
        async (shape, kernelSize, strides, padding, useBias, seed) => {
          const layer = tf.layers.conv2dTranspose({
            filters: 2,
            kernelSize,
            strides,
            padding,
            useBias,
            activation: "relu",
          });
          await expectSameAsPredict(
            tf,
            model(shape, (x) => layer.apply(x)),
            seed,
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each<[string, readonly number[], Apply]>([
    ["upSampling2d", IMAGE, (x) => tf.layers.upSampling2d({ size: [2, 3] }).apply(x)],
    ["upSampling2d by default", IMAGE, (x) => tf.layers.upSampling2d({}).apply(x)],
    [
      "cropping2d",
      IMAGE,
      (x) =>
        tf.layers
          .cropping2D({
            cropping: [
              [1, 2],
              [0, 1],
            ],
          })
          .apply(x),
    ],
    ["permute", IMAGE, (x) => tf.layers.permute({ dims: [3, 1, 2] }).apply(x)],
    [
      "permute to a vector",
      IMAGE,
      (x) => tf.layers.flatten().apply(tf.layers.permute({ dims: [2, 3, 1] }).apply(x) as Value),
    ],
    ["reshape to a sequence", IMAGE, (x) => tf.layers.reshape({ targetShape: [5, 21] }).apply(x)],
  ])("%s", async (_name, shape, apply) => {
    await expectSameAsPredict(tf, model(shape, apply), 7);
  });

  it("rescaling, which Keras puts before a network", () => {
    const file = sequentialModel([2, 3, 1], {
      className: "Rescaling",
      name: "r",
      config: { scale: 1 / 127.5, offset: -1 },
    });
    const graph = importTfjsLayersModel(file.json, file.weights, "model.json");
    const values = evaluateGraph(graph, new Float32Array([0, 51, 102, 127.5, 204, 255])).data;
    expect(values.map((value) => Math.round(value * 1e6) / 1e6)).toEqual([-1, -0.6, -0.2, 0, 0.6, 1]);
  });
});

describe("layers of several inputs", () => {
  const merges = ["add", "multiply", "average", "maximum", "minimum"] as const;

  it.each(merges)("%s of two and of three values, of vectors, sequences and images", async (kind) => {
    for (const shape of [VECTOR, SEQUENCE, IMAGE]) {
      for (const count of [2, 3]) {
        const branches = (x: Value) =>
          Array.from({ length: count }, () => tf.layers.dense({ units: 3 }).apply(x) as Value);
        await expectSameAsPredict(
          tf,
          model(shape, (x) => tf.layers[kind]().apply(branches(x))),
          8 + count,
        );
      }
    }
  });

  it.each(merges)("%s of an image and one number per channel: squeeze and excite", async (kind) => {
    await expectSameAsPredict(
      tf,
      model(IMAGE, (x) => {
        const gate = tf.layers
          .dense({ units: 3, activation: "sigmoid" })
          .apply(tf.layers.globalAveragePooling2d({}).apply(x) as Value);
        return tf.layers[kind]().apply([x, gate as Value]);
      }),
      9,
    );
    await expectSameAsPredict(
      tf,
      model(IMAGE, (x) => {
        const gate = tf.layers
          .dense({ units: 3, activation: "sigmoid" })
          .apply(tf.layers.globalAveragePooling2d({}).apply(x) as Value);
        return tf.layers[kind]().apply([
          tf.layers.reshape({ targetShape: [1, 1, 3] }).apply(gate as Value) as Value,
          x,
        ]);
      }),
      9,
    );
  });

  it.each<[number, readonly number[]]>([
    [-1, IMAGE],
    [1, IMAGE],
    [2, IMAGE],
    [1, SEQUENCE],
    [2, SEQUENCE],
    [-1, VECTOR],
  ])("concatenate along axis %i of %j", async (axis, shape) => {
    const branches = (x: Value) => [
      x,
      tf.layers.reLU({}).apply(x),
      tf.layers.activation({ activation: "tanh" }).apply(x),
    ];
    await expectSameAsPredict(
      tf,
      model(shape, (x) => tf.layers.concatenate({ axis }).apply(branches(x) as Value[])),
      10,
    );
  });

  it("subtract, which TensorFlow.js has no layer for", () => {
    const file = sequentialModel([4], {
      className: "Dense",
      name: "d",
      config: { units: 4, use_bias: false },
      weights: { kernel: [4, 4] },
    });
    const topology = (
      file.json.modelTopology as { model_config: { class_name: string; config: Record<string, unknown> } }
    ).model_config;
    const layers = topology.config.layers as Record<string, unknown>[];
    const wired = layers.map((layer, index) => ({
      ...layer,
      inbound_nodes: index === 0 ? [] : [[["image", 0, 0, {}]]],
    }));
    topology.class_name = "Functional";
    topology.config = {
      layers: [
        ...wired,
        {
          class_name: "Subtract",
          config: { name: "s" },
          inbound_nodes: [
            [
              ["image", 0, 0, {}],
              ["d", 0, 0, {}],
            ],
          ],
        },
      ],
      input_layers: [["image", 0, 0]],
      output_layers: [["s", 0, 0]],
    };
    const graph = importTfjsLayersModel(file.json, file.weights, "model.json");
    expect(graph.nodes.map(({ op, inputs }) => [op, ...inputs])).toEqual([
      ["dense", "image"],
      ["subtract", "image", "d"],
    ]);
  });
});

describe("models within models", () => {
  /** As MobileNet is built: a convolution, then depthwise and pointwise ones with normalization, and a residual. */
  function backbone(shape: readonly number[]) {
    const normalized = (x: unknown) =>
      tf.layers.reLU({ maxValue: 6 }).apply(tf.layers.batchNormalization({}).apply(x as Value) as Value) as Value;
    const x = tf.input({ shape: [...shape] });
    const padded = tf.layers
      .zeroPadding2d({
        padding: [
          [0, 1],
          [0, 1],
        ],
      })
      .apply(x) as Value;
    const stem = normalized(
      tf.layers.conv2d({ name: "Conv1", filters: 6, kernelSize: 3, strides: 2, useBias: false }).apply(padded),
    );
    const depthwise = normalized(
      tf.layers.depthwiseConv2d({ kernelSize: 3, padding: "same", useBias: false }).apply(stem),
    );
    const projected = tf.layers.conv2d({ filters: 6, kernelSize: 1, useBias: false }).apply(depthwise);
    const sum = tf.layers.add().apply([projected as Value, stem]);
    return tf.model({ inputs: x, outputs: normalized(sum), name: "mobilenet" });
  }

  it("a sequence of a sequence with a functional model, and a sequence of dense layers, as Teachable Machine saves it", async () => {
    const features = tf.sequential({ layers: [backbone([11, 9, 3]), tf.layers.globalAveragePooling2d({})] });
    const head = tf.sequential({
      layers: [
        tf.layers.dense({ name: "dense_Dense1", inputShape: [6], units: 10, activation: "relu" }),
        tf.layers.dense({ name: "dense_Dense2", units: 3, useBias: false, activation: "softmax" }),
      ],
    });
    const graph = await expectSameAsPredict(tf, tf.sequential({ layers: [features, head] }), 12);
    expect(graph.input.shape).toEqual([11, 9, 3]);
    expect(graph.nodes.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["Conv1", "dense_Dense1", "dense_Dense2", "dense_Dense2/softmax"]),
    );
  });

  it("a functional model of a backbone and a head, as transfer learning builds it", async () => {
    await expectSameAsPredict(
      tf,
      model([9, 7, 3], (x) => {
        const pooled = tf.layers.globalAveragePooling2d({}).apply(backbone([9, 7, 3]).apply(x) as Value);
        const dropped = tf.layers.dropout({ rate: 0.2 }).apply(pooled as Value);
        return tf.layers.dense({ units: 1, activation: "sigmoid" }).apply(dropped as Value);
      }),
      13,
    );
  });

  it("a model that is used twice shares its weights, its nodes are numbered", async () => {
    const graph = await expectSameAsPredict(
      tf,
      model(VECTOR, (x) => {
        const shared = tf.sequential({
          layers: [tf.layers.dense({ name: "shared", inputShape: [6], units: 6, activation: "tanh" })],
        });
        return tf.layers
          .multiply()
          .apply([shared.apply(x) as Value, shared.apply(tf.layers.reLU({}).apply(x) as Value) as Value]);
      }),
      14,
    );
    expect(graph.nodes.filter(({ op }) => op === "dense").map(({ name }) => name)).toEqual(["shared", "shared/2"]);
  });

  it("a model of two inputs and two outputs within the model", async () => {
    const [a, b] = [tf.input({ shape: [6] }), tf.input({ shape: [4] })];
    const both = tf.layers.concatenate().apply([a, b]) as Value;
    const outputs = [
      tf.layers.dense({ units: 3 }).apply(both),
      tf.layers.dense({ units: 3, activation: "tanh" }).apply(both),
    ];
    const inner = tf.model({ inputs: [a, b], outputs: outputs as Value[] });
    await expectSameAsPredict(
      tf,
      model(VECTOR, (x) => {
        const [first, second] = inner.apply([x, tf.layers.dense({ units: 4 }).apply(x) as Value]) as Value[];
        return tf.layers.multiply().apply([second as Value, first as Value]);
      }),
      15,
    );
  });

  const dense = (name: string, inputs: number, units: number) => ({
    class_name: "Dense",
    config: { name, units, batch_input_shape: [null, inputs] },
  });
  const nested = (name: string, ...layers: unknown[]) => ({ class_name: "Sequential", config: { name, layers } });
  const file = (topology: unknown, weights: Readonly<Record<string, readonly number[]>>) => {
    const entries = Object.entries(weights).map(([name, shape]) => ({ name, shape, dtype: "float32" }));
    const count = entries.reduce((sum, { shape }) => sum + shape.reduce((x, y) => x * y, 1), 0);
    return {
      json: { modelTopology: topology, weightsManifest: [{ paths: ["a.bin"], weights: entries }] },
      weights: new Uint8Array(randomFloats(count, 1, -1, 1).buffer),
    };
  };

  it("layers of one name in two models: found by scope, named with their models", () => {
    const topology = nested("net", nested("a", dense("d", 4, 3)), nested("b", dense("d", 3, 2)));
    const { json, weights } = file(topology, {
      "a/d/kernel": [4, 3],
      "a/d/bias": [3],
      "b/d/kernel": [3, 2],
      "b/d/bias": [2],
    });
    const graph = importTfjsLayersModel(json, weights, "model.json");
    expect(graph.nodes.map(({ name, shape }) => [name, ...shape])).toEqual([
      ["a/d", 3],
      ["b/d", 2],
    ]);
  });

  it("layers of one name and one weight for both are not two layers with the same weights in silence", () => {
    const topology = nested("net", nested("a", dense("d", 3, 3)), nested("b", dense("d", 3, 3)));
    const { json, weights } = file(topology, { "d/kernel": [3, 3], "d/bias": [3] });
    expect(() => importTfjsLayersModel(json, weights, "model.json")).toThrow(
      'layer "b/d" (Dense): weight "d/kernel" is read by layer "a/d", too',
    );
  });

  it("models nested without end, and models whose uses double at every level", () => {
    let deep: unknown = dense("d", 2, 2);
    for (let depth = 0; depth < 500; depth++) deep = nested(`m${depth}`, deep);
    expect(() => importTfjsLayersModel({ modelTopology: deep, weightsManifest: [] }, new Uint8Array(), "m")).toThrow(
      "expected at most 32",
    );
    let twice: unknown = { class_name: "ReLU", config: { name: "r" }, inbound_nodes: [[["in", 0, 0]]] };
    let name = "r";
    for (let level = 0; level < 30; level++) {
      const config = {
        name: `f${level}`,
        layers: [
          { class_name: "InputLayer", config: { name: "in", batch_input_shape: [null, 2] }, inbound_nodes: [] },
          { ...(twice as object), inbound_nodes: [[["in", 0, 0]], [[name, 0, 0]]] },
        ],
        input_layers: [["in", 0, 0]],
        output_layers: [[name, 1, 0]],
      };
      twice = { class_name: "Functional", config };
      name = `f${level}`;
    }
    expect(() => importTfjsLayersModel({ modelTopology: twice, weightsManifest: [] }, new Uint8Array(), "m")).toThrow(
      "more than 100000 uses of layers",
    );
  });
});

describe("files of other writers", () => {
  it("hard_sigmoid of Keras 3 is another function than that of TensorFlow.js", () => {
    const layer = { className: "Activation", name: "a", config: { activation: "hard_sigmoid" } };
    const { json, weights } = sequentialModel([4], layer);
    expect(importTfjsLayersModel(json, weights, "model.json").nodes).toHaveLength(1);
    const later = JSON.parse(JSON.stringify(json).replace('"2.15.0"', '"3.5.0"'));
    expect(() => importTfjsLayersModel(later, weights, "model.json")).toThrow(
      /"a".*found hard_sigmoid in a file of Keras 3/,
    );
  });

  it("true and false as 1 and 0, nulls for what is as usual", () => {
    const file = sequentialModel(
      [5, 4, 2],
      {
        className: "Conv2D",
        name: "c",
        config: {
          filters: 4,
          kernel_size: [3, 2],
          use_bias: 0,
          strides: null,
          padding: null,
          groups: null,
          activation: null,
          data_format: null,
        },
        weights: { kernel: [3, 2, 2, 4] },
      },
      {
        className: "BatchNormalization",
        name: "n",
        config: { axis: null, epsilon: null, scale: 1, center: 0 },
        weights: { gamma: [4], moving_mean: [4], moving_variance: [4] },
      },
    );
    const graph = importTfjsLayersModel(file.json, file.weights, "model.json");
    expect(graph.nodes.map(({ op }) => op)).toEqual(["conv2d", "batchNormalization"]);
  });
});
