/** Networks by hand for tests of the compiler. */
import { GraphBuilder, type NewNode } from "../../../compiler/graph/builder.ts";
import type { Conv2dNode, Graph, Padding, Tensor } from "../../../compiler/graph/graph.ts";
import { NO_PADDING } from "../../../compiler/graph/shape.ts";
import { randomFloats } from "../../arbitraries/graph.ts";

export function tensor(shape: readonly number[], seed = 1): Tensor {
  const size = shape.reduce((product, side) => product * side, 1);
  return { shape, data: randomFloats(size, seed, -0.25, 0.25) };
}

type ConvolutionSettings = Partial<Pick<Conv2dNode, "strides" | "dilations" | "padding" | "groups" | "activation">>;

export function convolution(
  name: string,
  input: string,
  kernel: readonly [number, number, number, number],
  settings: ConvolutionSettings = {},
): NewNode {
  return {
    op: "conv2d",
    name,
    inputs: [input],
    kernel: tensor(kernel, kernel[0] + kernel[3]),
    bias: tensor([kernel[3]], 7),
    strides: [1, 1],
    dilations: [1, 1],
    padding: NO_PADDING,
    groups: 1,
    activation: "none",
    ...settings,
  };
}

export function maximumPool(name: string, input: string, size: number, padding: Padding = NO_PADDING): NewNode {
  const [kernel, strides] = [[size, size] as const, [size, size] as const];
  return { op: "pool", name, inputs: [input], kind: "maximum", kernel, strides, padding, countPadding: false };
}

export function dense(
  name: string,
  input: string,
  features: number,
  units: number,
  activation: "none" | "relu",
): NewNode {
  const kernel = tensor([features, units], 3);
  return { op: "dense", name, inputs: [input], kernel, bias: tensor([units], 5), activation };
}

export function network(shape: readonly number[], ...nodes: readonly NewNode[]): Graph {
  const builder = new GraphBuilder("network", { name: "image", shape }, "test");
  let output = "image";
  for (const node of nodes) output = builder.add(node);
  return builder.finish(output);
}

/** LeNet-5 as the project trains it. */
export function lenet(): Graph {
  return network(
    [28, 28, 1],
    convolution("conv1", "image", [5, 5, 1, 20]),
    maximumPool("pool1", "conv1", 2),
    convolution("conv2", "pool1", [5, 5, 20, 50]),
    maximumPool("pool2", "conv2", 2),
    { op: "reshape", name: "flatten", inputs: ["pool2"], shape: [800] },
    dense("fc1", "flatten", 800, 500, "relu"),
    dense("fc2", "fc1", 500, 10, "none"),
    { op: "softmax", name: "softmax", inputs: ["fc2"] },
  );
}
