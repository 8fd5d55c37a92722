/**
 * Pass: a quantizer behind another becomes part of it where the second only narrows the words of the first: same binary point,
 * a range inside the first one's, both saturating. So do clips to a word's range become that word.
 */
import { keptRange } from "../../isa/overflow.ts";
import type { RegisterSpec } from "../../isa/register.ts";
import type { Graph } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";

export function simplifyQuantizers(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    const [input = ""] = node.inputs;
    const before = rewriter.producer(input);
    if (node.op !== "quantize" || before?.op !== "quantize" || !rewriter.usedOnce(input)) {
      rewriter.emit(node);
      continue;
    }
    const register = narrowed(before.register, node.register);
    if (register === undefined || before.isLayer || node.isLayer) {
      rewriter.emit(node);
    } else {
      rewriter.replace({ ...before, register });
      rewriter.rename(node.name, input);
    }
  }
  return rewriter.finish();
}

/** The one register that does what both do one after the other; undefined where there is none. */
function narrowed(first: RegisterSpec, second: RegisterSpec): RegisterSpec | undefined {
  const saturates = [first, second].every(
    ({ overflow }) => overflow === "saturate" || overflow === "saturate-symmetric",
  );
  if (!saturates || first.format.fractionLength !== second.format.fractionLength) return undefined;
  const [outer, inner] = [first, second].map(({ format, overflow, dialect }) => keptRange(format, overflow, dialect));
  if (outer === undefined || inner === undefined || inner.min < outer.min || inner.max > outer.max) return undefined;
  return { ...second, rounding: first.rounding };
}
