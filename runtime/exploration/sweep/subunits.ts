import { matchesPattern } from "../../../compiler/quantization/layer-pattern.ts";
import { diagnosticError, nearestName } from "../../../isa/diagnostic.ts";
import { distinct, parseItems } from "./number-list.ts";

/** Layers that are quantized together while the others compute in float. */
export interface Subunit {
  /** Null: all layers of the network. */
  readonly name: string | null;
  /** In the network's order; null: all. */
  readonly layers: readonly string[] | null;
}

export const ALL_LAYERS: Subunit = { name: null, layers: null };

/**
 * Subunits from a text such as `conv*;fc1,fc2`: each a list of names and patterns, named as it is written. `all` stands for
 * the whole network, `each` for every layer by itself. `DiagnosticError` UNKNOWN_LAYER for what matches no layer.
 */
export function parseSubunits(text: string, layers: readonly string[], where: string): readonly Subunit[] {
  const written = distinct(parseItems(text, where, ";"));
  return written.flatMap((name): readonly Subunit[] => {
    if (name === "all") return [ALL_LAYERS];
    if (name === "each") return layers.map((layer) => ({ name: layer, layers: [layer] }));
    const patterns = parseItems(name, where);
    for (const pattern of patterns) requireMatch(pattern, layers, where);
    const selected = layers.filter((layer) => patterns.some((pattern) => matches(pattern, layer)));
    return [{ name, layers: selected }];
  });
}

function matches(pattern: string, layer: string): boolean {
  return pattern === layer || matchesPattern(pattern, layer);
}

function requireMatch(pattern: string, layers: readonly string[], where: string): void {
  if (layers.some((layer) => matches(pattern, layer))) return;
  const nearest = nearestName(pattern, layers);
  const hint = nearest === undefined ? `the layers are ${layers.slice(0, 12).join(", ")}` : `did you mean ${nearest}?`;
  throw diagnosticError("UNKNOWN_LAYER", where, `"${pattern}" matches no layer`, hint);
}
