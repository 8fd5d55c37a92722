import type {
  Activation,
  Tensor as Constant,
  Conv2dNode,
  ConvTranspose2dNode,
  DenseNode,
  Graph,
  GraphNode,
  InputWords,
  Operator,
  PoolNode,
  QuantizeNode,
  RegisterNode,
} from "../../compiler/graph/graph.ts";
import { quantizedValues } from "../../compiler/graph/quantized-values.ts";
import { elementCount, isNoPadding } from "../../compiler/graph/shape.ts";
import { writtenValues } from "../../compiler/quantization/layer-facts.ts";
import { numberRounding } from "../../compiler/tensor-graph/arithmetic/round-number.ts";
import { diagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import type { Tensor, Tensor4D, TensorFlow } from "./backend.ts";
import { convolutionKernel, convolve, convolveTransposed, padded } from "./convolution.ts";
import { applyFunction, normalizeLocally } from "./element-wise.ts";
import {
  integerConvolution,
  integerDense,
  integerPool,
  integerTransposedConvolution,
  requantizeValues,
  unrounded,
  unroundedValues,
} from "./integer-layers.ts";
import type { RuleContext } from "./rule-context.ts";

/**
 * Called after each node with its values, images × shape. What it returns replaces them for everything behind (the
 * extrinsic datapath); undefined leaves them.
 */
export type NodeObserver = (name: string, values: Float32Array, batch: ImageRange) => Float32Array | undefined;

/**
 * Called after each node that sums, with what it read and its sums before bias and activation, images × shape each; null for
 * those of a pool. Layers of integer networks are left out.
 */
export type SumObserver = (
  node: SummingNode,
  input: Float32Array,
  sums: Float32Array | null,
  batch: ImageRange,
) => void;

export type SummingNode = Conv2dNode | ConvTranspose2dNode | DenseNode | PoolNode;

/** Consecutive images of a run. */
export interface ImageRange {
  readonly first: number;
  readonly count: number;
}

/** A part of a network. */
export interface FloatPart {
  /** Values that the nodes read from elsewhere, all images × elements. */
  readonly given: ReadonlyMap<string, Float32Array>;
  readonly nodes: readonly GraphNode[];
  /** Given or computed values. */
  readonly wanted: readonly string[];
}

export interface PartOptions {
  readonly observe?: NodeObserver;
  readonly observeSums?: SumObserver;
  /** Whether the observer sees the given values too. */
  readonly observeGiven?: boolean;
  /** Hears of images done. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

interface PartRun {
  /** Value → index of the node that reads it last. */
  readonly lastUse: ReadonlyMap<string, number>;
  readonly wanted: ReadonlyMap<string, Float32Array>;
  readonly options: PartOptions;
}

/** What the library's own code cannot compute, for want of memory as a rule, is the network's fault. */
function computing<T>(node: GraphNode, action: () => T): T {
  try {
    return action();
  } catch (error) {
    // A WebAssembly.RuntimeError, which has no name in the types at hand.
    if (!(error instanceof Error) || error.name !== "RuntimeError") throw error;
    throw diagnosticError(
      "FLOAT",
      `layer "${node.name}" (${node.op})`,
      `TensorFlow.js cannot compute a value of ${node.shape.join(" × ")}: ${error.message}`,
      "give the layer fewer channels, or compile the model and run the program file, which needs no float reference",
    );
  }
}

/** Images that are computed together, at most. */
const BATCH_IMAGES = 64;

/** Elements of one value of all images of a batch, 64 MiB: with `BATCH_IMAGES` what bounds the memory of a run. */
const BATCH_ELEMENTS = 2 ** 24;

/** What the host makes of the network's input; without quantizers only the scale and the range. */
function inputWords(values: Float32Array, words: InputWords, rounds: boolean): Float32Array {
  const { scale, lowest, highest, rounding } = words;
  const round = rounds ? numberRounding(rounding) : (value: number): number => value;
  return values.map((value) => Math.min(Math.max(round(Math.fround(value / scale)), lowest), highest));
}

/** Evaluates a graph in float32 through the TensorFlow.js API. Weights are uploaded once; `dispose` frees them. */
export class FloatNetwork {
  readonly #constants = new Map<Constant, Tensor>();
  readonly #madeConstants = new Map<GraphNode, Constant>();
  /** Of every value. */
  readonly #shapes: ReadonlyMap<string, readonly number[]>;
  readonly #tf: TensorFlow;
  readonly graph: Graph;
  readonly #batchImages: number;
  readonly #written: ReadonlyMap<string, string>;
  readonly #quantizers: boolean;

  get inputShape(): readonly number[] {
    return this.graph.input.shape;
  }

  /** The layer of the machine whose written words a value is. */
  layerOf(value: string): string | undefined {
    return this.#written.get(value);
  }

  /** What observers are told of as the input's name. */
  get inputName(): string {
    return this.graph.input.name;
  }

  /** `quantizers`: whether those of the model compute, or hand values on as they are. */
  constructor(tf: TensorFlow, graph: Graph, { quantizers = true }: { readonly quantizers?: boolean } = {}) {
    this.#tf = tf;
    this.#quantizers = quantizers;
    this.graph = graph;
    this.#written = writtenValues(graph);
    this.#shapes = new Map([graph.input, ...graph.nodes].map(({ name, shape }) => [name, shape]));
    const largest = Math.max(...[...this.#shapes.values()].map(elementCount));
    this.#batchImages = Math.max(1, Math.min(BATCH_IMAGES, Math.floor(BATCH_ELEMENTS / largest)));
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
    const { input, nodes, output } = this.graph;
    const given = new Map([[input.name, images]]);
    const observeAll = observe === undefined ? {} : { observe, observeGiven: true };
    const values = await this.runPart({ given, nodes, wanted: [output] }, count, { ...observeAll, onProgress });
    const computed = required(values.get(output), output);
    const scale = nodes.find(({ name }) => name === output)?.unit?.scale ?? 1;
    return scale === 1 ? computed : computed.map((word) => word * scale);
  }

  /** Some nodes of the network, in its order, on values that are given: the values that are wanted, images × elements each. */
  async runPart(part: FloatPart, count: number, options: PartOptions = {}): Promise<ReadonlyMap<string, Float32Array>> {
    const wanted = new Map(part.wanted.map((name) => [name, new Float32Array(count * this.#elementsOf(name))]));
    const lastUse = new Map<string, number>();
    part.nodes.forEach((node, index) => {
      for (const name of node.inputs) lastUse.set(name, index);
    });
    for (const name of part.wanted) lastUse.set(name, part.nodes.length);
    for (let first = 0; first < count; first += this.#batchImages) {
      const batch = { first, count: Math.min(this.#batchImages, count - first) };
      await this.#runBatch(part, batch, { lastUse, wanted, options });
      options.onProgress?.(first + batch.count);
    }
    return wanted;
  }

  dispose(): void {
    for (const tensor of this.#constants.values()) tensor.dispose();
    this.#constants.clear();
  }

  #elementsOf(name: string): number {
    return elementCount(required(this.#shapes.get(name), name));
  }

  async #runBatch(part: FloatPart, batch: ImageRange, run: PartRun): Promise<void> {
    const tf = this.#tf;
    const { first, count } = batch;
    const { lastUse, wanted, options } = run;
    const values = new Map<string, Tensor>();
    const keep = async (name: string, computed: Tensor, observe: NodeObserver | undefined): Promise<void> => {
      const replaced = observe?.(name, (await computed.data()) as Float32Array, batch);
      if (replaced === undefined) {
        values.set(name, computed);
        return;
      }
      values.set(name, tf.tensor(replaced, computed.shape, "float32"));
      computed.dispose();
    };
    for (const [name, all] of part.given) {
      const elements = this.#elementsOf(name);
      const given = all.subarray(first * elements, (first + count) * elements);
      const { words } = this.graph.input;
      const data = name === this.graph.input.name && words ? inputWords(given, words, this.#quantizers) : given;
      const tensor = tf.tensor(data, [count, ...required(this.#shapes.get(name), name)], "float32");
      await keep(name, tensor, options.observeGiven ? options.observe : undefined);
    }
    for (const [index, node] of part.nodes.entries()) {
      const inputs = node.inputs.map((name) => required(values.get(name), name));
      let sums: Tensor | null = null;
      const keepSums = (value: Tensor): void => {
        sums = tf.keep(value.clone());
      };
      const computed = computing(node, () =>
        tf.tidy(() => {
          const value = this.#evaluate(node, inputs, count, options.observeSums && keepSums);
          // A node that changes nothing hands its input on; each value is disposed by itself.
          return inputs.includes(value) ? value.clone() : value;
        }),
      );
      if (options.observeSums && isSumming(node))
        await observeSums(node, required(inputs[0], node.name), sums, options.observeSums, batch);
      await keep(node.name, computed, options.observe);
      for (const name of new Set(node.inputs)) {
        if (lastUse.get(name) === index) values.get(name)?.dispose();
      }
    }
    for (const [name, all] of wanted) {
      all.set((await required(values.get(name), name).data()) as Float32Array, first * this.#elementsOf(name));
    }
    for (const value of values.values()) if (!value.isDisposed) value.dispose();
  }

  #evaluate(node: GraphNode, inputs: readonly Tensor[], count: number, onSums?: RuleContext["onSums"]): Tensor {
    const rule = RULES[node.op] as (node: GraphNode, inputs: readonly Tensor[], context: RuleContext) => Tensor;
    return rule(node, inputs, {
      tf: this.#tf,
      count,
      onSums,
      quantizers: this.#quantizers,
      constant: (value) => this.#constant(value),
      made: (make) => {
        const value = this.#madeConstants.get(node) ?? make();
        this.#madeConstants.set(node, value);
        return this.#constant(value);
      },
    });
  }

  #constant(value: Constant): Tensor {
    let tensor = this.#constants.get(value);
    if (tensor === undefined) {
      tensor = this.#tf.keep(this.#tf.tensor(value.data, [...value.shape], "float32"));
      this.#constants.set(value, tensor);
    }
    return tensor;
  }
}

function isSumming(node: GraphNode): node is SummingNode {
  if (node.op === "pool") return node.kind === "average";
  if (node.op === "conv2d" || node.op === "dense") return node.requantization === null;
  return node.op === "convTranspose2d";
}

async function observeSums(
  node: SummingNode,
  input: Tensor,
  sums: Tensor | null,
  observe: SumObserver,
  batch: ImageRange,
): Promise<void> {
  const read = (await input.data()) as Float32Array;
  observe(node, read, sums && ((await sums.data()) as Float32Array), batch);
  sums?.dispose();
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
    if (node.requantization !== null && !context.quantizers) {
      const sums = convolve(context.tf, image, convolutionKernel(node, context), node);
      return unrounded(context.tf, sums, node.requantization);
    }
    if (node.requantization !== null) return integerConvolution(context.tf, node, node.requantization, image);
    const sums = convolve(context.tf, image, convolutionKernel(node, context), node);
    context.onSums?.(sums);
    return activate(context.tf, node.bias ? context.tf.add(sums, context.constant(node.bias)) : sums, node.activation);
  },
  dense: (node, inputs, context) => {
    const { tf, count, constant } = context;
    const ordered = node.inputOrder === "channels-first" ? tf.transpose(first(inputs), [0, 3, 1, 2]) : first(inputs);
    const features = tf.reshape(ordered, [count, -1]);
    if (node.requantization !== null && !context.quantizers) {
      return unrounded(tf, tf.matMul(features, constant(node.kernel)), node.requantization);
    }
    if (node.requantization !== null) return integerDense(tf, node, node.requantization, features);
    const product = tf.matMul(features, constant(node.kernel));
    context.onSums?.(product);
    return activate(tf, node.bias ? tf.add(product, constant(node.bias)) : product, node.activation);
  },
  convTranspose2d: (node, inputs, context) => {
    const { requantization } = node;
    if (requantization !== null) return integerTransposedConvolution(node, requantization, first(inputs), context);
    const sums = convolveTransposed(node, first(inputs), context);
    context.onSums?.(sums);
    return activate(context.tf, node.bias ? context.tf.add(sums, context.constant(node.bias)) : sums, node.activation);
  },
  pool: (node, inputs, context) =>
    node.requantization === null
      ? pool(node, first(inputs) as Tensor4D, context)
      : integerPool(context.tf, node, node.requantization, first(inputs)),
  requantize: (node, inputs, { tf, quantizers }) =>
    quantizers ? requantizeValues(tf, node, inputs) : unroundedValues(tf, node, inputs),
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
  prelu: ({ slopes }, inputs, { tf, constant }) => tf.prelu(first(inputs), constant(slopes)),
  lrn: (node, inputs, context) => normalizeLocally(node, first(inputs), context),
  softmax: (_node, inputs, { tf }) => tf.softmax(first(inputs)),
  reshape: (node, inputs, { tf, count }) => tf.reshape(first(inputs), [count, ...node.shape]),
  quantize: (node, inputs, context) => quantized(node, first(inputs), context),
  register: (node, inputs, context) => quantized(node, first(inputs), context),
  add: (node, inputs, { tf }) =>
    activate(
      tf,
      inputs.reduce((sum, value) => tf.add(sum, value)),
      node.activation,
    ),
  subtract: (node, [a, b], { tf }) => activate(tf, tf.sub(required(a, "a"), required(b, "b")), node.activation),
  multiply: (node, [a, b], { tf }) => activate(tf, tf.mul(required(a, "a"), required(b, "b")), node.activation),
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
    tf.tile(tf.expandDims(constant(node.value), 0), [count, ...node.value.shape.map(() => 1)]),
};

function quantized({ register }: QuantizeNode | RegisterNode, value: Tensor, { tf, quantizers }: RuleContext): Tensor {
  if (!quantizers) return value;
  return tf.tensor(quantizedValues(value.dataSync() as Float32Array, register), value.shape, "float32");
}

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
  return tf.div(mean, share);
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
