import type { AnyTensor, TensorGraph, TensorNode } from "../tensor-graph.ts";
import { asksForShape, type InputShapes, propagate } from "./propagate.ts";

export interface FoldOptions {
  /** Sizes that the graph leaves open. Without them, what depends on such a shape stays. */
  readonly inputShapes?: InputShapes;
  /**
   * Nodes that stay although their outputs are constant, for instance because they say how a weight is quantized; what is
   * computed from their elements stays, too.
   */
  readonly keep?: (node: TensorNode) => boolean;
  /** Names the graph in diagnostics. */
  readonly where?: string;
}

/**
 * The graph without the nodes whose outputs depend on constants and shapes alone: their outputs are constants. Nodes and
 * constants that nothing reads are gone, too. Throws `DiagnosticError`.
 */
export function foldConstants(graph: TensorGraph, options: FoldOptions = {}): TensorGraph {
  const { inputShapes = new Map(), keep = () => false, where = graph.name } = options;
  const known = propagate(graph, inputShapes, where, "partly");
  const kept = new Set<string>();
  for (const node of graph.nodes) {
    if (!keep(node) && (asksForShape(node) || !node.inputs.some((name) => kept.has(name)))) continue;
    for (const name of node.outputs) if (name !== "") kept.add(name);
  }
  const isFolded = (node: TensorNode): boolean =>
    node.outputs.every((name) => name === "" || (!kept.has(name) && known.get(name)?.constant !== undefined));

  const needed = new Set(graph.outputs);
  const nodes: TensorNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (isFolded(node) || !node.outputs.some((name) => needed.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    nodes.push(node);
  }
  const computed = new Set(nodes.flatMap((node) => node.outputs));
  const constants = new Map<string, AnyTensor>();
  for (const name of needed) {
    const constant = known.get(name)?.constant;
    if (constant !== undefined && !computed.has(name)) constants.set(name, constant);
  }
  return { ...graph, nodes: nodes.reverse(), constants };
}
