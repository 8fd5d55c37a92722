/**
 * The typed network between importers and lowering. Values are named float tensors without a batch dimension: images are
 * [rows, columns, channels], vectors are [features]. Nodes stand in topological order. Plain data.
 */

import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { RoundingMode } from "../../isa/numerics/rounding.ts";
import type { ElementFunction } from "./element-function.ts";

/** What words of a quantized value stand for: value = word · scale. The model's file writes the integers word + zeroPoint. */
export interface WordUnit {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Words that the host makes of a network's input: value / scale, rounded, cut to lowest … highest. */
export interface InputWords extends WordUnit {
  readonly lowest: number;
  readonly highest: number;
  readonly rounding: Exclude<RoundingMode, "stochastic">;
}

export interface ValueInfo {
  readonly name: string;
  readonly shape: readonly number[];
  /** Of a network's input: the register that the model prescribes for it. */
  readonly register?: RegisterSpec;
  /** Of a network's input: values are integers that the host makes of the data so. */
  readonly words?: InputWords;
}

/** The network's input, and how the model file declares it. */
export interface InputInfo extends ValueInfo {
  /** Absent where the file declares the very shape that the network stores, in the same order. */
  readonly declared?: DeclaredInput;
}

/** One image as the model file declares it: data of this shape in row-major order are the model's own input. */
export interface DeclaredInput {
  /** Without the batch, e.g. [C, H, W]. */
  readonly shape: readonly number[];
  /** Its axes as they lie in the network's memory, outermost first: [1, 2, 0] for channels innermost. */
  readonly order: readonly number[];
}

/** Constant tensor of a node: float32 data, row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Zero rows and columns around an image. */
export interface Padding {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

export type Activation = "none" | "relu" | "relu6";

/**
 * What makes integers of a layer's sums in an integer network: y = clip(round((a · M + B) / (divisor · 2^shift))) with a the whole
 * sum, M and B of the filter or channel; exact until it is rounded once and cut to minimum … maximum.
 */
export interface IntegerRequantization {
  /** Integers, one per filter: below 2^63, as far as doubles hold them. */
  readonly multipliers: Float64Array;
  /** The same; null for zeros. */
  readonly offsets: Float64Array | null;
  /** Whole number from 0 up. */
  readonly shift: number;
  /** Whole number from 1 up, of at most 53 bits; 1 for a shift alone. */
  readonly divisor: number;
  readonly rounding: Exclude<RoundingMode, "stochastic">;
  /**
   * Integers. Where they are the ends of a word, e.g. 0 and 255, the output register saturates there; else the value is clipped
   * before a word that holds both. Null: not cut on that side, the word holds whatever can occur.
   */
  readonly minimum: number | null;
  readonly maximum: number | null;
}

interface NodeBase {
  /** Unique; the name a user assigns formats by. */
  readonly name: string;
  /** Names of values: the graph's input or other nodes' names (a node's output bears the node's name). */
  readonly inputs: readonly string[];
  /** Filled by shape inference. */
  readonly shape: readonly number[];
  /** Where the value is words of the model's own quantizer: what they stand for. */
  readonly unit?: WordUnit;
}

/** Registers in which the model itself keeps the constants of a layer; absent where it holds floats. */
export interface ConstantRegisters {
  readonly weight?: RegisterSpec;
  readonly bias?: RegisterSpec;
}

export interface Conv2dNode extends NodeBase {
  readonly op: "conv2d";
  /** kernelRows × kernelColumns × inputChannels/groups × filters. */
  readonly kernel: Tensor;
  /** One per filter. */
  readonly bias: Tensor | null;
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly padding: Padding;
  /** Filter n reads input channels of group ⌊n · groups / filters⌋; depthwise: groups = inputChannels. */
  readonly groups: number;
  readonly activation: Activation;
  /** Only where kernel, input and output are integers, without bias and activation; null in every other network. */
  readonly requantization: IntegerRequantization | null;
  readonly registers?: ConstantRegisters;
}

/**
 * Order in which a dense layer numbers its inputs. `as stored`: a vector's own order. `channels-first`: the input is an image
 * and row k of the kernel belongs to (channel, row, column), channel outermost: the flatten of a model that keeps
 * channels before positions.
 */
export type DenseInputOrder = "as stored" | "channels-first";

export interface DenseNode extends NodeBase {
  readonly op: "dense";
  /** features × units; row k belongs to input index k in the model's own order. */
  readonly kernel: Tensor;
  readonly bias: Tensor | null;
  readonly inputOrder: DenseInputOrder;
  readonly activation: Activation;
  /** As in `Conv2dNode`. */
  readonly requantization: IntegerRequantization | null;
  readonly registers?: ConstantRegisters;
}

/**
 * Transposed convolution: input pixel (r, c) adds kernel[i, j] · x to output pixel
 * (r · strides + i · dilations − top, c · strides + j · dilations − left).
 */
export interface ConvTranspose2dNode extends NodeBase {
  readonly op: "convTranspose2d";
  /** kernelRows × kernelColumns × inputChannels/groups × filters. */
  readonly kernel: Tensor;
  /** One per filter. */
  readonly bias: Tensor | null;
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Rows and columns cut off the output. */
  readonly padding: Padding;
  /** Rows and columns added at the bottom and on the right of the output. */
  readonly outputPadding: readonly [number, number];
  /** Filter n reads input channels of group ⌊n · groups / filters⌋. */
  readonly groups: number;
  readonly activation: Activation;
  readonly registers?: ConstantRegisters;
  /** As in `Conv2dNode`. */
  readonly requantization: IntegerRequantization | null;
}

export interface PoolNode extends NodeBase {
  readonly op: "pool";
  readonly kind: "maximum" | "average";
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;
  readonly countPadding: boolean;
  /** Of integers, kind average only: a is the sum of the window, which nothing divides but this; one multiplier per channel. */
  readonly requantization: IntegerRequantization | null;
}

/**
 * Integers to integers, element by element: y = clip(round((a · M + B) / (divisor · 2^shift))) for one input, (a · M + b · M′ + B)
 * for two of one shape. One multiplier per channel (last axis).
 */
export interface RequantizeNode extends NodeBase {
  readonly op: "requantize";
  readonly requantization: IntegerRequantization;
  /** M′, like the multipliers; null for one input. */
  readonly secondMultipliers: Float64Array | null;
}

/** y = gamma · (x − mean) / √(variance + epsilon) + beta, per channel (last axis). */
export interface BatchNormalizationNode extends NodeBase {
  readonly op: "batchNormalization";
  readonly gamma: Tensor;
  readonly beta: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly epsilon: number;
}

export interface ActivationNode extends NodeBase {
  readonly op: "activation";
  readonly activation: Exclude<Activation, "none">;
}

/** Element by element; relu and relu6 are `activation`. */
export interface FunctionNode extends NodeBase {
  readonly op: "function";
  readonly function: ElementFunction;
}

/** x from 0 up, slope · x below, with a slope for each channel of the last axis. */
export interface PreluNode extends NodeBase {
  readonly op: "prelu";
  readonly slopes: Tensor;
}

/**
 * Local response normalization across channels: y = x / (bias + alpha / size · Σ x²)^beta, the sum over `size` channels
 * around each: ⌊(size − 1) / 2⌋ before it and ⌈(size − 1) / 2⌉ behind it, as far as there are any.
 */
export interface LrnNode extends NodeBase {
  readonly op: "lrn";
  readonly alpha: number;
  readonly beta: number;
  readonly bias: number;
  readonly size: number;
}

/** Along the last axis. On the machine it runs on the host, and only as the last node. */
export interface SoftmaxNode extends NodeBase {
  readonly op: "softmax";
}

/** Row-major reinterpretation; flatten is one. */
export interface ReshapeNode extends NodeBase {
  readonly op: "reshape";
}

/** The model's own quantizer: every element in `register`. */
export interface QuantizeNode extends NodeBase {
  readonly op: "quantize";
  readonly register: RegisterSpec;
  /** Whether it is a layer of its own; before lowering, where that is not decided, false. */
  readonly isLayer: boolean;
  /** A clip of quantized words, no quantizer in the model's file: it need not stand apart from the quantizer before it. */
  readonly isClip?: true;
}

/** The same where another layer's register does it: words as they are, under the name of the quantizer. */
export interface RegisterNode extends NodeBase {
  readonly op: "register";
  readonly register: RegisterSpec;
  /** The network's input comes so; or the layer before it writes its output so, or (a maximum pool) loads its input so; or the layers behind it load theirs so. */
  readonly heldBy: "input" | "producer" | "readers";
}

export interface AddNode extends NodeBase {
  readonly op: "add";
  readonly activation: Activation;
}

/** The first input less the second, both of one shape. */
export interface SubtractNode extends NodeBase {
  readonly op: "subtract";
  readonly activation: Activation;
}

/** The product of two inputs of one shape, which may be the same value twice. */
export interface MultiplyNode extends NodeBase {
  readonly op: "multiply";
  readonly activation: Activation;
}

/** Of each axis the positions start, start + step, … below stop. One number per axis. */
export interface SliceNode extends NodeBase {
  readonly op: "slice";
  readonly start: readonly number[];
  readonly stop: readonly number[];
  /** From 1 up. */
  readonly step: readonly number[];
}

/** Axis a of the output is axis permutation[a] of the input. */
export interface TransposeNode extends NodeBase {
  readonly op: "transpose";
  readonly permutation: readonly number[];
}

/** Nearest neighbour by whole factors: y[r, c] = x[⌊r / factors[0]⌋, ⌊c / factors[1]⌋]. */
export interface ResizeNode extends NodeBase {
  readonly op: "resize";
  readonly factors: readonly [rows: number, columns: number];
}

/** Along the last axis. */
export interface ConcatenateNode extends NodeBase {
  readonly op: "concatenate";
}

export interface PadNode extends NodeBase {
  readonly op: "pad";
  readonly padding: Padding;
}

/** Constant value; folded away before lowering. */
export interface ConstantNode extends NodeBase {
  readonly op: "constant";
  readonly value: Tensor;
}

export type GraphNode =
  | Conv2dNode
  | DenseNode
  | ConvTranspose2dNode
  | PoolNode
  | RequantizeNode
  | BatchNormalizationNode
  | ActivationNode
  | FunctionNode
  | PreluNode
  | LrnNode
  | SoftmaxNode
  | ReshapeNode
  | QuantizeNode
  | RegisterNode
  | AddNode
  | SubtractNode
  | MultiplyNode
  | ConcatenateNode
  | SliceNode
  | TransposeNode
  | ResizeNode
  | PadNode
  | ConstantNode;

export type Operator = GraphNode["op"];

/** Operators of which the host can tell the class: none changes which element is the largest. */
export type ClosingOperator = "softmax" | "log-softmax" | "argmax" | "top-k";

export interface Graph {
  readonly name: string;
  readonly input: InputInfo;
  readonly nodes: readonly GraphNode[];
  /** Name of the node whose value is the result. */
  readonly output: string;
  /**
   * What the host computes from the result, in order, beside a softmax that is the last node: the class is the index of the
   * largest element all the same.
   */
  readonly closing?: readonly ClosingOperator[];
  /** Names of inputs that the model has and nothing reads. */
  readonly unreadInputs?: readonly string[];
  /** Names of the model's LSTM, GRU and RNN nodes, whose steps became nodes of their own. */
  readonly recurrentLayers?: readonly string[];
}
