/** Pass: an activation becomes part of the convolution, dense layer or addition whose value it alone reads. */
import type { Activation, Graph, GraphNode, Operator } from "../graph/graph.ts";
import type { NodeOf } from "../graph/operators.ts";
import { Rewriter } from "../graph/rewriter.ts";

/** Operators with an activation of their own. */
const FUSING = ["conv2d", "dense", "convTranspose2d", "add", "subtract", "multiply"] as const satisfies Operator[];

type FusingNode = NodeOf<(typeof FUSING)[number]>;

/** Second activation after the first: both clip, so the tighter one stays. */
const COMPOSED: Readonly<Record<Activation, Readonly<Record<Exclude<Activation, "none">, Activation>>>> = {
  none: { relu: "relu", relu6: "relu6" },
  relu: { relu: "relu", relu6: "relu6" },
  relu6: { relu: "relu6", relu6: "relu6" },
};

/**
 * The node that takes the activation keeps its own name. Reshapes in between stay where they are: an activation acts on
 * each element alone. Where another node reads the value too, or an operator without activation yields it, the
 * `activation` node stays.
 */
export function fuseActivation(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  // What each reshape and each activation that is gone reads: an activation may step over them.
  const transparent = new Map<string, string>();
  for (const node of graph.nodes) {
    const [input = ""] = node.inputs;
    if (node.op !== "activation") {
      if (node.op === "reshape") transparent.set(node.name, input);
      rewriter.emit(node);
      continue;
    }
    const target = soleSource(rewriter, transparent, input);
    if (target === undefined) {
      rewriter.emit(node);
    } else {
      rewriter.replace({ ...target, activation: COMPOSED[target.activation][node.activation] });
      rewriter.rename(node.name, input);
      transparent.set(node.name, input);
    }
  }
  return rewriter.finish();
}

/**
 * The node behind `value`, past what is transparent, that can take an activation and that nobody else reads. Goes by
 * the old graph's names, because the counts of readers are those of the old graph.
 */
function soleSource(
  rewriter: Rewriter,
  transparent: ReadonlyMap<string, string>,
  value: string,
): FusingNode | undefined {
  let name: string | undefined = value;
  while (name !== undefined && rewriter.usedOnce(name)) {
    const node = rewriter.producer(name);
    if (node !== undefined && canFuse(node)) return node;
    name = transparent.get(name);
  }
  return undefined;
}

/** An integer layer's requantization ends in a range of its own. */
function canFuse(node: GraphNode): node is FusingNode {
  if (!(FUSING as readonly Operator[]).includes(node.op)) return false;
  return !("requantization" in node) || node.requantization === null;
}
