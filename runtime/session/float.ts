import type { Graph } from "../../compiler/graph/graph.ts";
import { loadTensorFlow } from "../float-reference/backend.ts";
import { FloatNetwork } from "../float-reference/interpreter.ts";
import type { RunBatch } from "./image-batches.ts";

/** A graph ready to be evaluated in float32, and what evaluates it. */
export interface FloatReference {
  readonly network: FloatNetwork;
  readonly backend: string;
}

/** Float answers to the images of a batch, images × output elements. `onProgress` hears of images done. */
export type FloatLogits = (batch: RunBatch, onProgress?: (done: number) => void) => Promise<Float32Array>;

/** Both forms of a network in float: as imported, for its answers, and after the passes, for layer-by-layer comparison. */
export interface FloatSide {
  readonly network: FloatNetwork;
  /** Computes the answers of the network as imported. */
  readonly logits: FloatLogits;
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
    logits: ({ values, count }, onProgress) => network.run(values, count, undefined, onProgress),
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
