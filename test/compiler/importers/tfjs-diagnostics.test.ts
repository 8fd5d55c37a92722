/** What the importer says of files it cannot import, and formats of files that TensorFlow.js itself does not write. */
import { describe, expect, it } from "vitest";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { printGraph } from "../../../compiler/graph/print.ts";
import { importTfjsLayersModel } from "../../../compiler/importers/tfjs/import.ts";
import { tfjsWeightPaths } from "../../../compiler/importers/tfjs/model-json.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { functionalModel, type HandLayer, sequentialModel } from "./keras-json.ts";
import type { SavedModel } from "./saved-model.ts";

function load({ json, weights }: SavedModel): Graph {
  return importTfjsLayersModel(json, weights, "model.json");
}

function lines(model: SavedModel): string[] {
  return printGraph(load(model)).trim().split("\n").slice(2, -1);
}

/** The diagnostics as the command prints them. */
function complaint(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof DiagnosticError) return error.message;
    throw error;
  }
  throw new Error("nothing was wrong");
}

const conv: HandLayer = {
  className: "Conv2D",
  name: "conv",
  config: { filters: 4, kernel_size: [3, 2], padding: "valid", activation: "linear" },
  weights: { kernel: [3, 2, 2, 4], bias: [4] },
};

function convWith(config: Readonly<Record<string, unknown>>, weights = conv.weights ?? {}): SavedModel {
  return sequentialModel([5, 4, 2], { ...conv, config: { ...conv.config, ...config }, weights });
}

describe("formats of other writers", () => {
  it("Keras 2 through the converter: model_config, axis as a list, groups, :0 and scopes in names", () => {
    const model = sequentialModel(
      [5, 4, 2],
      { ...conv, config: { ...conv.config, groups: 2 }, weights: { "kernel:0": [3, 2, 1, 4], "bias:0": [4] } },
      {
        className: "BatchNormalization",
        name: "norm",
        config: { axis: [3], epsilon: 0.01 },
        weights: { gamma: [4], beta: [4], moving_mean: [4], moving_variance: [4] },
      },
      { className: "SpatialDropout2D", name: "drop", config: { rate: 0.5 } },
      { className: "GlobalAveragePooling2D", name: "mean", config: { keepdims: true } },
    );
    const text = JSON.stringify(model.json).replaceAll('"norm/', '"scope/of/norm/');
    expect(lines({ ...model, json: JSON.parse(text) })).toEqual([
      "conv [3, 3, 4] = conv2d(image) · kernel [3, 2, 1, 4] · bias [4] · groups 2",
      "norm [3, 3, 4] = batchNormalization(conv) · gamma [4] · beta [4] · mean [4] · variance [4] · epsilon 0.01",
      "mean [1, 1, 4] = pool(norm) · average of 3 × 3",
    ]);
  });

  it.each<[string, unknown]>([
    ["lists of lists", [[["image", 0, 0, {}]]]],
    ["without arguments", [[["image", 0, 0]]]],
    ["one reference without the list around it", [["image", 0, 0, {}]]],
    ["arguments of a call at inference", [[["image", 0, 0, { training: false, mask: null }]]]],
  ])("inbound_nodes: %s", (_name, inbound) => {
    const model = functionalModel([5, 4, 2], [{ className: "ReLU", name: "relu", inbound }], {
      input_layers: ["image", 0, 0],
    });
    expect(lines(model)).toEqual(["relu [5, 4, 2] = activation(image) · relu"]);
  });

  it("layers in any order, and a Model by its older class name", () => {
    const model = functionalModel(
      [5, 4, 2],
      [
        {
          className: "Add",
          name: "sum",
          inbound: [
            [
              ["b", 0, 0, {}],
              ["a", 0, 0, {}],
            ],
          ],
        },
        { className: "ReLU", name: "b", config: { max_value: 6.0 }, inbound: [[["a", 0, 0, {}]]] },
        { className: "ReLU6", name: "a", inbound: [[["image", 0, 0, {}]]] },
      ],
      { output_layers: [["sum", 0, 0]] },
    );
    const text = JSON.stringify(model.json).replace('"Functional"', '"Model"');
    expect(lines({ ...model, json: JSON.parse(text) })).toEqual([
      "a [5, 4, 2] = activation(image) · relu6",
      "b [5, 4, 2] = activation(a) · relu6",
      "sum [5, 4, 2] = add(b, a)",
    ]);
  });

  it("a sequential model whose configuration is a bare list", () => {
    const model = sequentialModel([5, 4, 2], conv);
    const topology = model.json.modelTopology as { model_config: { config: { layers: unknown } } };
    topology.model_config.config = topology.model_config.config.layers as { layers: unknown };
    expect(load(model).name).toBe("model");
  });

  it("a helper node never takes a layer's name", () => {
    const model = sequentialModel(
      [5, 4, 2],
      { className: "GlobalMaxPooling2D", name: "top" },
      { className: "Dense", name: "top/vector", config: { units: 3 }, weights: { kernel: [2, 3], bias: [3] } },
    );
    expect(load(model).nodes.map(({ name }) => name)).toEqual(["top", "top/vector/2", "top/vector"]);
  });

  it("a chain of 12,000 layers in reverse order", () => {
    const count = 12_000;
    const layers = Array.from({ length: count }, (_, index) => ({
      className: "ReLU",
      name: `r${index}`,
      inbound: [[[index === count - 1 ? "image" : `r${index + 1}`, 0, 0, {}]]],
    }));
    const model = functionalModel([2], layers, { output_layers: [["r0", 0, 0]] });
    expect(load(model).nodes.length).toBe(count);
  });
});

describe("layers", () => {
  it("an unknown class is said once, with its layers and what is supported or why not; all of them at once", () => {
    const text = complaint(() =>
      load(
        sequentialModel([5, 4, 2], conv, ...["a", "b", "c", "d"].map((name) => ({ className: "Warp", name })), {
          className: "LSTM",
          name: "memory",
        }),
      ),
    );
    expect(text.split("\n")).toEqual([
      expect.stringMatching(
        /^error\[UNKNOWN_LAYER\] model.json: layer "a" \(Warp\): layers of class "Warp" cannot be imported \(4 layers: "a", "b", "c", …\); supported: Conv1D, Conv2D, /,
      ),
      'error[UNKNOWN_LAYER] model.json: layer "memory" (LSTM): layers of class "LSTM" cannot be imported: recurrent layers of TensorFlow.js are not imported; export the model to ONNX, from which such layers are read',
    ]);
  });

  it.each([
    ["Conv2d", "is Conv2D meant?"],
    ["conv2D", "is Conv2D meant?"],
    ["MaxPoling2D", "is MaxPooling2D meant?"],
    ["Attention", "cannot be imported; supported"],
    ["Gru", "cannot be imported; supported"],
    ["Conv4D", "cannot be imported; supported"],
  ])("a hint names a class that is misspelt alone: %s", (className, said) => {
    expect(complaint(() => load(sequentialModel([5, 4, 2], { ...conv, className })))).toContain(said);
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ["axis order", { data_format: "channels_first" }, 'data_format: found "channels_first": expected "channels_last"'],
    [
      "activation",
      { activation: "tahn" },
      'activation: found "tahn": expected linear, relu, relu6, softmax, log_softmax, sigmoid',
    ],
    ["flag", { use_bias: 2 }, "use_bias: found 2: expected true or false"],
    ["padding", { padding: "causal" }, 'padding: found "causal"'],
    ["kernel", { kernel_size: [3, 0] }, "kernel_size: found [3, 0]: expected a positive integer or [rows, columns]"],
    ["strides", { strides: [1, 1, 1] }, "strides: found [1, 1, 1]"],
    ["filters", { filters: 4.5 }, "filters: found 4.5"],
    ["groups", { groups: 3 }, "found 3 groups, expected a divisor of the 2 input channels"],
  ])("a wrong %s says layer, setting and what was found", (_what, config, message) => {
    const text = complaint(() => load(convWith(config)));
    expect(text).toContain('model.json: layer "conv" (Conv2D)');
    expect(text).toContain(message);
  });

  it.each<[HandLayer, string]>([
    [{ className: "ReLU", name: "r", config: { max_value: -4 } }, "max_value: found -4"],
    [{ className: "ReLU", name: "r", config: { threshold: 0.1 } }, "threshold: found 0.1: expected 0"],
    [{ className: "Softmax", name: "s", config: { axis: 1 } }, "found axis 1, expected the last one (-1 or 3)"],
    [{ className: "Concatenate", name: "c", config: { axis: 2 } }, "found 1 inputs, expected at least 2"],
    [{ className: "Permute", name: "p", config: { dims: [1, 2, 2] } }, "found dims [1, 2, 2] for [5, 4, 2]"],
    [{ className: "RepeatVector", name: "v", config: { n: 3 } }, "found input [5, 4, 2], expected a vector"],
    [
      {
        className: "Cropping2D",
        name: "c",
        config: {
          cropping: [
            [3, 2],
            [0, 0],
          ],
        },
      },
      "nothing is left from 3 on",
    ],
    [{ className: "UpSampling2D", name: "u", config: { interpolation: "bilinear" } }, 'expected "nearest"'],
    [
      { className: "Conv1D", name: "c", config: { filters: 2, kernel_size: [3] } },
      "expected a sequence [steps, channels]",
    ],
    [
      { className: "Reshape", name: "r", config: { target_shape: [3, -1] } },
      "found input [5, 4, 2] and target [3, -1]",
    ],
    [{ className: "Reshape", name: "r", config: { target_shape: [5, 7] } }, "expected 40 elements"],
    [{ className: "Add", name: "a" }, "found 1 inputs, expected at least 2"],
    [{ className: "ZeroPadding2D", name: "z", config: { padding: [1, -1] } }, "padding[1]: found -1"],
    [{ className: "ZeroPadding2D", name: "z", config: { padding: "all" } }, "expected a number, [rows, columns] or"],
    [{ className: "MaxPooling2D", name: "m", config: { pool_size: [6, 2] } }, "at least one window of 6 × 2"],
    [
      { className: "Model", name: "inner" },
      'error[MODEL_JSON] model.json, modelTopology.config: layer "inner" (Model), layers: found nothing',
    ],
    [{ className: "InputLayer", name: "second" }, "found a further input"],
    [{ className: "Flatten", name: "image" }, "another layer bears the same name"],
    [{ className: "Dropout", name: "d" }, "the output is the input: nothing is computed"],
  ])("%j", (layer, message) => {
    expect(complaint(() => load(sequentialModel([5, 4, 2], layer)))).toContain(message);
  });

  it("a convolution over a vector", () => {
    expect(complaint(() => load(sequentialModel([6], conv)))).toContain("found input [6], expected an image");
  });
});

describe("wiring", () => {
  const relu = (name: string, inbound: unknown): HandLayer => ({ className: "ReLU", name, inbound });

  it.each<[string, SavedModel, string]>([
    [
      "an open size",
      sequentialModel([null, 4, 2], conv),
      "found [null, null, 4, 2], expected every size but the first",
    ],
    ["no layer of that name", functionalModel([2], [relu("a", [[["imagee", 0, 0]]])]), 'is "image" meant?'],
    ["no such use", functionalModel([2], [relu("a", [[["image", 1, 0]]])]), 'reads use 1 of layer "image"'],
    ["no such output", functionalModel([2], [relu("a", [[["image", 0, 1]]])]), "reads output 1"],
    [
      "a circle",
      functionalModel([2], [relu("a", [[["b", 0, 0]]]), relu("b", [[["a", 0, 0]]])]),
      "depends on its own output",
    ],
    [
      "training at inference",
      functionalModel([2], [relu("a", [[["image", 0, 0, { training: true }]]])]),
      "training = true",
    ],
    ["Keras 3", functionalModel([2], [relu("a", [{ args: [], kwargs: {} }])]), "found the format of Keras 3"],
    ["a layer that reads nothing", functionalModel([2], [relu("a", [])]), "the layer reads nothing"],
    [
      "two outputs",
      functionalModel([2], [relu("a", [[["image", 0, 0]]])], {
        output_layers: [
          ["a", 0, 0],
          ["image", 0, 0],
        ],
      }),
      "found 2 entries, expected one",
    ],
    [
      "no input layer",
      functionalModel([2], [relu("a", [[["image", 0, 0]]])], { input_layers: [["a", 0, 0]] }),
      "is no InputLayer",
    ],
    [
      "an input of rank 4",
      sequentialModel([3, 4, 5, 6], { className: "ReLU", name: "a" }),
      "found [3, 4, 5, 6], expected [features], [steps, channels] or [rows, columns, channels]",
    ],
    ["an enormous input", sequentialModel([2 ** 20, 2 ** 20, 1], { className: "ReLU", name: "a" }), "elements in all"],
  ])("%s", (_what, model, message) => {
    expect(complaint(() => load(model))).toContain(message);
  });

  it.each<[string, unknown, string]>([
    ["a graph model", { format: "graph-model" }, "found a graph model, expected a layers model"],
    ["no object", 7, "found 7"],
    ["nothing of a model", {}, "modelTopology: found nothing"],
    [
      "another kind of model",
      { modelTopology: { class_name: "Graph" }, weightsManifest: [] },
      'class_name: found "Graph"',
    ],
  ])("%s", (_what, json, message) => {
    expect(complaint(() => importTfjsLayersModel(json, new Uint8Array(0), "model.json"))).toContain(message);
  });
});

describe("weights", () => {
  it("a shard that is too short or too long", () => {
    const { json, weights } = convWith({});
    expect(complaint(() => load({ json, weights: weights.subarray(0, 200) }))).toContain(
      'error[MODEL_SHARD] model.json, weightsManifest: the shards hold 200 bytes; weight "conv/bias" [4] needs bytes 192 to 208',
    );
    expect(complaint(() => load({ json, weights: new Uint8Array(weights.length + 3) }))).toContain(
      "the shards hold 211 bytes, the manifest describes 208",
    );
  });

  it("one that is missing, has another shape, or belongs to no layer", () => {
    expect(complaint(() => load(convWith({}, { kernel: [3, 2, 2, 4] })))).toContain(
      'holds no weight "conv/bias", expected one of shape [4]',
    );
    expect(complaint(() => load(convWith({}, { kernel: [2, 3, 2, 4], bias: [4] })))).toContain(
      'weight "conv/kernel" has shape [2, 3, 2, 4], expected [3, 2, 2, 4]',
    );
    expect(complaint(() => load(convWith({ use_bias: false })))).toContain('weight "conv/bias" belongs to no layer');
  });

  it("one that is NaN, with layer, tensor and index", () => {
    const model = convWith({});
    new DataView(model.weights.buffer).setFloat32(4 * 13, Number.NaN, true);
    expect(complaint(() => load(model))).toContain('node "conv" (conv2d): kernel[0, 1, 1, 1] is NaN');
  });

  it("one of another type than float32", () => {
    const model = convWith({});
    const text = JSON.stringify(model.json).replace('"dtype":"float32"}]', '"dtype":"int32"}]');
    expect(complaint(() => load({ ...model, json: JSON.parse(text) }))).toContain("of type int32, expected float32");
  });

  it("one that stands in the manifest twice", () => {
    const model = convWith({}, { kernel: [3, 2, 2, 4], bias: [4], "bias:0": [4] });
    expect(complaint(() => load(model))).toContain('weight "conv/bias" stands in the manifest twice');
  });

  it("of an optimizer are none", () => {
    const model = convWith({}, { kernel: [3, 2, 2, 4], bias: [4], momentum: [4] });
    const text = JSON.stringify(model.json).replace('"conv/momentum"', '"conv/momentum","group":"optimizer"');
    expect(load({ ...model, json: JSON.parse(text) }).nodes).toHaveLength(1);
  });
});

describe("paths of shards", () => {
  const paths = (...names: string[]) => ({ modelTopology: {}, weightsManifest: [{ paths: names, weights: [] }] });

  it("come in the order of the manifest", () => {
    const json = paths("b.bin", "folder/a.bin");
    json.weightsManifest.push({ paths: ["0.bin"], weights: [] });
    expect(tfjsWeightPaths(json)).toEqual(["b.bin", "folder/a.bin", "0.bin"]);
  });

  it.each([
    "/etc/passwd",
    "../secret.bin",
    "a/../../b.bin",
    "..",
    "./a.bin",
    "a//b.bin",
    "",
    "https://example.org/a.bin",
    "file:a.bin",
    "C:\\a.bin",
    "a\\..\\b.bin",
    "a\0.bin",
  ])("refuses %j", (path) => {
    expect(complaint(() => tfjsWeightPaths(paths("good.bin", path), "net.json"))).toContain(
      "error[MODEL_PATH] net.json, weightsManifest: the shard's path",
    );
  });
});
