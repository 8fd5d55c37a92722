/** Who reads which value. */
import type { Graph, GraphNode } from "./graph.ts";

/** The nodes that read each value, in order; a node that reads it twice stands there once. Unread values are missing. */
export function consumers(graph: Graph): ReadonlyMap<string, readonly GraphNode[]> {
  const result = new Map<string, GraphNode[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) {
      const known = result.get(input);
      if (known === undefined) result.set(input, [node]);
      else known.push(node);
    }
  }
  return result;
}

/** How often each value is read: once per input that names it, and once more for the graph's output. */
export function useCounts(graph: Graph): ReadonlyMap<string, number> {
  const counts = new Map<string, number>([[graph.output, 1]]);
  for (const node of graph.nodes) {
    for (const input of node.inputs) counts.set(input, (counts.get(input) ?? 0) + 1);
  }
  return counts;
}

/** Names of the nodes that the output depends on, itself included. */
export function reachable(graph: Graph): ReadonlySet<string> {
  const names = new Set([graph.output]);
  for (const node of graph.nodes.toReversed()) {
    if (!names.has(node.name)) continue;
    for (const input of node.inputs) names.add(input);
  }
  return names;
}
