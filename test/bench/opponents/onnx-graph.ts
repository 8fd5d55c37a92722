import type { Conv2dNode, DenseNode, Graph, GraphNode, PoolNode, Tensor } from "../../../compiler/index.ts";
import { InvariantError } from "../../../isa/diagnostic.ts";
import type { FloatConvolution } from "./float-convolution.ts";
import type { OnnxConstant, OnnxGraph, OnnxNode } from "./onnx-model.ts";

/** One convolution on an image of channels × rows × columns. */
export function onnxConvolution({ rows, columns, channels, kernel, filters, weights }: FloatConvolution): OnnxGraph {
  const shape = [kernel, kernel, channels, filters];
  return {
    input: { name: "image", shape: [channels, rows, columns] },
    output: { name: "sums", shape: [filters, rows - kernel + 1, columns - kernel + 1] },
    nodes: [{ operator: "Conv", inputs: ["image", "weights"], output: "sums" }],
    constants: [{ name: "weights", shape: [filters, channels, kernel, kernel], data: filtersFirst(shape, weights) }],
  };
}

/** kernelRows × kernelColumns × channels × filters → filters × channels × kernelRows × kernelColumns. */
function filtersFirst(
  [rows = 1, columns = 1, channels = 1, filters = 1]: readonly number[],
  data: Float32Array,
): Float32Array {
  const moved = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let channel = 0; channel < channels; channel++) {
        for (let filter = 0; filter < filters; filter++) {
          const from = ((row * columns + column) * channels + channel) * filters + filter;
          moved[((filter * channels + channel) * rows + row) * columns + column] = data[from] ?? 0;
        }
      }
    }
  }
  return moved;
}

/** A network of convolutions, maximum pools, dense layers and flattening, for one-channel images. */
export function onnxNetwork(graph: Graph): OnnxGraph {
  const [rows = 1, columns = 1, channels = 1] = graph.input.shape;
  if (channels !== 1) throw new InvariantError("one input channel: then both orders of axes are one");
  const constants: OnnxConstant[] = [];
  const nodes = graph.nodes.flatMap((node) => onnxNodes(node, constants));
  const last = graph.nodes.find(({ name }) => name === graph.output);
  return {
    input: { name: graph.input.name, shape: [channels, rows, columns] },
    output: { name: graph.output, shape: last?.shape ?? [] },
    nodes,
    constants,
  };
}

function onnxNodes(node: GraphNode, constants: OnnxConstant[]): readonly OnnxNode[] {
  const constant = (name: string, shape: readonly number[], data: OnnxConstant["data"]): string => {
    constants.push({ name: `${node.name}/${name}`, shape, data });
    return `${node.name}/${name}`;
  };
  const bias = (tensor: Tensor | null): string[] =>
    tensor === null ? [] : [constant("bias", tensor.shape, tensor.data)];
  const [input = ""] = node.inputs;
  if (node.op === "conv2d") {
    if (node.groups !== 1) throw new InvariantError("no groups here");
    const { shape, data } = node.kernel;
    const [kernelRows = 1, kernelColumns = 1, channels = 1, filters = 1] = shape;
    const turned = [filters, channels, kernelRows, kernelColumns];
    const inputs = [input, constant("kernel", turned, filtersFirst(shape, data)), ...bias(node.bias)];
    const attributes = { strides: node.strides, dilations: node.dilations, pads: pads(node) };
    return activated(node, { operator: "Conv", inputs, output: node.name, attributes });
  }
  if (node.op === "dense") {
    const inputs = [input, constant("kernel", node.kernel.shape, node.kernel.data), ...bias(node.bias)];
    return activated(node, { operator: "Gemm", inputs, output: node.name });
  }
  if (node.op === "pool" && node.kind === "maximum") {
    const attributes = { kernel_shape: node.kernel, strides: node.strides, pads: pads(node) };
    return [{ operator: "MaxPool", inputs: [input], output: node.name, attributes }];
  }
  if (node.op === "reshape" && node.shape.length === 1) {
    const shape = constant("shape", [2], BigInt64Array.of(-1n, BigInt(node.shape[0] ?? 0)));
    const turned = `${node.name}/turned`;
    return [
      { operator: "Transpose", inputs: [input], output: turned, attributes: { perm: [0, 2, 3, 1] } },
      { operator: "Reshape", inputs: [turned, shape], output: node.name },
    ];
  }
  throw new InvariantError(`no ONNX operator for ${node.op} here`);
}

function pads({ padding: { top, left, bottom, right } }: Conv2dNode | PoolNode): readonly number[] {
  return [top, left, bottom, right];
}

function activated({ activation }: Conv2dNode | DenseNode, node: OnnxNode): readonly OnnxNode[] {
  if (activation === "none") return [node];
  if (activation !== "relu") throw new InvariantError(`no ${activation} here`);
  const sum = `${node.output}/sum`;
  return [
    { ...node, output: sum },
    { operator: "Relu", inputs: [sum], output: node.output },
  ];
}
