/**
 * Pass: slices, transposes and resizes that move nothing become reshapes, and of several in a row one is left. The
 * reshapes are left to their own pass, values that nobody reads any more to the removal of unused nodes.
 */
import type { Graph, GraphNode, ResizeNode, SliceNode, TransposeNode } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { sameShape } from "../graph/shape.ts";

type ViewNode = SliceNode | TransposeNode | ResizeNode;

export function simplifyViews(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  const shapes = new Map<string, readonly number[]>([[graph.input.name, graph.input.shape]]);
  for (const node of graph.nodes) {
    shapes.set(node.name, node.shape);
    if (node.op !== "slice" && node.op !== "transpose" && node.op !== "resize") {
      rewriter.emit(node);
      continue;
    }
    const merged = mergedView(node, rewriter.producer(node.inputs[0] ?? ""));
    const source = shapes.get(rewriter.current(merged.inputs[0] ?? "")) ?? [];
    if (movesNothing(merged, source)) {
      const { name, inputs, shape } = merged;
      rewriter.emit({ op: "reshape", name, inputs, shape });
    } else {
      rewriter.emit(merged);
    }
  }
  return withoutUnreadViews(rewriter.finish());
}

/** The node with the view before it taken over, where both are of one kind. */
function mergedView(node: ViewNode, before: GraphNode | undefined): ViewNode {
  if (node.op === "slice" && before?.op === "slice") {
    const step = node.step.map((size, axis) => size * (before.step[axis] ?? 1));
    const start = node.start.map((first, axis) => (before.start[axis] ?? 0) + first * (before.step[axis] ?? 1));
    const stop = start.map((first, axis) => first + ((node.shape[axis] ?? 1) - 1) * (step[axis] ?? 1) + 1);
    return { ...node, inputs: before.inputs, start, stop, step };
  }
  if (node.op === "transpose" && before?.op === "transpose") {
    const permutation = node.permutation.map((axis) => before.permutation[axis] ?? 0);
    return { ...node, inputs: before.inputs, permutation };
  }
  if (node.op === "resize" && before?.op === "resize") {
    const [rows, columns] = before.factors;
    return { ...node, inputs: before.inputs, factors: [node.factors[0] * rows, node.factors[1] * columns] };
  }
  return node;
}

/** Whether the words stay in their row-major order. */
function movesNothing(node: ViewNode, source: readonly number[]): boolean {
  if (node.op !== "transpose") return sameShape(node.shape, source);
  // Axes of one position may stand anywhere.
  const moved = node.permutation.filter((axis) => source[axis] !== 1);
  return moved.every((axis, index) => index === 0 || axis > (moved[index - 1] ?? 0));
}

/** Views that were passed over would still count as readers of what they read. */
function withoutUnreadViews(graph: Graph): Graph {
  const read = new Set([graph.output]);
  const kept: GraphNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    const isView = node.op === "slice" || node.op === "transpose" || node.op === "resize";
    if (isView && !read.has(node.name)) continue;
    kept.push(node);
    for (const input of node.inputs) read.add(input);
  }
  return { ...graph, nodes: kept.reverse() };
}
