/** What format resolution needs to know of each layer, read off a graph that is ready for lowering. */
import { InvariantError } from "../../isa/diagnostic.ts";
import type { LayerKind } from "../../isa/program/program.ts";
import { isExact } from "../graph/element-function.ts";
import type { Graph, GraphNode, IntegerRequantization, Operator } from "../graph/graph.ts";

/**
 * A layer's registers depend on what it computes; the two pools have different ones. `product`: words of two operands
 * multiplied; `lookup`: a function read from a table (one of lines alone is `vector`); `integer`, `integerPool` and `requantize`: sums of products, sums of windows
 * and words that are scaled by integers; `vector`: every other work on words, sums among them.
 */
export type ArithmeticKind =
  | "matrix"
  | "averagePool"
  | "maximumPool"
  | "vector"
  | "product"
  | "lookup"
  | "integer"
  | "integerPool"
  | "requantize";

export interface LayerFacts {
  readonly name: string;
  readonly kind: LayerKind;
  readonly arithmetic: ArithmeticKind;
  /** Layers whose outputs it reads, or the graph's input; reshapes looked through. At least one. */
  readonly producers: readonly string[];
  /** Terms of one sum: K of a convolution or dense layer, positions of a pooling window, operands of an addition. */
  readonly terms: number;
  readonly weights: Float32Array | null;
  readonly bias: Float32Array | null;
  /** Of a layer whose arithmetic is `integer`, `integerPool` or `requantize`. */
  readonly requantization: IntegerRequantization | null;
  /** Multipliers of a requantized layer's second operand. */
  readonly secondMultipliers: Float64Array | null;
  /** Of a parametric ReLU, one for each channel. */
  readonly slopes: Float32Array | null;
}

/** Kind of the layer an operator becomes; null for operators that are no layer of the machine. A function of lines is an `activation`. */
export const LAYER_KINDS: Readonly<Record<Operator, LayerKind | null>> = {
  conv2d: "conv2d",
  dense: "dense",
  convTranspose2d: "convTranspose2d",
  pool: "pool",
  requantize: "requantize",
  add: "add",
  subtract: "subtract",
  multiply: "multiply",
  function: "lookup",
  prelu: "activation",
  slice: "copy",
  transpose: "copy",
  resize: "copy",
  concatenate: "concatenate",
  pad: "copy",
  activation: "copy",
  reshape: null,
  quantize: "copy",
  register: null,
  lrn: null,
  softmax: null,
  batchNormalization: null,
  constant: null,
};

/** Whether the node is only another name for its input's words. */
export function isAlias({ op }: GraphNode): boolean {
  return op === "reshape" || op === "register";
}

/** Value name → the value that holds its words. */
export function storedValues(graph: Graph): ReadonlyMap<string, string> {
  const stored = new Map([[graph.input.name, graph.input.name]]);
  for (const node of graph.nodes) {
    stored.set(node.name, isAlias(node) ? (stored.get(node.inputs[0] ?? "") ?? "") : node.name);
  }
  return stored;
}

/**
 * Value name → the layer whose written words it is: a quantizer of the model that the layer's output register does comes in
 * place of the layer's own value.
 */
export function writtenValues(graph: Graph): ReadonlyMap<string, string> {
  const stored = storedValues(graph);
  const values = new Map<string, string>();
  for (const node of graph.nodes) {
    if (LAYER_KINDS[node.op] !== null) values.set(node.name, node.name);
    if (node.op !== "register" || node.heldBy !== "producer") continue;
    const layer = stored.get(node.name) ?? "";
    for (const [value, owner] of values) if (owner === layer) values.delete(value);
    values.set(node.name, layer);
  }
  return values;
}

/** The layers in program order. */
export function layerFacts(graph: Graph): readonly LayerFacts[] {
  const stored = storedValues(graph);
  return graph.nodes.flatMap((node): LayerFacts[] => {
    const kind = layerKind(node);
    if (kind === null) return [];
    const producers = node.inputs.map((input) => {
      const producer = stored.get(input);
      if (producer === undefined)
        throw new InvariantError(`layer "${node.name}" reads "${input}", which nothing yields`);
      return producer;
    });
    return [{ name: node.name, kind, producers, ...arithmeticFacts(node) }];
  });
}

function layerKind(node: GraphNode): LayerKind | null {
  return node.op === "function" && isExact(node.function) ? "activation" : LAYER_KINDS[node.op];
}

type ArithmeticFacts = Pick<
  LayerFacts,
  "arithmetic" | "terms" | "weights" | "bias" | "requantization" | "secondMultipliers" | "slopes"
>;

function arithmeticFacts(node: GraphNode): ArithmeticFacts {
  const none = { weights: null, bias: null, requantization: null, secondMultipliers: null, slopes: null };
  switch (node.op) {
    case "conv2d":
    case "convTranspose2d":
    case "dense": {
      const terms = node.kernel.shape.slice(0, -1).reduce((product, size) => product * size, 1);
      const { requantization } = node;
      const arithmetic = requantization === null ? "matrix" : "integer";
      return { ...none, arithmetic, terms, weights: node.kernel.data, bias: node.bias?.data ?? null, requantization };
    }
    case "pool": {
      const { requantization } = node;
      const average = requantization === null ? "averagePool" : "integerPool";
      const arithmetic = node.kind === "maximum" ? "maximumPool" : average;
      return { ...none, arithmetic, terms: node.kernel[0] * node.kernel[1], requantization };
    }
    case "requantize": {
      const { requantization, secondMultipliers } = node;
      return { ...none, arithmetic: "requantize", terms: node.inputs.length, requantization, secondMultipliers };
    }
    case "prelu":
      return { ...none, arithmetic: "vector", terms: 1, slopes: node.slopes.data };
    case "multiply":
      return { arithmetic: "product", terms: 1, ...none };
    case "function":
      return { arithmetic: isExact(node.function) ? "vector" : "lookup", terms: 1, ...none };
    default:
      return { arithmetic: "vector", terms: node.op === "add" ? node.inputs.length : 1, ...none };
  }
}
