/**
 * Pass: the network for an input divided by 2^n, which the first weights make good. Powers of two only, so that float
 * arithmetic gives the very same values; only the registers of the input and of the first weights see other ranges.
 */
import { type Diagnostic, DiagnosticError } from "../../isa/diagnostic.ts";
import type { Graph, GraphNode, Operator, Tensor } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";

/** Operators that give the 2^−n part of their result for the 2^−n part of their input, so that the scale goes through. */
const HOMOGENEOUS: ReadonlySet<Operator> = new Set([
  "reshape",
  "slice",
  "transpose",
  "resize",
  "pad",
  "pool",
  "concatenate",
] as const);

/**
 * Multiplies by 2^exponent the weights of every convolution, dense layer and batch normalization that reads the input,
 * also through views, padding with zeros and pooling. Throws `DiagnosticError` where anything else reads it.
 */
export function foldInputScale(graph: Graph, exponent: number, where = "model"): Graph {
  if (exponent === 0) return graph;
  const scale = 2 ** exponent;
  const scaled = new Set([graph.input.name]);
  const rewriter = new Rewriter(graph);
  const found: Diagnostic[] = [];
  const refuse = (node: GraphNode, what: string): void => {
    const hint = "leave the input as it is, or give the first layers more integer bits";
    found.push({ code: "INPUT_SCALE", where: `${where}: node "${node.name}" (${node.op})`, what, hint });
  };
  for (const node of graph.nodes) {
    const reads = node.inputs.filter((name) => scaled.has(name)).length;
    if (reads === 0) {
      rewriter.emit(node);
    } else if (HOMOGENEOUS.has(node.op) && !isIntegerPool(node)) {
      if (reads < node.inputs.length) refuse(node, "joins the scaled input with other values");
      scaled.add(node.name);
      rewriter.emit(node);
    } else {
      const folded = withScale(node, scale);
      if (folded === null) refuse(node, "reads the input and has no weights that could take its scale");
      rewriter.emit(folded ?? node);
    }
  }
  const output = graph.nodes.find(({ name }) => name === graph.output);
  if (output !== undefined && scaled.has(output.name)) refuse(output, "yields the scaled input itself");
  if (found.length > 0) throw new DiagnosticError(found);
  return rewriter.finish();
}

function isIntegerPool(node: GraphNode): boolean {
  return node.op === "pool" && node.requantization !== null;
}

function withScale(node: GraphNode, scale: number): GraphNode | null {
  switch (node.op) {
    case "conv2d":
    case "dense":
    case "convTranspose2d":
      return node.requantization === null ? { ...node, kernel: times(node.kernel, scale) } : null;
    case "batchNormalization":
      return { ...node, gamma: times(node.gamma, scale), mean: times(node.mean, 1 / scale) };
    default:
      return null;
  }
}

function times({ shape, data }: Tensor, factor: number): Tensor {
  return { shape, data: data.map((value) => value * factor) };
}
