import type {
  Activation,
  Tensor as Constant,
  Conv2dNode,
  Graph,
  GraphNode,
  Operator,
  Padding,
  PoolNode,
} from "../../compiler/graph/graph.ts";
import { InvariantError } from "../../isa/diagnostic.ts";
import type { Tensor, Tensor4D, TensorFlow } from "./backend.ts";

/**
 * Called after each node with its values, images × shape. What it returns replaces them for everything behind (the
 * extrinsic datapath); undefined leaves them.
 */
export type NodeObserver = (name: string, values: Float32Array, batch: ImageRange) => Float32Array | undefined;

/** Consecutive images of a run. */
export interface ImageRange {
  readonly first: number;
  readonly count: number;
}

/** Images that are computed together; bounds the memory of a run. */
const BATCH = 64;

/** Evaluates a graph in float32 through the TensorFlow.js API. Weights are uploaded once; `dispose` frees them. */
export class FloatNetwork {
  private readonly constants = new Map<Constant, Tensor>();
  private readonly dilatedKernels = new Map<Conv2dNode, Constant>();
  private readonly lastUse = new Map<string, number>();
  private readonly tf: TensorFlow;
  private readonly graph: Graph;

  get inputShape(): readonly number[] {
    return this.graph.input.shape;
  }

  constructor(tf: TensorFlow, graph: Graph) {
    this.tf = tf;
    this.graph = graph;
    graph.nodes.forEach((node, index) => {
      for (const name of node.inputs) this.lastUse.set(name, index);
    });
    this.lastUse.set(graph.output, graph.nodes.length);
  }

  /**
   * Values of the output node, images × elements, of `images` (count × input elements). `onProgress` hears of images
   * done.
   */
  async run(
    images: Float32Array,
    count: number,
    observe?: NodeObserver,
    onProgress?: (done: number) => void,
  ): Promise<Float32Array> {
    const elements = count === 0 ? 0 : images.length / count;
    const parts: Float32Array[] = [];
    for (let first = 0; first < count; first += BATCH) {
      const size = Math.min(BATCH, count - first);
      const part = images.subarray(first * elements, (first + size) * elements);
      parts.push(await this.runBatch(part, { first, count: size }, observe));
      onProgress?.(first + size);
    }
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      all.set(part, offset);
      offset += part.length;
    }
    return all;
  }

  dispose(): void {
    for (const tensor of this.constants.values()) tensor.dispose();
    this.constants.clear();
  }

  private async runBatch(images: Float32Array, batch: ImageRange, observe?: NodeObserver): Promise<Float32Array> {
    const { tf, graph } = this;
    const { count } = batch;
    const values = new Map<string, Tensor>();
    const keep = async (name: string, computed: Tensor): Promise<void> => {
      const replaced = observe?.(name, (await computed.data()) as Float32Array, batch);
      if (replaced === undefined) {
        values.set(name, computed);
        return;
      }
      values.set(name, tf.tensor(replaced, computed.shape, "float32"));
      computed.dispose();
    };
    await keep(graph.input.name, tf.tensor(images, [count, ...graph.input.shape], "float32"));
    for (const [index, node] of graph.nodes.entries()) {
      const inputs = node.inputs.map((name) => required(values.get(name), name));
      await keep(
        node.name,
        tf.tidy(() => {
          const value = this.evaluate(node, inputs, count);
          // A node that changes nothing hands its input on; each value is disposed by itself.
          return inputs.includes(value) ? value.clone() : value;
        }),
      );
      for (const name of new Set(node.inputs)) {
        if (this.lastUse.get(name) === index) values.get(name)?.dispose();
      }
    }
    const result = required(values.get(graph.output), graph.output);
    const data = Float32Array.from((await result.data()) as Float32Array);
    result.dispose();
    return data;
  }

  private evaluate(node: GraphNode, inputs: readonly Tensor[], count: number): Tensor {
    const rule = RULES[node.op] as (node: GraphNode, inputs: readonly Tensor[], context: RuleContext) => Tensor;
    return rule(node, inputs, {
      tf: this.tf,
      count,
      constant: (value) => this.constant(value),
      kernel: (convolution) => this.constant(this.dilatedKernel(convolution)) as Tensor4D,
    });
  }

  /** TensorFlow.js refuses strides together with dilations: the kernel is spread by zeros instead. */
  private dilatedKernel(node: Conv2dNode): Constant {
    if (node.dilations.every((dilation) => dilation === 1)) return node.kernel;
    const kernel = this.dilatedKernels.get(node) ?? spread(node.kernel, node.dilations);
    this.dilatedKernels.set(node, kernel);
    return kernel;
  }

  private constant(value: Constant): Tensor {
    let tensor = this.constants.get(value);
    if (tensor === undefined) {
      tensor = this.tf.keep(this.tf.tensor(value.data, [...value.shape], "float32"));
      this.constants.set(value, tensor);
    }
    return tensor;
  }
}

interface RuleContext {
  readonly tf: TensorFlow;
  readonly count: number;
  readonly constant: (value: Constant) => Tensor;
  /** Kernel of a convolution, its dilations applied. */
  readonly kernel: (node: Conv2dNode) => Tensor4D;
}

type Rule<Name extends Operator> = (
  node: Extract<GraphNode, { op: Name }>,
  inputs: readonly Tensor[],
  context: RuleContext,
) => Tensor;

const RULES: { readonly [Name in Operator]: Rule<Name> } = {
  conv2d: (node, inputs, context) => {
    const sums = convolve(node, padded(context.tf, first(inputs), node.padding, 0), context);
    return activate(context.tf, node.bias ? sums.add(context.constant(node.bias)) : sums, node.activation);
  },
  dense: (node, inputs, context) => {
    const product = first(inputs).reshape([context.count, -1]).matMul(context.constant(node.kernel));
    return activate(context.tf, node.bias ? product.add(context.constant(node.bias)) : product, node.activation);
  },
  pool: (node, inputs, context) => pool(node, first(inputs) as Tensor4D, context),
  batchNormalization: (node, inputs, { tf, constant }) =>
    tf.batchNorm(
      first(inputs),
      constant(node.mean) as Tensor4D,
      constant(node.variance) as Tensor4D,
      constant(node.beta) as Tensor4D,
      constant(node.gamma) as Tensor4D,
      node.epsilon,
    ),
  activation: (node, inputs, { tf }) => activate(tf, first(inputs), node.activation),
  softmax: (_node, inputs, { tf }) => tf.softmax(first(inputs)),
  reshape: (node, inputs, { count }) => first(inputs).reshape([count, ...node.shape]),
  add: (node, inputs, { tf }) =>
    activate(
      tf,
      inputs.reduce((sum, value) => sum.add(value)),
      node.activation,
    ),
  concatenate: (_node, inputs, { tf }) => tf.concat([...inputs], -1),
  pad: (node, inputs, { tf }) => padded(tf, first(inputs), node.padding, 0),
  constant: (node, _inputs, { tf, count, constant }) =>
    tf.tile(constant(node.value).expandDims(0), [count, ...node.value.shape.map(() => 1)]),
};

function convolve(node: Conv2dNode, image: Tensor, context: RuleContext): Tensor {
  const { tf } = context;
  const kernel = context.kernel(node);
  const strides: [number, number] = [...node.strides];
  const [rows, columns, channels, filters] = kernel.shape;
  if (node.groups === 1) return tf.conv2d(image as Tensor4D, kernel, strides, "valid");
  if (channels === 1 && filters % node.groups === 0) {
    const depthwise = kernel.reshape([rows, columns, node.groups, filters / node.groups]) as Tensor4D;
    return tf.depthwiseConv2d(image as Tensor4D, depthwise, strides, "valid");
  }
  const images = tf.split(image, node.groups, -1);
  const kernels = tf.split(kernel, node.groups, -1);
  const parts = images.map((part, group) => tf.conv2d(part as Tensor4D, kernels[group] as Tensor4D, strides, "valid"));
  return tf.concat(parts, -1);
}

/** A kernel with dilation − 1 zeros between its rows and columns. */
function spread({ shape, data }: Constant, [rowDilation, columnDilation]: readonly [number, number]): Constant {
  const [rows = 1, columns = 1, channels = 1, filters = 1] = shape;
  const [spreadRows, spreadColumns] = [(rows - 1) * rowDilation + 1, (columns - 1) * columnDilation + 1];
  const block = channels * filters;
  const spreadData = new Float32Array(spreadRows * spreadColumns * block);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = (row * columns + column) * block;
      const to = (row * rowDilation * spreadColumns + column * columnDilation) * block;
      spreadData.set(data.subarray(from, from + block), to);
    }
  }
  return { shape: [spreadRows, spreadColumns, channels, filters], data: spreadData };
}

function pool(node: PoolNode, image: Tensor4D, { tf }: RuleContext): Tensor {
  const kernel: [number, number] = [...node.kernel];
  const strides: [number, number] = [...node.strides];
  if (node.kind === "maximum") {
    // Padding never wins: it is the lowest float32.
    return tf.maxPool(padded(tf, image, node.padding, -3.4028234663852886e38) as Tensor4D, kernel, strides, "valid");
  }
  const mean = tf.avgPool(padded(tf, image, node.padding, 0) as Tensor4D, kernel, strides, "valid");
  if (node.countPadding || !hasPadding(node.padding)) return mean;
  // The share of valid positions in each window undoes the padding's weight.
  const ones = tf.ones([1, image.shape[1], image.shape[2], 1]);
  const share = tf.avgPool(padded(tf, ones, node.padding, 0) as Tensor4D, kernel, strides, "valid");
  return mean.div(share);
}

function activate(tf: TensorFlow, value: Tensor, activation: Activation): Tensor {
  if (activation === "none") return value;
  return activation === "relu" ? tf.relu(value) : tf.relu6(value);
}

function hasPadding({ top, bottom, left, right }: Padding): boolean {
  return top + bottom + left + right > 0;
}

function padded(tf: TensorFlow, image: Tensor, padding: Padding, value: number): Tensor {
  if (!hasPadding(padding)) return image;
  const sides: [number, number][] = [
    [0, 0],
    [padding.top, padding.bottom],
    [padding.left, padding.right],
    [0, 0],
  ];
  return tf.pad(image, sides, value);
}

function first(inputs: readonly Tensor[]): Tensor {
  return required(inputs[0], "input");
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new InvariantError(`float interpreter: no value ${name}`);
  return value;
}
