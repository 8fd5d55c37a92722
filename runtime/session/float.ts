import type { Graph } from "../../compiler/graph/graph.ts";
import { loadTensorFlow } from "../float-reference/backend.ts";
import { FloatNetwork } from "../float-reference/interpreter.ts";

/** A graph ready to be evaluated in float32, and what evaluates it. */
export interface FloatReference {
  readonly network: FloatNetwork;
  readonly backend: string;
}

/** Float values of a run's images, and the network after the passes for layer-by-layer comparison. */
export interface FloatSide {
  /** images × output elements. */
  readonly logits: Float32Array;
  readonly backend: string;
  readonly lowered: FloatReference;
}

export async function openFloatReference(graph: Graph): Promise<FloatReference> {
  const { tf, backend } = await loadTensorFlow();
  return { network: new FloatNetwork(tf, withoutSoftmax(graph)), backend };
}

/** The graph up to its last value before a closing softmax: what the accelerator computes. */
function withoutSoftmax(graph: Graph): Graph {
  const last = graph.nodes.find(({ name }) => name === graph.output);
  if (last?.op !== "softmax") return graph;
  return { ...graph, nodes: graph.nodes.filter((node) => node !== last), output: last.inputs[0] ?? graph.output };
}
