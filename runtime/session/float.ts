import type { Graph } from "../../compiler/graph/graph.ts";
import { loadTensorFlow } from "../float-reference/backend.ts";
import { FloatNetwork } from "../float-reference/interpreter.ts";

/** A graph ready to be evaluated in float32, and what evaluates it. */
export interface FloatReference {
  readonly network: FloatNetwork;
  readonly backend: string;
}

/** Both forms of a network in float: as imported, for its answers, and after the passes, for layer-by-layer comparison. */
export interface FloatSide {
  readonly network: FloatNetwork;
  readonly lowered: FloatNetwork;
  readonly backend: string;
  dispose(): void;
}

export async function openFloatReference(graph: Graph): Promise<FloatReference> {
  const { tf, backend } = await loadTensorFlow();
  return { network: new FloatNetwork(tf, withoutSoftmax(graph)), backend };
}

export async function openFloatSide(model: { readonly graph: Graph; readonly lowerable: Graph }): Promise<FloatSide> {
  const { network, backend } = await openFloatReference(model.graph);
  const { network: lowered } = await openFloatReference(model.lowerable);
  return {
    network,
    lowered,
    backend,
    dispose: () => {
      network.dispose();
      lowered.dispose();
    },
  };
}

/** The graph up to its last value before a closing softmax: what the accelerator computes. */
function withoutSoftmax(graph: Graph): Graph {
  const last = graph.nodes.find(({ name }) => name === graph.output);
  if (last?.op !== "softmax") return graph;
  return { ...graph, nodes: graph.nodes.filter((node) => node !== last), output: last.inputs[0] ?? graph.output };
}
