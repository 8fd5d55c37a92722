/**
 * hls4ml's layers of a network, and which of them a layer here stands for. hls4ml has an activation as a layer of its own,
 * `<layer>_<activation>` where Keras has it inside the layer, `linear` included; what the compiler folds into a layer is one
 * there. Facts from hls4ml/converters/keras_v2_to_hls.py and model/layers.py.
 */
import type { Activation, Graph, GraphNode } from "../../../compiler/graph/graph.ts";
import { consumers } from "../../../compiler/graph/uses.ts";
import type { Hls4mlClass } from "./configuration.ts";

export interface Hls4mlLayer {
  readonly name: string;
  readonly kind: Hls4mlClass;
}

/** A node of the network as imported, as hls4ml has it. */
export interface NetworkStep {
  readonly node: GraphNode;
  readonly layer: Hls4mlLayer;
  /** The layer behind it that Keras has inside the node; null for a node that is all. */
  readonly activation: Hls4mlLayer | null;
  /** Layer of the machine that computes it; null where it only gives its input another name or shape. */
  readonly computedBy: string | null;
  /** A batch normalization whose weights went into the layer. */
  readonly folded: boolean;
}

/** Imported nodes in their order; a node of `unknown` is none that is read. */
export interface Hls4mlNetwork {
  readonly input: Hls4mlLayer;
  readonly steps: readonly NetworkStep[];
  readonly unknown: readonly GraphNode[];
}

const CLASSES: Readonly<Partial<Record<GraphNode["op"], Hls4mlClass>>> = {
  conv2d: "Conv2D",
  dense: "Dense",
  batchNormalization: "BatchNormalization",
  activation: "Activation",
  softmax: "Softmax",
  reshape: "Reshape",
  add: "Merge",
  subtract: "Merge",
  multiply: "Merge",
  concatenate: "Concatenate",
  pad: "ZeroPadding2D",
  transpose: "Transpose",
  resize: "Resize",
};

/** `imported`: before the compiler's passes; `lowerable`: after them. */
export function hls4mlNetwork(imported: Graph, lowerable: Graph): Hls4mlNetwork {
  const computed = new Map(lowerable.nodes.map((node) => [node.name, node]));
  const shapes = new Map([imported.input, ...imported.nodes].map(({ name, shape }) => [name, shape]));
  const readers = consumers(imported);
  const behind = new Map<string, string>();
  const steps: NetworkStep[] = [];
  const unknown: GraphNode[] = [];
  for (const node of imported.nodes) {
    if (node.op === "constant") continue;
    const kind = classOf(node, shapes);
    const source = node.inputs.map((input) => behind.get(input)).find((name) => name !== undefined) ?? null;
    const own = computed.get(node.name);
    const isLayer = own !== undefined && own.op !== "reshape" && own.op !== "softmax";
    const moves = node.op === "reshape" || node.op === "softmax" || (node.op === "transpose" && !isLayer);
    const computedBy = isLayer ? node.name : moves ? null : source;
    if (kind === null) unknown.push(node);
    else {
      const folded = node.op === "batchNormalization" && !isLayer;
      const layer = { name: kerasName(node), kind };
      steps.push({ node, layer, activation: innerActivation(node, readers.get(node.name) ?? []), computedBy, folded });
    }
    const carried = isLayer ? node.name : source;
    if (carried !== null) behind.set(node.name, carried);
  }
  return { input: { name: imported.input.name, kind: "Input" }, steps, unknown };
}

/** A softmax that Keras has inside a dense layer is imported as `<layer>/softmax`. */
function kerasName({ name, op }: GraphNode): string {
  return op === "softmax" ? name.replace(/\/softmax$/, "_softmax") : name;
}

function classOf(node: GraphNode, shapes: ReadonlyMap<string, readonly number[]>): Hls4mlClass | null {
  const [input = ""] = node.inputs;
  const [rows, columns, channels = 1] = shapes.get(input) ?? [];
  if ("requantization" in node && node.requantization !== null) return null;
  if (node.op === "conv2d" && node.groups > 1) return node.groups === channels ? "DepthwiseConv2D" : null;
  if (node.op === "pool") {
    const [kernelRows, kernelColumns] = node.kernel;
    return kernelRows === rows && kernelColumns === columns ? "GlobalPooling2D" : "Pooling2D";
  }
  return CLASSES[node.op] ?? null;
}

const INNER: Readonly<Record<Activation, string>> = { none: "linear", relu: "relu", relu6: "relu6" };

/** Convolutions and dense layers have one always; where softmax stands there it is a node of its own. */
function innerActivation(node: GraphNode, readers: readonly GraphNode[]): Hls4mlLayer | null {
  if (node.op !== "conv2d" && node.op !== "dense") return null;
  if (node.activation === "none" && readers.some(({ name }) => name === `${node.name}/softmax`)) return null;
  return { name: `${node.name}_${INNER[node.activation]}`, kind: "Activation" };
}
