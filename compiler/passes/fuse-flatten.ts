/**
 * Pass: a dense layer behind the flatten of an image whose channels were moved to the front reads the image itself, in
 * `inputOrder` channels-first: transpose to [channels, rows, columns], reshape to a vector, dense.
 */
import type { DenseNode, Graph, TransposeNode } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";

export function fuseFlatten(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    const transpose = node.op === "dense" ? flattened(rewriter, node) : undefined;
    if (node.op === "dense" && transpose !== undefined) {
      rewriter.emit({ ...node, inputs: transpose.inputs, inputOrder: "channels-first" });
    } else {
      rewriter.emit(node);
    }
  }
  return rewriter.finish();
}

/** The transpose before the flatten that the layer reads; others may read either too. */
function flattened(rewriter: Rewriter, node: DenseNode): TransposeNode | undefined {
  if (node.inputOrder !== "as stored") return undefined;
  const reshape = rewriter.producer(node.inputs[0] ?? "");
  if (reshape?.op !== "reshape") return undefined;
  const transpose = rewriter.producer(reshape.inputs[0] ?? "");
  if (transpose?.op !== "transpose" || transpose.shape.length !== 3) return undefined;
  return movesChannelsForward(transpose) ? transpose : undefined;
}

/** Axes of one position may stand anywhere: the vector is the same. */
function movesChannelsForward({ permutation, shape }: TransposeNode): boolean {
  const sizes = new Map(permutation.map((axis, index) => [axis, shape[index]]));
  const long = (axes: readonly number[]): string => axes.filter((axis) => sizes.get(axis) !== 1).join();
  return long(permutation) === long([2, 0, 1]);
}
