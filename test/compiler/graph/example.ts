/** A small graph with every operator, for the tests of this folder. */
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import type { Graph, GraphNode, Tensor } from "../../../compiler/graph/graph.ts";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { register } from "../../../isa/numerics/register.ts";
import { randomFloats } from "../../arbitraries/graph.ts";

export function tensor(...shape: number[]): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return { shape, data: randomFloats(count, count, -1, 1) };
}

/** Input [7, 5, 3]; every operator once, `convolution` first, `probabilities` last. */
export function exampleGraph(): Graph {
  const builder = new GraphBuilder("example", { name: "image", shape: [7, 5, 3] }, "example");
  builder.add({
    op: "conv2d",
    name: "convolution",
    inputs: ["image"],
    kernel: tensor(3, 2, 1, 6),
    bias: tensor(6),
    strides: [2, 1],
    dilations: [1, 2],
    padding: { top: 1, bottom: 2, left: 0, right: 1 },
    groups: 3,
    activation: "relu6",
  });
  builder.add({
    op: "batchNormalization",
    name: "normalized",
    inputs: ["convolution"],
    gamma: tensor(6),
    beta: tensor(6),
    mean: tensor(6),
    variance: { shape: [6], data: randomFloats(6, 1, 0.5, 1) },
    epsilon: 0.001,
  });
  builder.add({ op: "constant", name: "offset", inputs: [], value: tensor(4, 4, 6) });
  builder.add({ op: "add", name: "sum", inputs: ["normalized", "offset"], activation: "none" });
  builder.add({ op: "activation", name: "positive", inputs: ["sum"], activation: "relu" });
  builder.add({ op: "subtract", name: "difference", inputs: ["positive", "sum"], activation: "none" });
  builder.add({ op: "multiply", name: "product", inputs: ["difference", "difference"], activation: "relu6" });
  builder.add({ op: "function", name: "bent", inputs: ["product"], function: { kind: "leakyRelu", slope: 0.25 } });
  builder.add({ op: "prelu", name: "leaned", inputs: ["bent"], slopes: tensor(6) });
  builder.add({ op: "lrn", name: "local", inputs: ["leaned"], alpha: 0.5, beta: 0.75, bias: 2, size: 5 });
  builder.add({ op: "slice", name: "part", inputs: ["local"], start: [0, 1, 0], stop: [4, 3, 6], step: [2, 1, 1] });
  builder.add({ op: "transpose", name: "turned", inputs: ["part"], permutation: [1, 0, 2] });
  builder.add({ op: "resize", name: "larger", inputs: ["turned"], factors: [1, 2] });
  builder.add({
    op: "convTranspose2d",
    name: "spread",
    inputs: ["larger"],
    kernel: tensor(2, 1, 3, 6),
    bias: tensor(6),
    strides: [2, 1],
    dilations: [1, 1],
    padding: { top: 1, bottom: 0, left: 0, right: 0 },
    outputPadding: [1, 0],
    groups: 2,
    activation: "none",
  });
  builder.add({ op: "concatenate", name: "both", inputs: ["positive", "spread"] });
  builder.add({ op: "pad", name: "padded", inputs: ["both"], padding: { top: 0, bottom: 1, left: 0, right: 0 } });
  builder.add({
    op: "pool",
    name: "means",
    inputs: ["padded"],
    kind: "average",
    kernel: [2, 2],
    strides: [2, 2],
    padding: { top: 0, bottom: 1, left: 0, right: 0 },
    countPadding: true,
  });
  const coarse = register(fixedPoint(6, 3), "nearest-even");
  builder.add({ op: "quantize", name: "coarse", inputs: ["means"], register: coarse, isLayer: false });
  const narrow = register(fixedPoint(4, 3, false), "nearest-even");
  builder.add({ op: "register", name: "narrow", inputs: ["coarse"], register: narrow, heldBy: "readers" });
  builder.add({
    op: "requantize",
    name: "words",
    inputs: ["narrow"],
    secondMultipliers: null,
    requantization: {
      multipliers: Float64Array.from({ length: 12 }, () => 5),
      offsets: null,
      shift: 3,
      divisor: 1,
      rounding: "down",
      minimum: 0,
      maximum: 255,
    },
  });
  builder.add({ op: "reshape", name: "flat", inputs: ["words"], shape: [72] });
  builder.add({
    op: "dense",
    name: "scores",
    inputs: ["flat"],
    kernel: tensor(72, 10),
    bias: null,
    activation: "none",
  });
  builder.add({ op: "softmax", name: "probabilities", inputs: ["scores"] });
  return builder.finish("probabilities");
}

/** The graph with one node changed. */
export function changed<Node extends GraphNode>(graph: Graph, name: string, change: Partial<Node>): Graph {
  return {
    ...graph,
    nodes: graph.nodes.map((node) => (node.name === name ? ({ ...node, ...change } as GraphNode) : node)),
  };
}
