/** Pass: functions that are an activation become one, and those that change nothing vanish. */
import type { ElementFunction } from "../graph/element-function.ts";
import type { Activation, Graph } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";

export function normalizeFunctions(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    const activation = node.op === "function" ? activationOf(node.function) : undefined;
    const [input = ""] = node.inputs;
    if (activation === undefined) {
      rewriter.emit(node);
    } else if (activation !== "none") {
      const { name, inputs, shape } = node;
      rewriter.emit({ op: "activation", name, inputs, shape, activation });
    } else if (node.name !== graph.output || rewriter.producer(input) !== undefined) {
      rewriter.rename(node.name, input);
    } else {
      // The output must be a node.
      const { name, inputs, shape } = node;
      rewriter.emit({ op: "reshape", name, inputs, shape });
    }
  }
  return rewriter.finish();
}

/** The activation that equals the function, `none` for the identity; undefined where there is none. */
function activationOf(definition: ElementFunction): Activation | undefined {
  if (definition.kind === "clip") {
    const { minimum, maximum } = definition;
    if (minimum === 0 && maximum === 6) return "relu6";
    if (maximum !== Number.POSITIVE_INFINITY) return undefined;
    return minimum === 0 ? "relu" : minimum === Number.NEGATIVE_INFINITY ? "none" : undefined;
  }
  if (definition.kind === "leakyRelu" && definition.slope === 0) return "relu";
  const isIdentity =
    (definition.kind === "leakyRelu" && definition.slope === 1) ||
    (definition.kind === "power" && definition.exponent === 1);
  return isIdentity ? "none" : undefined;
}
