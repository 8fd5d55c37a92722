/**
 * Builds a network of published topology with drawn weights: He's scaling (uniform, He et al. 2015), divided by the size that
 * the layer's input is expected to have, so that activations keep their size from layer to layer. Every tensor is drawn from
 * (seed, its name) and therefore the same on every machine and whatever else is drawn.
 */
import { tensorGenerator } from "../../isa/numerics/random.ts";
import { GraphBuilder } from "../graph/builder.ts";
import type { Activation, DenseInputOrder, Graph, Padding, Tensor } from "../graph/graph.ts";
import { NO_PADDING, windowExtent } from "../graph/shape.ts";

type Pair = readonly [rows: number, columns: number];

/** Zero rows and columns on every side, or as many as ⌈size / stride⌉ outputs need, an odd one at the bottom and right. */
type NetworkPadding = number | Pair | "same";

export interface NetworkSettings {
  readonly name: string;
  /** Rows, columns, channels. */
  readonly input: readonly [number, number, number];
  readonly seed: number;
  /** Root mean square of the input's values. */
  readonly inputSize: number;
  /** ε of a batch normalization behind every convolution, whose own bias is then left out; null for none. */
  readonly epsilon: number | null;
}

export interface ConvolutionSettings {
  readonly filters: number;
  readonly kernel: number | Pair;
  readonly stride?: number;
  readonly padding?: NetworkPadding;
  readonly groups?: number;
  /** `relu` unless said otherwise. */
  readonly activation?: Activation;
}

export interface PoolSettings {
  readonly kind: "maximum" | "average";
  readonly kernel: number;
  readonly stride: number;
  readonly padding?: number;
  /** A window that begins inside the image counts although it ends outside, as in Caffe. */
  readonly ceiling?: boolean;
}

/** How much larger the largest of a window is than one value: of 3 × 3 normal values behind a ReLU, somewhat correlated. */
const MAXIMUM_GROWTH = 1.9;

/** How much smaller the mean of a window of values behind a ReLU is than their root mean square. */
const MEAN_SHRINKING = 0.6;

export class NetworkBuilder {
  readonly #settings: NetworkSettings;
  readonly #builder: GraphBuilder;
  /** Expected root mean square of each value. */
  readonly #sizes: Map<string, number> = new Map<string, number>();

  constructor(settings: NetworkSettings) {
    this.#settings = settings;
    const { name, input, inputSize } = settings;
    this.#builder = new GraphBuilder(name, { name: "input", shape: input }, name);
    this.#sizes.set("input", inputSize);
  }

  /** Convolution, batch normalization where the network has it, activation. Returns the name of the value. */
  convolution(input: string, name: string, settings: ConvolutionSettings): string {
    const { filters, stride = 1, padding = 0, groups = 1, activation = "relu" } = settings;
    const kernel = pair(settings.kernel);
    const channels = this.#channels(input) / groups;
    const { epsilon } = this.#settings;
    const shape = [...kernel, channels, filters];
    const drawn = this.#kernel(name, shape, kernel[0] * kernel[1] * channels, input, activation);
    const convolution = this.#builder.add({
      op: "conv2d",
      name,
      inputs: [input],
      kernel: drawn,
      bias: epsilon === null ? this.#bias(name, filters) : null,
      strides: [stride, stride],
      dilations: [1, 1],
      padding: this.#padding(input, kernel, stride, padding),
      groups,
      activation: epsilon === null ? activation : "none",
      requantization: null,
    });
    if (epsilon === null) return this.#sized(convolution, 1);
    const gain = activation === "none" ? 1 : 2;
    const normalized = this.#builder.add({
      op: "batchNormalization",
      name: `${name}/norm`,
      inputs: [convolution],
      gamma: this.#draw(`${name}/gamma`, [filters], Math.sqrt(gain), 0.2),
      beta: this.#draw(`${name}/beta`, [filters], 0, 0.1),
      mean: this.#draw(`${name}/mean`, [filters], 0, 0.1),
      variance: this.#draw(`${name}/variance`, [filters], gain, 0.2 * gain),
      epsilon,
    });
    return this.activation(this.#sized(normalized, 1), `${name}/${activation}`, activation);
  }

  /** A convolution of each channel by itself. */
  depthwise(input: string, name: string, settings: Omit<ConvolutionSettings, "filters" | "groups">): string {
    const channels = this.#channels(input);
    return this.convolution(input, name, { ...settings, filters: channels, groups: channels });
  }

  activation(input: string, name: string, activation: Activation): string {
    if (activation === "none") return input;
    return this.#sized(this.#builder.add({ op: "activation", name, inputs: [input], activation }), this.#size(input));
  }

  pool(input: string, name: string, settings: PoolSettings): string {
    const { kind, kernel, stride, padding = 0, ceiling = false } = settings;
    const [rows = 1, columns = 1] = this.#builder.shapeOf(input);
    // The rest that does not fill a step is filled up at the bottom and right.
    const rest = (side: number): number => (ceiling ? (stride - ((side + 2 * padding - kernel) % stride)) % stride : 0);
    const pooled = this.#builder.add({
      op: "pool",
      name,
      inputs: [input],
      kind,
      kernel: [kernel, kernel],
      strides: [stride, stride],
      padding: { top: padding, left: padding, bottom: padding + rest(rows), right: padding + rest(columns) },
      countPadding: false,
    });
    return this.#sized(pooled, this.#size(input) * (kind === "maximum" ? MAXIMUM_GROWTH : MEAN_SHRINKING));
  }

  /** The mean of all positions, as a vector. */
  globalAverage(input: string, name: string): string {
    const [rows = 1, columns = 1, channels = 1] = this.#builder.shapeOf(input);
    const pooled = this.#builder.add({
      op: "pool",
      name,
      inputs: [input],
      kind: "average",
      kernel: [rows, columns],
      strides: [rows, columns],
      padding: NO_PADDING,
      countPadding: false,
    });
    const flat = this.#builder.add({ op: "reshape", name: `${name}/flat`, inputs: [pooled], shape: [channels] });
    return this.#sized(flat, this.#size(input) * MEAN_SHRINKING);
  }

  /** As AlexNet and GoogLeNet in Caffe have it: over five channels, α = 10⁻⁴, β = 0.75, k = 1. */
  localNormalization(input: string, name: string): string {
    const node = { op: "lrn", name, inputs: [input], alpha: 1e-4, beta: 0.75, bias: 1, size: 5 } as const;
    return this.#sized(this.#builder.add(node), this.#size(input));
  }

  /** With `channels-first` the input is an image. */
  dense(
    input: string,
    name: string,
    units: number,
    activation: Activation,
    inputOrder: DenseInputOrder = "as stored",
  ): string {
    const features = this.#builder.shapeOf(input).reduce((product, side) => product * side, 1);
    const dense = this.#builder.add({
      op: "dense",
      name,
      inputs: [input],
      kernel: this.#kernel(name, [features, units], features, input, activation),
      bias: this.#bias(name, units),
      inputOrder,
      activation,
      requantization: null,
    });
    return this.#sized(dense, 1);
  }

  add(inputs: readonly string[], name: string, activation: Activation): string {
    const sum = this.#builder.add({ op: "add", name, inputs, activation });
    return this.#sized(sum, Math.hypot(...inputs.map((input) => this.#size(input))));
  }

  concatenate(inputs: readonly string[], name: string): string {
    const whole = this.#builder.add({ op: "concatenate", name, inputs });
    const squares = inputs.map((input) => this.#size(input) ** 2 * this.#channels(input));
    return this.#sized(whole, Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / this.#channels(whole)));
  }

  /** The network, whose last value goes through a softmax. */
  finish(logits: string): Graph {
    return this.#builder.finish(this.#builder.add({ op: "softmax", name: "softmax", inputs: [logits] }));
  }

  #sized(value: string, size: number): string {
    this.#sizes.set(value, size);
    return value;
  }

  #size(value: string): number {
    return this.#sizes.get(value) ?? 1;
  }

  #channels(value: string): number {
    return this.#builder.shapeOf(value).at(-1) ?? 1;
  }

  #padding(input: string, kernel: Pair, stride: number, padding: NetworkPadding): Padding {
    if (padding !== "same") {
      const [rows, columns] = pair(padding);
      return { top: rows, bottom: rows, left: columns, right: columns };
    }
    const [height = 1, width = 1] = this.#builder.shapeOf(input);
    const missing = (side: number, size: number): number =>
      Math.max(0, (Math.ceil(side / stride) - 1) * stride + windowExtent(size, 1) - side);
    const [rows, columns] = [missing(height, kernel[0]), missing(width, kernel[1])];
    const [top, left] = [Math.floor(rows / 2), Math.floor(columns / 2)];
    return { top, bottom: rows - top, left, right: columns - left };
  }

  /** Variance 2 / fan-in in front of a ReLU, which takes half of it away, else 1 / fan-in. */
  #kernel(name: string, shape: readonly number[], fanIn: number, input: string, activation: Activation): Tensor {
    const variance = (activation === "none" ? 1 : 2) / fanIn;
    return this.#draw(`${name}/kernel`, shape, 0, Math.sqrt(3 * variance) / this.#size(input));
  }

  #bias(name: string, filters: number): Tensor {
    return this.#draw(`${name}/bias`, [filters], 0, 0.1);
  }

  /** Uniform from centre − half to centre + half. */
  #draw(name: string, shape: readonly number[], centre: number, half: number): Tensor {
    const generator = tensorGenerator(this.#settings.seed, name);
    const data = new Float32Array(shape.reduce((product, side) => product * side, 1));
    for (let index = 0; index < data.length; index++) {
      data[index] = centre + half * ((generator.next() + 0.5) / 2 ** 31 - 1);
    }
    return { shape, data };
  }
}

function pair(value: number | Pair): Pair {
  return typeof value === "number" ? [value, value] : value;
}
