import type { Graph } from "../../compiler/graph/graph.ts";
import { prescribes } from "../../compiler/legalisation/index.ts";
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

/** What the float network computes. */
export interface FloatOptions {
  /** Whether the model's own quantizers round, as its file says, or hand values on as they are; they do where nothing is said. */
  readonly quantizers?: boolean;
}

export async function openFloatReference(graph: Graph, options: FloatOptions = {}): Promise<FloatReference> {
  const { tf, backend } = await loadTensorFlow();
  return { network: new FloatNetwork(tf, withoutSoftmax(graph), options), backend };
}

/** The backend's name says of a quantized model whether its quantizers are computed. */
export async function openFloatSide(
  model: { readonly graph: Graph; readonly lowerable: Graph },
  options: FloatOptions = {},
): Promise<FloatSide> {
  const { network, backend: name } = await openFloatReference(model.graph, options);
  const { network: lowered } = await openFloatReference(model.lowerable, options);
  const said = options.quantizers === false ? "without the model's quantizers" : "with the model's quantizers";
  const backend = prescribes(model.graph) ? `${name}, ${said}` : name;
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
