/** Pass: zero padding that only convolutions (or further padding) read becomes part of them. */
import type { Graph, Padding } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { addPadding, isNoPadding } from "../graph/shape.ts";
import { consumers } from "../graph/uses.ts";

/**
 * A `pad` whose readers are all `conv2d` or `pad`, and that is not the output, is added to their padding. One without
 * any rows or columns vanishes. Pooling keeps its `pad` in front: there padding is no zero but nothing at all.
 */
export function foldPadding(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  const readers = consumers(graph);
  // Padding by the name of the folded node; the node's value is renamed to its input.
  const folded = new Map<string, Padding>();
  for (const node of graph.nodes) {
    if (node.op !== "pad" && node.op !== "conv2d") {
      rewriter.emit(node);
      continue;
    }
    const [input = ""] = node.inputs;
    const before = folded.get(input);
    const padding = before === undefined ? node.padding : addPadding(before, node.padding);
    const isOutput = node.name === graph.output;
    if (node.op === "conv2d") {
      rewriter.emit({ ...node, padding });
    } else if (isNoPadding(padding) && !(isOutput && rewriter.producer(input) === undefined)) {
      rewriter.rename(node.name, input);
    } else if (!isOutput && (readers.get(node.name) ?? []).every(({ op }) => op === "conv2d" || op === "pad")) {
      folded.set(node.name, padding);
      rewriter.rename(node.name, input);
    } else {
      rewriter.emit({ ...node, padding });
    }
  }
  return rewriter.finish();
}
