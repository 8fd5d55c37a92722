/** Networks by name: the sizes their authors publish, weights that keep activations in size, real weights in their place. */
import { describe, expect, it } from "vitest";
import type { Graph, GraphNode, Tensor } from "../../../compiler/graph/graph.ts";
import {
  loadWeights,
  NETWORK_NAMES,
  NETWORKS,
  type NetworkName,
  networkSize,
} from "../../../compiler/networks/index.ts";
import { prepareGraph } from "../../../compiler/prepare-graph.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";

/** Those that several tests look at. */
const built = new Map<NetworkName, Graph>();

function network(name: NetworkName): Graph {
  const graph = built.get(name) ?? NETWORKS[name](1);
  built.set(name, graph);
  return graph;
}

/**
 * Parameters exactly, multiplications to three digits. Sources: torchvision's tables (`num_params`, `_ops`) for resnet50,
 * resnet152, squeezenet1_0, squeezenet1_1, mobilenet_v2 and inception_v3, this less its auxiliary classifier; the BVLC model
 * zoo for AlexNet and GoogLeNet; Keras Applications and Table 8 of its paper for MobileNet V1.
 */
const PUBLISHED: Readonly<Record<NetworkName, readonly [parameters: number, macs: number]>> = {
  alexnet: [60_965_224, 724e6],
  inception_v1: [6_998_552, 1.58e9],
  inception_v3: [23_834_568, 5.71e9],
  resnet50: [25_557_032, 4.09e9],
  resnet152: [60_192_808, 11.5e9],
  squeezenet: [1_248_424, 819e6],
  squeezenet_v1_1: [1_235_496, 349e6],
  mobilenet_v1: [4_231_976, 569e6],
  mobilenet_v2: [3_504_872, 301e6],
};

describe("published sizes", () => {
  it.each(NETWORK_NAMES)("%s", (name) => {
    const { parameters, macs } = networkSize(NETWORKS[name](1));
    expect([parameters, Number(macs.toPrecision(3))]).toEqual(PUBLISHED[name]);
  });

  it("ends in 1,000 classes and passes the compiler's passes", () => {
    for (const name of ["squeezenet", "mobilenet_v2", "inception_v1"] as const) {
      const graph = network(name);
      expect(graph.nodes.at(-1)).toMatchObject({ op: "softmax", shape: [1000] });
      expect(prepareGraph(graph).nodes.every(({ op }) => op !== "batchNormalization")).toBe(true);
    }
  });
});

describe("drawn weights", () => {
  it("depend on the seed and on nothing else", () => {
    const [once, again, other] = [NETWORKS.squeezenet(1), NETWORKS.squeezenet(1), NETWORKS.squeezenet(2)];
    for (const name of ["conv1", "fire5/expand3x3", "conv10"]) {
      expect(sameBits(kernelOf(again, name), kernelOf(once, name))).toBe(true);
      expect(sameBits(kernelOf(other, name), kernelOf(once, name))).toBe(false);
    }
  });

  it("fill kernels evenly about zero", () => {
    const { data } = kernelOf(network("mobilenet_v2"), "block5/expand");
    const half = Math.sqrt((3 * 2) / 32);
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    expect(Math.abs(mean)).toBeLessThan(half / 20);
    const largest = data.reduce((found, value) => Math.max(found, Math.abs(value)), 0);
    const smaller = data.filter((value) => Math.abs(value) < largest / 2).length / data.length;
    expect(Math.abs(smaller - 0.5)).toBeLessThan(0.05);
  });
});

/** Comparing element by element takes a test runner long. */
function sameBits(a: Tensor | null, b: Tensor | null): boolean {
  const bytes = (tensor: Tensor | null): Buffer =>
    Buffer.from(tensor?.data.buffer ?? new ArrayBuffer(0), tensor?.data.byteOffset, tensor?.data.byteLength);
  return String(a?.shape) === String(b?.shape) && bytes(a).equals(bytes(b));
}

function kernelOf(graph: Graph, name: string): Tensor {
  const node = graph.nodes.find((each) => each.name === name);
  if (node === undefined || !("kernel" in node) || node.op === "pool") throw new Error(name);
  return node.kernel;
}

/** The graph with its nodes under other names, and layers without an order between them turned around. */
function renamed(graph: Graph): Graph {
  const name = (old: string): string => (old === graph.input.name ? "picture" : `node ${old.length} ${old}`);
  const nodes = graph.nodes.map((node) => ({ ...node, name: name(node.name), inputs: node.inputs.map(name) }));
  const ready = new Set(["picture"]);
  const order: GraphNode[] = [];
  let rest = nodes as GraphNode[];
  while (rest.length > 0) {
    const next = rest.findLast(({ inputs }) => inputs.every((input) => ready.has(input)));
    if (next === undefined) throw new Error("a circle");
    ready.add(next.name);
    order.push(next);
    rest = rest.filter((node) => node !== next);
  }
  return { name: "file", input: { ...graph.input, name: "picture" }, nodes: order, output: name(graph.output) };
}

describe("weights of a file", () => {
  it.each(["inception_v1", "squeezenet_v1_1", "mobilenet_v2"] as const)(
    "%s takes them layer by layer, whatever their names and order",
    (name) => {
      const file = NETWORKS[name](77);
      const expected = prepareGraph(file);
      const loaded = loadWeights(network(name), renamed(file), "weights.onnx");
      for (const node of expected.nodes) {
        if (node.op !== "conv2d" && node.op !== "dense") continue;
        const match = loaded.nodes.find((each) => each.name === node.name);
        if (match?.op !== node.op) throw new Error(node.name);
        expect(sameBits(match.kernel, node.kernel) && sameBits(match.bias, node.bias), node.name).toBe(true);
      }
    },
  );

  it("tells a projection from the convolution beside it, which has the same form", () => {
    const file = NETWORKS.resnet50(5);
    const loaded = loadWeights(network("resnet50"), renamed(file), "weights.onnx");
    const expected = prepareGraph(file);
    for (const name of ["conv2_1/c", "conv2_1/shortcut", "conv5_3/b"]) {
      expect(sameBits(kernelOf(loaded, name), kernelOf(expected, name)), name).toBe(true);
    }
  });

  it("of another network are refused with both layers named", () => {
    const refused = () => loadWeights(network("squeezenet"), network("squeezenet_v1_1"), "weights.onnx");
    expect(refused).toThrow(DiagnosticError);
    expect(refused).toThrow(
      /weights\.onnx: expected conv1 \(conv2d 7 × 7 × 3 × 96, .*found conv1 \(conv2d 3 × 3 × 3 × 64/,
    );
  });

  it("of the same layers connected otherwise are refused", () => {
    const file = network("squeezenet_v1_1");
    const swapped = file.nodes.map((node) => {
      if (node.name !== "fire3/concat") return node;
      return { ...node, inputs: node.inputs.toReversed() };
    });
    expect(() => loadWeights(file, { ...file, nodes: swapped }, "weights.onnx")).toThrow(/none is connected as/);
  });
});
