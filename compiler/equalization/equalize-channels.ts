/**
 * Output channels of layers times powers of two, and the weights that read them times the inverse (cross-layer equalization:
 * Nagel, van Baalen, Blankevoort, Welling, "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019).
 * Powers of two only, so that float arithmetic gives the very same values but where a weight leaves the range of float32.
 */
import { type Diagnostic, DiagnosticError, nearestName } from "../../isa/diagnostic.ts";
import type { Graph, GraphNode, Tensor } from "../graph/graph.ts";
import { type ChannelRoute, channelRoutes, type MatrixNode, weightChannels } from "./channel-routes.ts";

/** Layer name → exponent e of each of its output channels: the channel's values are 2^e times what the model has. */
export type ChannelExponents = Readonly<Record<string, readonly number[]>>;

/** Throws `DiagnosticError` EQUALIZE where a layer is not there, its channels cannot be scaled, or the list is not one of them. */
export function equalizeChannels(graph: Graph, exponents: ChannelExponents, where = "assignment"): Graph {
  const wanted = Object.entries(exponents).filter(([, list]) => list.some((exponent) => exponent !== 0));
  if (wanted.length === 0) return graph;
  const routes = new Map(channelRoutes(graph).map((route) => [route.layer, route]));
  const found = Object.entries(exponents).flatMap(([layer, list]) => wrong(graph, routes, layer, list, where));
  if (found.length > 0) throw new DiagnosticError(found);
  const shapes = new Map([graph.input, ...graph.nodes].map(({ name, shape }) => [name, shape]));
  const changed = new Map(graph.nodes.map((node) => [node.name, node]));
  for (const [layer, list] of wanted) {
    const { ends } = routes.get(layer) as ChannelRoute;
    const node = changed.get(layer) as MatrixNode;
    const filters = list.length;
    const up = (tensor: Tensor): Tensor => scaled(tensor, (index) => list[index % filters] ?? 0);
    changed.set(layer, { ...node, kernel: up(node.kernel), bias: node.bias && up(node.bias) });
    for (const end of ends) {
      const reader = changed.get(end.layer) as MatrixNode;
      const channelOf = weightChannels(reader, shapes.get(reader.inputs[0] ?? "") ?? [], end.channels);
      const kernel = scaled(reader.kernel, (index) => -(list[channelOf(index) - end.offset] ?? 0));
      changed.set(end.layer, { ...reader, kernel });
    }
  }
  return { ...graph, nodes: graph.nodes.map(({ name }) => changed.get(name) as GraphNode) };
}

function scaled({ shape, data }: Tensor, exponentOf: (index: number) => number): Tensor {
  return { shape, data: data.map((value, index) => value * 2 ** exponentOf(index)) };
}

function wrong(
  { nodes }: Graph,
  routes: ReadonlyMap<string, ChannelRoute>,
  layer: string,
  list: readonly number[],
  where: string,
): Diagnostic[] {
  const place = { code: "EQUALIZE", where: `${where}: equalize: ${layer}` };
  const route = routes.get(layer);
  if (route !== undefined) {
    if (list.length === route.channels) return [];
    const what = `${list.length} exponents for ${route.channels} output channels`;
    return [{ ...place, what, hint: "give one for each, 0 for a channel that stays" }];
  }
  if (nodes.some(({ name }) => name === layer)) {
    const what = "no factor of its channels can be made good in the weights of all that reads them";
    return [{ ...place, what, hint: `layers that can be: ${[...routes.keys()].slice(0, 8).join(", ") || "none"}` }];
  }
  const nearest = nearestName(layer, [...routes.keys()]);
  const hint = nearest === undefined ? "name a layer of the network" : `did you mean ${nearest}?`;
  return [{ ...place, what: "no layer bears that name", hint }];
}
