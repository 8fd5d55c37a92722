/**
 * Which layers of two networks correspond: colour refinement (Weisfeiler and Leman 1968) on the graph of layers with weights.
 * A layer's class is its form, then again and again its class with those of the layers before and behind it.
 */
import type { Conv2dNode, DenseNode, Graph, GraphNode } from "../graph/graph.ts";

export type WeightedNode = Conv2dNode | DenseNode;

export function weightedNodes(graph: Graph): WeightedNode[] {
  return graph.nodes.filter(isWeighted);
}

function isWeighted(node: GraphNode): node is WeightedNode {
  return node.op === "conv2d" || node.op === "dense";
}

/** A layer before another, and through which place of a concatenation its values come. */
interface Source {
  /** Index among the layers with weights; −1 for the network's input. */
  readonly layer: number;
  /** Position within the last concatenation on the way; −1 without one. */
  readonly place: number;
}

/** Classes of the layers with weights of two networks, in their order; equal numbers mean equal places. */
export function layerClasses(a: Graph, b: Graph): readonly [readonly number[], readonly number[]] {
  const graphs = [a, b].map((graph) => ({ layers: weightedNodes(graph), sources: layerSources(graph) }));
  let classes = numbered(graphs.map(({ layers }) => layers.map(form)));
  for (let distinct = 0; ; ) {
    const now = new Set(classes.flat()).size;
    if (now === distinct) break;
    distinct = now;
    classes = numbered(graphs.map(({ sources }, graph) => refined(classes[graph] ?? [], sources)));
  }
  return [classes[0] ?? [], classes[1] ?? []];
}

function form(node: WeightedNode): string {
  const { op, kernel } = node;
  return JSON.stringify([op, kernel.shape, op === "conv2d" ? [node.strides, node.groups] : node.inputOrder]);
}

/** The same number for the same text, over both graphs. */
function numbered(texts: readonly (readonly string[])[]): number[][] {
  const numbers = new Map<string, number>();
  return texts.map((own) =>
    own.map((text) => {
      const number = numbers.get(text) ?? numbers.size;
      numbers.set(text, number);
      return number;
    }),
  );
}

function refined(classes: readonly number[], sources: readonly (readonly Source[])[]): string[] {
  const before = sources.map((own) => own.map(({ layer, place }) => `${classes[layer] ?? -1}:${place}`));
  const behind: string[][] = sources.map(() => []);
  sources.forEach((own, consumer) => {
    for (const { layer, place } of own) behind[layer]?.push(`${classes[consumer]}:${place}`);
  });
  return classes.map((number, index) =>
    JSON.stringify([number, (before[index] ?? []).toSorted(), (behind[index] ?? []).toSorted()]),
  );
}

/** The layers directly before each layer with weights, with only layers without weights between. */
function layerSources(graph: Graph): (readonly Source[])[] {
  const of = new Map<string, readonly Source[]>([[graph.input.name, [{ layer: -1, place: -1 }]]]);
  const layers: (readonly Source[])[] = [];
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => of.get(input) ?? []);
    const all = distinct(
      node.op === "concatenate"
        ? inputs.flatMap((sources, place) => sources.map(({ layer }) => ({ layer, place })))
        : inputs.flat(),
    );
    if (isWeighted(node)) {
      of.set(node.name, [{ layer: layers.length, place: -1 }]);
      layers.push(all);
    } else of.set(node.name, all);
  }
  return layers;
}

function distinct(sources: readonly Source[]): Source[] {
  return [...new Map(sources.map((source) => [`${source.layer}:${source.place}`, source])).values()];
}
