/** Inputs that nothing reads which leads to an output: exporters leave masks, states and sizes behind. */
import type { TensorGraph } from "../tensor-graph/tensor-graph.ts";

/** The graph without them, and their names. Where no input is read all stay. */
export function withoutUnreadInputs(graph: TensorGraph): {
  readonly graph: TensorGraph;
  readonly unread: readonly string[];
} {
  const needed = new Set(graph.outputs);
  for (const node of graph.nodes.toReversed()) {
    if (node.outputs.some((name) => needed.has(name))) for (const name of node.inputs) needed.add(name);
  }
  const read = graph.inputs.filter(({ name }) => needed.has(name));
  if (read.length === 0 || read.length === graph.inputs.length) return { graph, unread: [] };
  const unread = graph.inputs.flatMap(({ name }) => (needed.has(name) ? [] : [name]));
  // Nodes that read them lead nowhere.
  const nodes = graph.nodes.filter(({ outputs }) => outputs.some((name) => needed.has(name)));
  return { graph: { ...graph, inputs: read, nodes }, unread };
}
