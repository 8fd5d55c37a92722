/** TensorFlow.js layers models (`model.json` and its shards) to graphs. */
import { type Diagnostic, DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import { GraphBuilder } from "../../graph/builder.ts";
import type { Graph } from "../../graph/graph.ts";
import { formatShape } from "../../graph/shape.ts";
import { requireStage } from "../../graph/stages.ts";
import type { AddLayer } from "./layer-rule.ts";
import { type LayerEntry, type LayerUse, layerPlace } from "./layer-use.ts";
import { LAYER_RULES } from "./layers/table.ts";
import { unknownLayers } from "./layers/unknown.ts";
import { readLayersModelJson } from "./model-json.ts";
import { readTopology, type Topology } from "./topology.ts";
import { ConstantBudget } from "./values/constant-budget.ts";
import { inputInfo, type NetworkValue, requireOpen, storedShape, type ValueCall, view } from "./values/value.ts";
import { WeightStore } from "./weights.ts";

/**
 * The model as a graph at stage `imported`. Nodes bear their layers' names; layers that only act in training vanish.
 * `modelJson` is the parsed file, `weights` the bytes of all shards joined in the order of `tfjsWeightPaths`, `where`
 * the file's name for diagnostics. Throws `DiagnosticError`.
 */
export function importTfjsLayersModel(modelJson: unknown, weights: Uint8Array, where: string): Graph {
  const model = readLayersModelJson(modelJson, where);
  const topology = readTopology(model.topology, where);
  const additions = prepareLayers(topology, where);
  const store = new WeightStore(model.weights, weights, where);
  const input = networkInput(topology, where);
  const builder = new GraphBuilder(topology.name, inputInfo(input.name, input.shape), where);
  const budget = new ConstantBudget(store.elements());
  // Layers' names are taken first, so that no helper node can take one.
  const names = nodeNames(topology.uses, builder);
  const values = [input];
  let last: ValueCall = { where, name: input.name, builder, budget };
  topology.uses.forEach(({ layer, inputs }, index) => {
    const name = names[index] ?? builder.uniqueName(layer.name);
    const call = { where: layerPlace(where, layer), name, builder, budget };
    const read = inputs.map((at) => values[at] ?? input);
    const added = inLayer(call.where, where, () =>
      additions[index]?.({ ...call, layer, inputs: read, weights: store }),
    );
    requireOpen(call, read, [added ?? input]);
    values.push(added ?? input);
    if (index + 1 === topology.output) last = call;
  });
  const unused = store.unused("layer");
  if (unused.length > 0) throw new DiagnosticError(unused);
  const output = values[topology.output] ?? input;
  const { closing } = output;
  const graph = { ...builder.finish(networkOutput(output, last)), ...(closing && { closing }) };
  return requireStage(graph, "imported", where);
}

/** The input with its batch. */
function networkInput({ input }: Topology, where: string): NetworkValue {
  const { name, shape } = input;
  if (shape.length <= 3) return { name, shape: [1, ...shape] };
  throw diagnosticError(
    "SHAPE",
    `${where}: input "${name}"`,
    `found ${formatShape(shape)}, expected [features], [steps, channels] or [rows, columns, channels]`,
    "the machine takes images, sequences and vectors",
  );
}

/** An image or a vector; a softmax, and what the host is given, stays the last node whatever shape is asked of it. */
function networkOutput({ name, shape, isSoftmax, closing }: NetworkValue, last: ValueCall): string {
  return isSoftmax === true || closing !== undefined ? name : view(last, name, storedShape(shape));
}

/** Names of the nodes of layers' first uses: the layer's own or, where two models have one of that name, with the models'. */
function nodeNames(uses: readonly LayerUse[], builder: GraphBuilder): readonly (string | undefined)[] {
  const count = new Map<string, number>();
  const first = uses.filter(({ ordinal }) => ordinal === 0);
  for (const { layer } of first) count.set(layer.name, (count.get(layer.name) ?? 0) + 1);
  return uses.map(({ layer, ordinal }) => {
    if (ordinal > 0) return undefined;
    const isOnly = count.get(layer.name) === 1;
    return builder.uniqueName(isOnly ? layer.name : [...layer.models, layer.name].join("/"));
  });
}

/** What to do for every use; throws `DiagnosticError` with all unknown classes and wrong settings at once. */
function prepareLayers({ uses, isKeras3 }: Topology, where: string): readonly AddLayer[] {
  const diagnostics: Diagnostic[] = [];
  const unknown = new Set<LayerEntry>();
  const additions = uses.flatMap(({ layer, ordinal }) => {
    const rule = Object.hasOwn(LAYER_RULES, layer.className) ? LAYER_RULES[layer.className] : undefined;
    if (rule === undefined) {
      unknown.add(layer);
      return [];
    }
    const prepared = rule(layer.config, layerPlace(where, layer));
    if (isKeras3 && layer.config.activation === "hard_sigmoid" && ordinal === 0)
      diagnostics.push(hardSigmoid(layer, where));
    if (prepared.add !== undefined) return [prepared.add];
    if (ordinal === 0) diagnostics.push(...prepared.diagnostics);
    return [];
  });
  diagnostics.unshift(...unknownLayers([...unknown], where));
  if (diagnostics.length > 0) throw new DiagnosticError(diagnostics);
  return additions;
}

function hardSigmoid(layer: LayerEntry, where: string): Diagnostic {
  return {
    code: "LAYER_CONFIG",
    where: `${layerPlace(where, layer)}, activation`,
    what: "found hard_sigmoid in a file of Keras 3, where it is x / 6 + 1/2; for TensorFlow.js it is x / 5 + 1/2",
    hint: "export the model to ONNX, which holds the slope",
  };
}

/** What `action` yields; what it finds wrong without a place in the file is placed at the layer. */
function inLayer<T>(place: string, where: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    throw new DiagnosticError(
      error.diagnostics.map((found) =>
        found.where.startsWith(where) ? found : { ...found, where: `${place}, ${found.where}` },
      ),
    );
  }
}
