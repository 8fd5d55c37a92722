/** TensorFlow.js layers models (`model.json` and its shards) to graphs. */
import { type Diagnostic, DiagnosticError, nearestName } from "../../../isa/diagnostic.ts";
import { GraphBuilder } from "../../graph/builder.ts";
import type { Graph } from "../../graph/graph.ts";
import { requireStage } from "../../graph/stages.ts";
import { key } from "./call-order.ts";
import type { AddLayer } from "./layer-rule.ts";
import type { LayerUse } from "./layer-use.ts";
import { LAYER_RULES } from "./layers/table.ts";
import { readLayersModelJson } from "./model-json.ts";
import { readTopology } from "./topology.ts";
import { WeightStore } from "./weights.ts";

/**
 * The model as a graph at stage `imported`. Nodes bear their layers' names; layers that only act in training vanish.
 * `modelJson` is the parsed file, `weights` the bytes of all shards joined in the order of `tfjsWeightPaths`, `where`
 * the file's name for diagnostics. Throws `DiagnosticError`.
 */
export function importTfjsLayersModel(modelJson: unknown, weights: Uint8Array, where: string): Graph {
  const model = readLayersModelJson(modelJson, where);
  const topology = readTopology(model.topology, where);
  const additions = prepareLayers(topology.uses, where);
  const store = new WeightStore(model.weights, weights, where);
  const builder = new GraphBuilder(topology.name, topology.input, where);
  // Layers' names are taken first, so that no helper node can take one.
  const nodes = topology.uses.map(({ layer, ordinal }) => (ordinal === 0 ? builder.uniqueName(layer.name) : undefined));
  const values = new Map([[key(topology.inputReference), topology.input.name]]);
  topology.uses.forEach(({ layer, ordinal, inputs }, index) => {
    const value = additions[index]?.({
      layer: layer.name,
      node: nodes[index] ?? builder.uniqueName(layer.name),
      where: layerPlace(where, layer),
      inputs: inputs.map((input) => values.get(key(input)) ?? ""),
      builder,
      weights: store,
    });
    values.set(key({ layer: layer.name, use: ordinal }), value ?? "");
  });
  const unused = store.unused("layer");
  if (unused.length > 0) throw new DiagnosticError(unused);
  return requireStage(builder.finish(values.get(key(topology.output)) ?? ""), "imported", where);
}

/** What to do for every use; throws `DiagnosticError` with all unknown classes and wrong settings at once. */
function prepareLayers(uses: readonly LayerUse[], where: string): readonly AddLayer[] {
  const diagnostics: Diagnostic[] = [];
  const additions = uses.flatMap(({ layer }) => {
    const place = layerPlace(where, layer);
    const rule = Object.hasOwn(LAYER_RULES, layer.className) ? LAYER_RULES[layer.className] : undefined;
    if (rule === undefined) {
      diagnostics.push(unknownLayer(layer.className, place));
      return [];
    }
    const prepared = rule(layer.config, place);
    if (prepared.add !== undefined) return [prepared.add];
    diagnostics.push(...prepared.diagnostics);
    return [];
  });
  if (diagnostics.length > 0) throw new DiagnosticError(diagnostics);
  return additions;
}

function unknownLayer(className: string, where: string): Diagnostic {
  const supported = Object.keys(LAYER_RULES);
  const near = nearestName(className, supported);
  return {
    code: "UNKNOWN_LAYER",
    where,
    what: `layers of class "${className}" cannot be imported`,
    hint: `${near === undefined ? "" : `is ${near} meant? `}supported: ${supported.join(", ")}`,
  };
}

function layerPlace(where: string, layer: LayerUse["layer"]): string {
  return `${where}: layer "${layer.name}" (${layer.className})`;
}
