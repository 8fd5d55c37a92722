/**
 * The typed network between importers and lowering. Values are named float tensors without a batch dimension: images are
 * [rows, columns, channels], vectors are [features]. Nodes stand in topological order. Plain data.
 */

export interface ValueInfo {
  readonly name: string;
  readonly shape: readonly number[];
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

interface NodeBase {
  /** Unique; the name a user assigns formats by. */
  readonly name: string;
  /** Names of values: the graph's input or other nodes' names (a node's output bears the node's name). */
  readonly inputs: readonly string[];
  /** Filled by shape inference. */
  readonly shape: readonly number[];
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
}

export interface DenseNode extends NodeBase {
  readonly op: "dense";
  /** features × units; row k belongs to input index k in the model's own order. */
  readonly kernel: Tensor;
  readonly bias: Tensor | null;
  readonly activation: Activation;
}

export interface PoolNode extends NodeBase {
  readonly op: "pool";
  readonly kind: "maximum" | "average";
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;
  readonly countPadding: boolean;
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

/** Along the last axis. Runs on the host and only as the last node. */
export interface SoftmaxNode extends NodeBase {
  readonly op: "softmax";
}

/** Row-major reinterpretation; flatten is one. */
export interface ReshapeNode extends NodeBase {
  readonly op: "reshape";
}

export interface AddNode extends NodeBase {
  readonly op: "add";
  readonly activation: Activation;
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
  | PoolNode
  | BatchNormalizationNode
  | ActivationNode
  | SoftmaxNode
  | ReshapeNode
  | AddNode
  | ConcatenateNode
  | PadNode
  | ConstantNode;

export type Operator = GraphNode["op"];

export interface Graph {
  readonly name: string;
  readonly input: ValueInfo;
  readonly nodes: readonly GraphNode[];
  /** Name of the node whose value is the result. */
  readonly output: string;
}
