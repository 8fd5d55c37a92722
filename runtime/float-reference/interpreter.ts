import type {
  Activation,
  Tensor as Constant,
  Graph,
  GraphNode,
  Operator,
  PoolNode,
} from "../../compiler/graph/graph.ts";
import { elementCount, isNoPadding } from "../../compiler/graph/shape.ts";
import { InvariantError } from "../../isa/diagnostic.ts";
import type { Tensor, Tensor4D, TensorFlow } from "./backend.ts";
import { convolutionKernel, convolve, convolveTransposed, padded } from "./convolution.ts";
import { applyFunction, normalizeLocally } from "./element-wise.ts";
import { integerConvolution, integerDense } from "./integer-layers.ts";
import type { RuleContext } from "./rule-context.ts";

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

/** Images that are computed together, at most. */
const BATCH_IMAGES = 64;

/** Elements of one value of all images of a batch, 64 MiB: with `BATCH_IMAGES` what bounds the memory of a run. */
const BATCH_ELEMENTS = 2 ** 24;

/** Evaluates a graph in float32 through the TensorFlow.js API. Weights are uploaded once; `dispose` frees them. */
export class FloatNetwork {
  private readonly constants = new Map<Constant, Tensor>();
  private readonly madeConstants = new Map<GraphNode, Constant>();
  private readonly lastUse = new Map<string, number>();
  private readonly tf: TensorFlow;
  private readonly graph: Graph;
  private readonly batchImages: number;

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
    const largest = Math.max(...[graph.input, ...graph.nodes].map(({ shape }) => elementCount(shape)));
    this.batchImages = Math.max(1, Math.min(BATCH_IMAGES, Math.floor(BATCH_ELEMENTS / largest)));
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
    for (let first = 0; first < count; first += this.batchImages) {
      const size = Math.min(this.batchImages, count - first);
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
      made: (make) => {
        const value = this.madeConstants.get(node) ?? make();
        this.madeConstants.set(node, value);
        return this.constant(value);
      },
    });
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

type Rule<Name extends Operator> = (
  node: Extract<GraphNode, { op: Name }>,
  inputs: readonly Tensor[],
  context: RuleContext,
) => Tensor;

/** Evaluates one node on values of images × shape. */
const RULES: { readonly [Name in Operator]: Rule<Name> } = {
  conv2d: (node, inputs, context) => {
    const image = padded(context.tf, first(inputs), node.padding, 0);
    if (node.requantization !== null) return integerConvolution(context.tf, node, node.requantization, image);
    const sums = convolve(context.tf, image, convolutionKernel(node, context), node);
    return activate(context.tf, node.bias ? sums.add(context.constant(node.bias)) : sums, node.activation);
  },
  dense: (node, inputs, context) => {
    const { tf, count, constant } = context;
    const ordered = node.inputOrder === "channels-first" ? tf.transpose(first(inputs), [0, 3, 1, 2]) : first(inputs);
    const features = ordered.reshape([count, -1]);
    if (node.requantization !== null) return integerDense(tf, node, node.requantization, features);
    const product = features.matMul(constant(node.kernel));
    return activate(tf, node.bias ? product.add(constant(node.bias)) : product, node.activation);
  },
  convTranspose2d: (node, inputs, context) => {
    const sums = convolveTransposed(node, first(inputs), context);
    return activate(context.tf, node.bias ? sums.add(context.constant(node.bias)) : sums, node.activation);
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
  function: (node, inputs, { tf }) => applyFunction(tf, node.function, first(inputs)),
  lrn: (node, inputs, context) => normalizeLocally(node, first(inputs), context),
  softmax: (_node, inputs, { tf }) => tf.softmax(first(inputs)),
  reshape: (node, inputs, { count }) => first(inputs).reshape([count, ...node.shape]),
  add: (node, inputs, { tf }) =>
    activate(
      tf,
      inputs.reduce((sum, value) => sum.add(value)),
      node.activation,
    ),
  subtract: (node, [a, b], { tf }) => activate(tf, required(a, "a").sub(required(b, "b")), node.activation),
  multiply: (node, [a, b], { tf }) => activate(tf, required(a, "a").mul(required(b, "b")), node.activation),
  slice: ({ start, stop, step }, inputs, { tf, count }) =>
    tf.stridedSlice(first(inputs), [0, ...start], [count, ...stop], [1, ...step]),
  transpose: (node, inputs, { tf }) => tf.transpose(first(inputs), [0, ...node.permutation.map((axis) => axis + 1)]),
  resize: (node, inputs, { tf }) =>
    node.factors.reduce((value, factor, axis) => {
      const length = (value.shape[axis + 1] ?? 0) * factor;
      const sources = Int32Array.from({ length }, (_, position) => Math.floor(position / factor));
      return tf.gather(value, tf.tensor1d(sources, "int32"), axis + 1);
    }, first(inputs)),
  concatenate: (_node, inputs, { tf }) => tf.concat([...inputs], -1),
  pad: (node, inputs, { tf }) => padded(tf, first(inputs), node.padding, 0),
  constant: (node, _inputs, { tf, count, constant }) =>
    tf.tile(constant(node.value).expandDims(0), [count, ...node.value.shape.map(() => 1)]),
};

function pool(node: PoolNode, image: Tensor4D, { tf }: RuleContext): Tensor {
  const kernel: [number, number] = [...node.kernel];
  const strides: [number, number] = [...node.strides];
  if (node.kind === "maximum") {
    // Padding never wins: it is the lowest float32.
    return tf.maxPool(padded(tf, image, node.padding, -3.4028234663852886e38) as Tensor4D, kernel, strides, "valid");
  }
  const mean = tf.avgPool(padded(tf, image, node.padding, 0) as Tensor4D, kernel, strides, "valid");
  if (node.countPadding || isNoPadding(node.padding)) return mean;
  // The share of valid positions in each window undoes the padding's weight.
  const ones = tf.ones([1, image.shape[1], image.shape[2], 1]);
  const share = tf.avgPool(padded(tf, ones, node.padding, 0) as Tensor4D, kernel, strides, "valid");
  return mean.div(share);
}

function activate(tf: TensorFlow, value: Tensor, activation: Activation): Tensor {
  if (activation === "none") return value;
  return activation === "relu" ? tf.relu(value) : tf.relu6(value);
}

function first(inputs: readonly Tensor[]): Tensor {
  return required(inputs[0], "input");
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new InvariantError(`float interpreter: no value ${name}`);
  return value;
}
