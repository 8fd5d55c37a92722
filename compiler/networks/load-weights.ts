/**
 * Weights of a file in the place of drawn ones. Both networks are compared as lowering takes them, batch normalization
 * folded: layer by layer, and by how the layers are connected, so that a file may list them in another order.
 */
import { DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import type { Graph } from "../graph/graph.ts";
import { prepareGraph } from "../prepare-graph.ts";
import { layerClasses, type WeightedNode, weightedNodes } from "./layer-classes.ts";

/** `network` names the topology, `file` the weights. Throws `DiagnosticError` where the two differ. */
export function loadWeights(network: Graph, weights: Graph, file: string): Graph {
  const own = prepareGraph(network, network.name);
  const given = prepareGraph(weights, file);
  const [layers, found] = [weightedNodes(own), weightedNodes(given)];
  requireSameLayers(network.name, file, layers, found);
  const [ownClasses, givenClasses] = layerClasses(own, given);
  // Of layers that nothing tells apart, the first takes the first.
  const waiting = new Map<number, WeightedNode[]>();
  for (const [index, node] of found.entries()) {
    const group = givenClasses[index] ?? -1;
    waiting.set(group, [...(waiting.get(group) ?? []), node]);
  }
  const taken = new Map<string, WeightedNode>();
  for (const [index, node] of layers.entries()) {
    const match = waiting.get(ownClasses[index] ?? -1)?.shift();
    if (match === undefined) throw connectedOtherwise(network.name, file, node);
    taken.set(node.name, match);
  }
  return {
    ...own,
    nodes: own.nodes.map((node) => {
      const match = taken.get(node.name);
      return match === undefined ? node : { ...node, ...weightsOf(match) };
    }) as Graph["nodes"],
  };
}

function weightsOf({ kernel, bias }: WeightedNode): Pick<WeightedNode, "kernel" | "bias"> {
  return { kernel, bias };
}

/** As many layers of each form; the first that has no counterpart is named together with what stands in its place. */
function requireSameLayers(
  network: string,
  file: string,
  layers: readonly WeightedNode[],
  found: readonly WeightedNode[],
): void {
  const missing = without(layers, found);
  const surplus = without(found, layers);
  if (missing.length === 0 && surplus.length === 0) return;
  const [first, instead] = [missing[0], surplus[0]];
  const wanted = first === undefined ? `no further layer` : `${layerText(first)} of ${network}`;
  const present = instead === undefined ? "no further layer" : layerText(instead);
  throw new DiagnosticError([
    {
      code: "WEIGHTS",
      where: file,
      what: `expected ${wanted}, found ${present} (${layers.length} layers expected, ${found.length} found)`,
      hint: `give the weights of ${network}, or run the file itself as the model`,
    },
  ]);
}

/** The layers of `a` that remain when each of `b` has taken one of its form away. */
function without(a: readonly WeightedNode[], b: readonly WeightedNode[]): WeightedNode[] {
  const counts = new Map<string, number>();
  for (const node of b) counts.set(formText(node), (counts.get(formText(node)) ?? 0) + 1);
  return a.filter((node) => {
    const left = counts.get(formText(node)) ?? 0;
    counts.set(formText(node), left - 1);
    return left <= 0;
  });
}

function layerText(node: WeightedNode): string {
  return `${node.name} (${formText(node)})`;
}

/** `conv2d 3 × 3 × 64 × 128 stride 2 × 2`. */
export function formText(node: WeightedNode): string {
  const kernel = `${node.op} ${node.kernel.shape.join(" × ")}`;
  if (node.op === "dense") return node.inputOrder === "as stored" ? kernel : `${kernel}, ${node.inputOrder}`;
  const groups = node.groups === 1 ? "" : `, ${node.groups} groups`;
  return `${kernel}, stride ${node.strides.join(" × ")}${groups}`;
}

function connectedOtherwise(network: string, file: string, node: WeightedNode): Error {
  return diagnosticError(
    "WEIGHTS",
    file,
    `has the layers of ${network}, but none is connected as ${layerText(node)}`,
    "run the file itself as the model",
  );
}
