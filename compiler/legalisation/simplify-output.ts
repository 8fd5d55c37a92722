/** What exporters put behind the last layer and the machine need not do. */
import type { Graph, GraphNode } from "../graph/graph.ts";
import { elementCount } from "../graph/shape.ts";

/**
 * A concatenation of vectors that are consecutive slices of one whole becomes that whole, and a closing softmax stays the last
 * node where only another shape of it was asked for.
 */
export function simplifyOutput(graph: Graph): Graph {
  return withoutViewOfSoftmax(joinedSlices(graph));
}

function withoutViewOfSoftmax(graph: Graph): Graph {
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  let last = nodes.get(graph.output);
  while (last?.op === "reshape") last = nodes.get(last.inputs[0] ?? "");
  if (last?.op !== "softmax") return graph;
  const position = graph.nodes.indexOf(last);
  const views = new Set<string>([last.name]);
  const kept = graph.nodes.filter((node, index) => {
    const isView = index > position && node.op === "reshape" && views.has(node.inputs[0] ?? "");
    if (isView) views.add(node.name);
    return !isView;
  });
  const isRead = kept.some((node) => node.inputs.some((input) => views.has(input)));
  return isRead ? graph : { ...graph, nodes: kept, output: last.name };
}

function joinedSlices(graph: Graph): Graph {
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const joined = graph.nodes.map((node): GraphNode => {
    if (node.op !== "concatenate" || node.shape.length !== 1) return node;
    const source = wholeOf(node.inputs, nodes, node.shape);
    return source === undefined ? node : { op: "reshape", name: node.name, inputs: [source], shape: node.shape };
  });
  return { ...graph, nodes: joined };
}

/** What the values are the consecutive parts of, where they are and it ends with the last of them. */
function wholeOf(
  inputs: readonly string[],
  nodes: ReadonlyMap<string, GraphNode>,
  shape: readonly number[],
): string | undefined {
  let source: string | undefined;
  let next = 0;
  for (const input of inputs) {
    let node = nodes.get(input);
    while (node?.op === "reshape") node = nodes.get(node.inputs[0] ?? "");
    if (node?.op !== "slice" || node.step.some((step) => step !== 1)) return undefined;
    const [of = ""] = node.inputs;
    const whole = nodes.get(of)?.shape ?? [];
    // Only the axis cut may have more than one position.
    const axis = whole.findIndex((size) => size !== 1);
    if (elementCount(whole) !== elementCount(shape) || whole[axis] !== elementCount(whole)) return undefined;
    if ((source !== undefined && of !== source) || node.start[axis] !== next) return undefined;
    source = of;
    next = node.stop[axis] ?? 0;
  }
  return next === elementCount(shape) ? source : undefined;
}
