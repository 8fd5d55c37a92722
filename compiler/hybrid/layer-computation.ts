/** Who computes each layer of a network that is not one program: the machine, float with a register behind it, or float alone. */
import type { Graph } from "../graph/graph.ts";
import { LAYER_KINDS } from "../quantization/layer-facts.ts";
import { matchesPattern, selectKeys, selectLayers } from "../quantization/layer-pattern.ts";
import type { AssignmentSpecification } from "../quantization/specification.ts";

export type LayerComputation = "machine" | "extrinsic" | "float";

/** Names of the machine's layers of a graph that is ready for lowering, in their order. */
export function layerNames(graph: Graph): readonly string[] {
  return graph.nodes.filter(({ op }) => LAYER_KINDS[op] !== null).map(({ name }) => name);
}

/**
 * By layer, in the network's order. `selection`: names and patterns of the layers that the specification is for while the
 * others compute in float; null for all of them. Throws `DiagnosticError` for a name or pattern that matches no layer.
 */
export function layerComputations(
  layers: readonly string[],
  specification: AssignmentSpecification,
  selection: readonly string[] | null,
  where: string,
): ReadonlyMap<string, LayerComputation> {
  const entries = specification.layers ?? {};
  const keys = selectKeys(Object.keys(entries), layers, where);
  const selected = new Set(selection === null ? layers : selectLayers(selection, layers, "layers"));
  return new Map(
    layers.map((layer) => {
      if (!selected.has(layer)) return [layer, "float"];
      const entry = entries[keys.get(layer) ?? ""];
      return [layer, computationOf(entry?.datapath ?? specification.default?.datapath)];
    }),
  );
}

/** What all layers have in common; null where they are computed in different ways. */
export function soleComputation(
  layers: readonly string[],
  specification: AssignmentSpecification,
  selection: readonly string[] | null,
  where: string,
): LayerComputation | null {
  const found = new Set(layerComputations(layers, specification, selection, where).values());
  const [only = "machine"] = found;
  return found.size > 1 ? null : only;
}

function computationOf(datapath: string | undefined): LayerComputation {
  return datapath === "extrinsic" || datapath === "float" ? datapath : "machine";
}

/** The specification without the keys that match none of the layers: in a part of a network those are no mistake. */
export function specificationFor(
  specification: AssignmentSpecification,
  layers: readonly string[],
): AssignmentSpecification {
  // Channels are scaled in the whole network, before it is parted.
  const { equalize: _equalize, ...plain } = specification;
  if (plain.layers === undefined) return plain;
  const kept = Object.entries(plain.layers).filter(([key]) =>
    layers.some((layer) => key === layer || matchesPattern(key, layer)),
  );
  return { ...plain, layers: Object.fromEntries(kept) };
}
