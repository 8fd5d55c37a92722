/** Pass: a reshape to the shape its input already has vanishes, and of several in a row the last one stays. */
import type { Graph, GraphNode } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { sameShape } from "../graph/shape.ts";

export function simplifyReshapes(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  const shapes = new Map<string, readonly number[]>([[graph.input.name, graph.input.shape]]);
  for (const node of graph.nodes) {
    shapes.set(node.name, node.shape);
    if (node.op !== "reshape") {
      rewriter.emit(node);
      continue;
    }
    let source = rewriter.current(node.inputs[0] ?? "");
    for (let before = rewriter.producer(source); before?.op === "reshape"; before = rewriter.producer(source)) {
      source = before.inputs[0] ?? "";
    }
    // The output must be a node: a graph that only hands its input on keeps its reshape.
    const needed = node.name === graph.output && rewriter.producer(source) === undefined;
    if (!needed && sameShape(shapes.get(source) ?? [], node.shape)) rewriter.rename(node.name, source);
    else rewriter.emit({ ...node, inputs: [source] });
  }
  return withoutUnreadReshapes(rewriter.finish());
}

/** Reshapes that were passed over would still count as readers of what they read. */
function withoutUnreadReshapes(graph: Graph): Graph {
  const read = new Set([graph.output]);
  const kept: GraphNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (node.op === "reshape" && !read.has(node.name)) continue;
    kept.push(node);
    for (const input of node.inputs) read.add(input);
  }
  return { ...graph, nodes: kept.reverse() };
}
