/** What a model prescribes, under what its user writes. */
import { nameRecord } from "../../isa/name-record.ts";
import { literalLength, matchesPattern } from "../quantization/layer-pattern.ts";
import type { AssignmentSpecification, LayerEntry } from "../quantization/specification.ts";

/**
 * The user's specification with the model's entries beneath: a layer's entry by name or pattern overrules the model's register by
 * register, the user's default does not; but where that computes in float, so do the model's layers.
 */
export function underSpecification(
  prescribed: AssignmentSpecification,
  specification: AssignmentSpecification,
): AssignmentSpecification {
  const own = specification.layers ?? {};
  const layers = nameRecord<LayerEntry>(Object.entries(own));
  const datapath = specification.default?.datapath;
  const inFloat = datapath === "extrinsic" || datapath === "float" ? { datapath } : {};
  for (const [name, entry] of Object.entries(prescribed.layers ?? {})) {
    layers[name] = { ...entry, ...inFloat, ...governing(own, name) };
  }
  return Object.keys(layers).length === 0 ? specification : { ...specification, layers };
}

/** The entry of the exact name, else of the most literal pattern. Ties are left to the resolution of formats. */
function governing(layers: Readonly<Record<string, LayerEntry>>, name: string): LayerEntry {
  if (Object.hasOwn(layers, name)) return layers[name] ?? {};
  const [best] = Object.keys(layers)
    .filter((pattern) => matchesPattern(pattern, name))
    .toSorted((a, b) => literalLength(b) - literalLength(a));
  return best === undefined ? {} : (layers[best] ?? {});
}
