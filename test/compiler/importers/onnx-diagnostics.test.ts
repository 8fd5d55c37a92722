/** What the importer makes of sound models, and what it says to others. */
import { describe, expect, it } from "vitest";
import { onnxExternalFiles, readOnnxModel } from "../../../compiler/importers/onnx/index.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { TensorGraph } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { encodeMessage, encodeModel, type ModelSketch, modelMessage, tensorMessage } from "./onnx-model.ts";

const WEIGHT = tensorFrom("float32", [2], [0.5, -1]);

const SKETCH: ModelSketch = {
  opset: 13,
  inputs: { x: { shape: ["N", 2] } },
  constants: { w: WEIGHT },
  nodes: [
    { operator: "Mul", inputs: ["x", "w"], outputs: ["scaled"] },
    { operator: "Clip", inputs: ["scaled", "", "top"], outputs: ["y"], name: "limit" },
  ],
  outputs: ["y"],
};

const TOP = tensorFrom("float32", [], [6]);
const WHOLE: ModelSketch = { ...SKETCH, constants: { w: WEIGHT, top: TOP } };

const read = (sketch: ModelSketch): TensorGraph => readOnnxModel(encodeModel(sketch), "m.onnx");

type Message = Record<string, unknown>;

interface GraphLists extends Message {
  readonly initializer: Message[];
  readonly node: (Message & { readonly attribute: Message[] })[];
  readonly input: { type: Message & { tensorType?: Message } }[];
}

/** The model's plain message, changed. */
function changed(sketch: ModelSketch, change: (graph: GraphLists, model: Message) => void): Uint8Array {
  const message = modelMessage(sketch);
  change(message.graph as GraphLists, message);
  return encodeMessage(message);
}

describe("a sound model", () => {
  it("becomes a tensor graph as the file says it", () => {
    expect(read(WHOLE)).toEqual({
      name: "sketch",
      inputs: [{ name: "x", type: "float32", shape: ["N", 2] }],
      constants: new Map([
        ["w", WEIGHT],
        ["top", TOP],
      ]),
      nodes: [
        {
          name: "Mul_0",
          operator: "Mul",
          domain: "",
          opset: 13,
          inputs: ["x", "w"],
          outputs: ["scaled"],
          attributes: {},
        },
        {
          name: "limit",
          operator: "Clip",
          domain: "",
          opset: 13,
          inputs: ["scaled", "", "top"],
          outputs: ["y"],
          attributes: {},
        },
      ],
      outputs: ["y"],
    });
  });

  it("attributes keep their types: integers are bigint", () => {
    const [node] = read({
      opset: 8,
      inputs: { x: { shape: [2] } },
      nodes: [
        { operator: "Pad", inputs: ["x"], outputs: ["y"], attributes: { pads: [1n, 0n], mode: "edge", value: 0.5 } },
      ],
      outputs: ["y"],
    }).nodes;
    expect(node?.attributes).toEqual({ pads: [1n, 0n], mode: "edge", value: 0.5 });
  });

  it("attributes of the first versions, which say no type, are read by their fields", () => {
    const bytes = changed(
      { ...WHOLE, nodes: [{ operator: "LeakyRelu", inputs: ["x"], outputs: ["y"], attributes: { alpha: 0.25 } }] },
      (graph) => {
        Object.assign(graph.node[0]?.attribute[0] ?? {}, { type: 0 });
      },
    );
    expect(readOnnxModel(bytes, "m.onnx").nodes[0]?.attributes).toEqual({ alpha: 0.25 });
  });

  it("an initializer that is also an input is a constant", () => {
    const graph = read({ ...WHOLE, inputs: { ...WHOLE.inputs, w: { shape: [2] } } });
    expect(graph.inputs.map(({ name }) => name)).toEqual(["x"]);
  });

  it("the domain ai.onnx is ONNX's own", () => {
    const nodes = [{ operator: "Relu", domain: "ai.onnx", inputs: ["x"], outputs: ["y"] }];
    expect(read({ ...WHOLE, nodes }).nodes[0]).toMatchObject({ domain: "", opset: 13 });
  });

  it("nodes of one name get names of their own", () => {
    const nodes = ["x", "a", "b", "c"].map((input, index) => ({
      operator: "Relu",
      name: ["relu", "relu", "relu_2", ""][index] ?? "",
      inputs: [input],
      outputs: [["a", "b", "c", "y"][index] ?? ""],
    }));
    expect(read({ ...WHOLE, nodes }).nodes.map(({ name }) => name)).toEqual(["relu", "relu_3", "relu_2", "Relu_3"]);
  });

  it("sizes that are negative are open", () => {
    expect(read({ ...WHOLE, inputs: { x: { shape: [-1, null] } } }).inputs[0]?.shape).toEqual([null, null]);
  });
});

describe("external data", () => {
  const external = (...entries: readonly (readonly [string, string])[]): Uint8Array =>
    changed(WHOLE, (graph) => {
      const externalData = entries.map(([key, value]) => ({ key, value }));
      graph.initializer[0] = { ...graph.initializer[0], rawData: new Uint8Array(), dataLocation: 1, externalData };
    });
  const file = new Uint8Array([9, 9, 9, 9, ...new Uint8Array(WEIGHT.data.buffer)]);

  it("is listed, and read from the files given", () => {
    const bytes = external(["location", "weights.bin"], ["offset", "4"], ["length", "8"]);
    expect(onnxExternalFiles(bytes, "m.onnx")).toEqual([{ path: "weights.bin", offset: 4, length: 8 }]);
    const graph = readOnnxModel(bytes, "m.onnx", new Map([["weights.bin", file]]));
    expect(graph.constants.get("w")).toEqual(WEIGHT);
  });

  it("without a length is as long as the shape says", () => {
    const bytes = external(["location", "weights.bin"], ["offset", "4"]);
    expect(onnxExternalFiles(bytes, "m.onnx")).toEqual([{ path: "weights.bin", offset: 4, length: null }]);
    const graph = readOnnxModel(bytes, "m.onnx", new Map([["weights.bin", file]]));
    expect(graph.constants.get("w")).toEqual(WEIGHT);
  });

  it.each([
    ["a missing file", [["location", "other.bin"]], /the file "other.bin" is not there/],
    [
      "a short file",
      [
        ["location", "weights.bin"],
        ["offset", "8"],
      ],
      /has 12 bytes, bytes 8 to 16 are needed/,
    ],
    [
      "a wrong length",
      [
        ["location", "weights.bin"],
        ["length", "12"],
      ],
      /found 12 bytes, expected 8/,
    ],
    ["no place", [], /found location ""/],
    [
      "an odd offset",
      [
        ["location", "weights.bin"],
        ["offset", "-4"],
      ],
      /found offset "-4"/,
    ],
    [
      "a huge length",
      [
        ["location", "weights.bin"],
        ["length", "9999999999999999"],
      ],
      /found length/,
    ],
  ] as const)("with %s is refused", (_name, entries, message) => {
    const run = (): unknown => readOnnxModel(external(...entries), "m.onnx", new Map([["weights.bin", file]]));
    expect(run).toThrow(DiagnosticError);
    expect(run).toThrow(message);
  });
});

describe("refused", () => {
  it.each([
    ["no bytes at all", () => new Uint8Array(), "found no graph"],
    ["another file", () => new TextEncoder().encode("\x89PNG\r\n\x1a\n picture"), "found no ONNX file"],
    [
      "a value that nothing computes",
      () => encodeModel(SKETCH),
      'node "limit" (Clip, opset 13): reads value "top", which nothing computes',
    ],
    [
      "nodes out of order",
      () => encodeModel({ ...WHOLE, nodes: WHOLE.nodes.toReversed() }),
      'reads value "scaled", which a node that stands later computes',
    ],
    [
      "a value computed twice",
      () => encodeModel({ ...WHOLE, nodes: [...WHOLE.nodes, { operator: "Relu", inputs: ["x"], outputs: ["y"] }] }),
      'node "Relu_2" (Relu, opset 13): value "y" is defined twice',
    ],
    [
      "an output that nothing computes",
      () => encodeModel({ ...WHOLE, outputs: ["z"] }),
      'output "z": nothing computes it',
    ],
    ["no outputs", () => encodeModel({ ...WHOLE, outputs: [] }), "the graph has no outputs"],
    [
      "an unknown operator, with the nearest name",
      () => encodeModel({ ...WHOLE, nodes: [{ operator: "Reluu", inputs: ["x"], outputs: ["y"] }] }),
      'node "Reluu_0" (Reluu, opset 13): the operator Reluu is not supported; is Relu meant?',
    ],
    [
      "an operator of another domain",
      () =>
        encodeModel({
          ...WHOLE,
          domains: { "com.example": 3 },
          nodes: [{ operator: "Relu", domain: "com.example", inputs: ["x"], outputs: ["y"] }],
        }),
      'node "Relu_0" (com.example.Relu, opset 3): the operator com.example.Relu is not supported',
    ],
    [
      "an operator older than its supported meaning",
      () => encodeModel({ ...WHOLE, opset: 5, nodes: [{ operator: "Add", inputs: ["x", "w"], outputs: ["y"] }] }),
      "the operator Add is supported from opset 7 on",
    ],
    ["an opset of the future", () => encodeModel({ ...WHOLE, opset: 99 }), "found opset 99 of ONNX, expected 1 to"],
    [
      "two opsets of one domain",
      () => encodeModel({ ...WHOLE, domains: { "ai.onnx": 12 } }),
      'found opsets 13 and 12 for domain ""',
    ],
    [
      "an attribute that is there twice",
      () =>
        changed(WHOLE, (graph) => {
          const attribute = { name: "alpha", type: 1, f: 1 };
          graph.node[0] = { opType: "Elu", input: ["x"], output: ["scaled"], attribute: [attribute, attribute] };
        }),
      '"alpha" is there twice',
    ],
    [
      "an attribute the operator does not have",
      () =>
        encodeModel({ ...WHOLE, nodes: [{ operator: "Elu", inputs: ["x"], outputs: ["y"], attributes: { alpa: 1 } }] }),
      "the operator has no such attribute in this opset, expected alpha; is alpha meant?",
    ],
    [
      "a loop",
      () =>
        changed(WHOLE, (graph) => {
          graph.node[0] = {
            opType: "Loop",
            name: "again",
            input: ["x"],
            output: ["scaled"],
            attribute: [{ name: "body", type: 5, g: new Uint8Array([1, 2, 3]) }],
          };
        }),
      'node "again" (Loop, opset 13): the operator Loop is not supported',
    ],
    [
      "a function of the model's own",
      () =>
        changed(WHOLE, (_graph, model) => {
          Object.assign(model, { functions: [{ name: "Clip", domain: "" }] });
        }),
      'node "limit" (Clip, opset 13): the operator is a function of the model',
    ],
    [
      "an input that is no tensor",
      () =>
        changed(WHOLE, (graph) => {
          Object.assign(graph.input[0] ?? {}, { type: { sequenceType: new Uint8Array() } });
        }),
      'input "x": it is no tensor',
    ],
    [
      "an input without shape",
      () =>
        changed(WHOLE, (graph) => {
          Object.assign(graph.input[0]?.type.tensorType ?? {}, { shape: undefined });
        }),
      'input "x": it has no shape',
    ],
    [
      "a constant that is there twice",
      () =>
        changed(WHOLE, (graph) => {
          graph.initializer.push({ name: "w", ...tensorMessage(WEIGHT) });
        }),
      'initializer "w": the name is there twice',
    ],
    [
      "sparse weights",
      () =>
        changed(WHOLE, (graph) => {
          Object.assign(graph, { sparseInitializer: [new Uint8Array()] });
        }),
      "sparse initializers are not supported",
    ],
  ])("%s", (_name, bytes, message) => {
    const run = (): unknown => readOnnxModel(bytes(), "m.onnx");
    expect(run).toThrow(DiagnosticError);
    expect(run).toThrow(message);
  });

  it("everything that is wrong is said at once", () => {
    const nodes = ["Foo", "Bar"].map((operator) => ({ operator, inputs: ["gone"], outputs: [operator] }));
    try {
      read({ ...WHOLE, nodes });
      expect.unreachable();
    } catch (error) {
      expect((error as DiagnosticError).diagnostics.map(({ what }) => what)).toEqual([
        "the operator Foo is not supported",
        "the operator Bar is not supported",
        'reads value "gone", which nothing computes',
        'reads value "gone", which nothing computes',
        "nothing computes it",
      ]);
    }
  });
});
