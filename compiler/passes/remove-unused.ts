/** Pass: nodes on which the output does not depend are removed. */
import type { Graph } from "../graph/graph.ts";
import { reachable } from "../graph/uses.ts";

export function removeUnused(graph: Graph): Graph {
  const used = reachable(graph);
  return { ...graph, nodes: graph.nodes.filter(({ name }) => used.has(name)) };
}
