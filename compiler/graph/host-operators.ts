import type { Graph } from "./graph.ts";

/** What the host computes behind the network's result, in order: a softmax that is the last node, and closing operators. */
export function hostOperators({ nodes, output, closing = [] }: Graph): readonly string[] {
  const last = nodes.find(({ name }) => name === output);
  return [...(last?.op === "softmax" ? ["softmax"] : []), ...closing];
}
