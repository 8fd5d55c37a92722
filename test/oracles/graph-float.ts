/**
 * What a graph means, in float64 and nested loops: slow and obvious. An independent definition for tests; of the
 * compiler it imports the types only.
 */
import type { Graph, GraphNode } from "../../compiler/graph/graph.ts";

/** Elements in row-major order. */
export interface FloatValue {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** The output of the graph for one input, given in row-major order. */
export function evaluateGraph(graph: Graph, input: ArrayLike<number>): FloatValue {
  return known(evaluateAllValues(graph, input), graph.output);
}

/** Every value of the graph by name, the input included. */
export function evaluateAllValues(graph: Graph, input: ArrayLike<number>): Map<string, FloatValue> {
  const values = new Map<string, FloatValue>();
  values.set(graph.input.name, { shape: graph.input.shape, data: Array.from(input) });
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => known(values, name));
    values.set(node.name, evaluateNode(node, inputs));
  }
  return values;
}

function known(values: Map<string, FloatValue>, name: string): FloatValue {
  const value = values.get(name);
  if (value === undefined) throw new Error(`no value "${name}"`);
  return value;
}

function evaluateNode(node: GraphNode, inputs: readonly FloatValue[]): FloatValue {
  const x = inputs[0] ?? { shape: [], data: [] };
  switch (node.op) {
    case "constant":
      return { shape: node.value.shape, data: Array.from(node.value.data) };
    case "reshape":
      return { shape: node.shape, data: x.data };
    case "activation":
      return { shape: x.shape, data: x.data.map((element) => activate(node.activation, element)) };
    case "softmax":
      return softmax(x);
    case "add": {
      const data = x.data.map((_, index) => {
        let sum = 0;
        for (const input of inputs) sum += input.data[index] as number;
        return activate(node.activation, sum);
      });
      return { shape: x.shape, data };
    }
    case "concatenate":
      return concatenate(inputs);
    case "batchNormalization": {
      const channels = x.shape[x.shape.length - 1] as number;
      const data = x.data.map((element, index) => {
        const c = index % channels;
        const gamma = node.gamma.data[c] as number;
        const beta = node.beta.data[c] as number;
        const mean = node.mean.data[c] as number;
        const variance = node.variance.data[c] as number;
        return (gamma * (element - mean)) / Math.sqrt(variance + node.epsilon) + beta;
      });
      return { shape: x.shape, data };
    }
    case "dense": {
      const [features, units] = node.kernel.shape as [number, number];
      const data: number[] = [];
      for (let n = 0; n < units; n++) {
        let sum = node.bias === null ? 0 : (node.bias.data[n] as number);
        for (let k = 0; k < features; k++) sum += (node.kernel.data[k * units + n] as number) * (x.data[k] as number);
        data.push(activate(node.activation, sum));
      }
      return { shape: [units], data };
    }
    case "conv2d":
      return convolve(node, x);
    case "pool":
      return pool(node, x);
    case "pad": {
      const [rows, columns, channels] = x.shape as [number, number, number];
      const { top, bottom, left, right } = node.padding;
      const data: number[] = [];
      for (let r = -top; r < rows + bottom; r++) {
        for (let c = -left; c < columns + right; c++) {
          for (let k = 0; k < channels; k++) data.push(pixel(x, r, c, k) ?? 0);
        }
      }
      return { shape: [rows + top + bottom, columns + left + right, channels], data };
    }
  }
}

/** An element of an image; undefined outside. */
function pixel(image: FloatValue, row: number, column: number, channel: number): number | undefined {
  const [rows, columns, channels] = image.shape as [number, number, number];
  if (row < 0 || row >= rows || column < 0 || column >= columns) return undefined;
  return image.data[(row * columns + column) * channels + channel];
}

function convolve(node: Extract<GraphNode, { op: "conv2d" }>, x: FloatValue): FloatValue {
  const [kernelRows, kernelColumns, depth, filters] = node.kernel.shape as [number, number, number, number];
  const [rows, columns] = x.shape as [number, number, number];
  const { top, bottom, left, right } = node.padding;
  const [strideRows, strideColumns] = node.strides;
  const [dilationRows, dilationColumns] = node.dilations;
  const data: number[] = [];
  let outputRows = 0;
  let outputColumns = 0;
  // Every position at which the whole dilated kernel lies within the padded image.
  for (let r = -top; r + (kernelRows - 1) * dilationRows < rows + bottom; r += strideRows) {
    outputRows++;
    outputColumns = 0;
    for (let c = -left; c + (kernelColumns - 1) * dilationColumns < columns + right; c += strideColumns) {
      outputColumns++;
      for (let n = 0; n < filters; n++) {
        const group = Math.floor((n * node.groups) / filters);
        let sum = node.bias === null ? 0 : (node.bias.data[n] as number);
        for (let i = 0; i < kernelRows; i++) {
          for (let j = 0; j < kernelColumns; j++) {
            for (let k = 0; k < depth; k++) {
              const weight = node.kernel.data[((i * kernelColumns + j) * depth + k) * filters + n] as number;
              sum += weight * (pixel(x, r + i * dilationRows, c + j * dilationColumns, group * depth + k) ?? 0);
            }
          }
        }
        data.push(activate(node.activation, sum));
      }
    }
  }
  return { shape: [outputRows, outputColumns, filters], data };
}

function pool(node: Extract<GraphNode, { op: "pool" }>, x: FloatValue): FloatValue {
  const [kernelRows, kernelColumns] = node.kernel;
  const [rows, columns, channels] = x.shape as [number, number, number];
  const { top, bottom, left, right } = node.padding;
  const data: number[] = [];
  let outputRows = 0;
  let outputColumns = 0;
  for (let r = -top; r + kernelRows <= rows + bottom; r += node.strides[0]) {
    outputRows++;
    outputColumns = 0;
    for (let c = -left; c + kernelColumns <= columns + right; c += node.strides[1]) {
      outputColumns++;
      for (let k = 0; k < channels; k++) {
        const inside: number[] = [];
        for (let i = 0; i < kernelRows; i++) {
          for (let j = 0; j < kernelColumns; j++) {
            const element = pixel(x, r + i, c + j, k);
            if (element !== undefined) inside.push(element);
          }
        }
        const count = node.countPadding ? kernelRows * kernelColumns : inside.length;
        const sum = inside.reduce((a, b) => a + b, 0);
        data.push(node.kind === "maximum" ? Math.max(...inside) : sum / count);
      }
    }
  }
  return { shape: [outputRows, outputColumns, channels], data };
}

function concatenate(inputs: readonly FloatValue[]): FloatValue {
  const positions = (value: FloatValue) => value.data.length / (value.shape[value.shape.length - 1] as number);
  const data: number[] = [];
  for (let position = 0; position < positions(inputs[0] as FloatValue); position++) {
    for (const input of inputs) {
      const channels = input.shape[input.shape.length - 1] as number;
      for (let k = 0; k < channels; k++) data.push(input.data[position * channels + k] as number);
    }
  }
  const around = (inputs[0] as FloatValue).shape.slice(0, -1);
  return { shape: [...around, inputs.reduce((sum, { shape }) => sum + (shape[shape.length - 1] as number), 0)], data };
}

function softmax(x: FloatValue): FloatValue {
  const channels = x.shape[x.shape.length - 1] as number;
  const data: number[] = [];
  for (let start = 0; start < x.data.length; start += channels) {
    const logits = x.data.slice(start, start + channels);
    const largest = Math.max(...logits);
    const exponentials = logits.map((logit) => Math.exp(logit - largest));
    const total = exponentials.reduce((a, b) => a + b, 0);
    data.push(...exponentials.map((exponential) => exponential / total));
  }
  return { shape: x.shape, data };
}

function activate(activation: "none" | "relu" | "relu6", x: number): number {
  if (activation === "none") return x;
  if (activation === "relu") return x > 0 ? x : 0;
  return x < 0 ? 0 : x > 6 ? 6 : x;
}
