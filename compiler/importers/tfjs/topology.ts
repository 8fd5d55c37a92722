/** The layers and how they are wired: Sequential and functional models become one list of calls in order. */
import { z } from "zod";
import { type Diagnostic, DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import { requireJson } from "../json-check.ts";
import { callOrder } from "./call-order.ts";
import { readInboundNodes, readReference, type ValueReference } from "./inbound-nodes.ts";
import type { LayerEntry, LayerUse } from "./layer-use.ts";

const layerSchema = z.looseObject({
  class_name: z.string(),
  config: z.looseObject({ name: z.string().min(1) }),
  inbound_nodes: z.unknown().optional(),
});

const layerList = z.array(layerSchema).min(1, "expected at least one layer");

const sequentialSchema = z.looseObject({
  name: z.string().nullish(),
  layers: layerList,
  build_input_shape: z.unknown().optional(),
});

const functionalSchema = z.looseObject({
  name: z.string().nullish(),
  layers: layerList,
  input_layers: z.unknown().optional(),
  output_layers: z.unknown().optional(),
});

const modelSchema = z.looseObject({
  class_name: z.enum(["Sequential", "Functional", "Model"]),
  config: z.unknown().optional(),
});

/** `modelTopology`, the model itself or, from the converter, an object around it. */
export interface TopologyJson {
  readonly model_config?: unknown;
}

export interface Topology {
  readonly name: string;
  readonly input: { readonly name: string; readonly shape: readonly number[] };
  /** The reference by which uses read the model's input. */
  readonly inputReference: ValueReference;
  /** Every use after those whose values it reads; without input layers. */
  readonly uses: readonly LayerUse[];
  readonly output: ValueReference;
}

type ParsedLayer = z.infer<typeof layerSchema>;

const HINT = "export the model again with Keras 2 or TensorFlow.js";
const SHAPE_HINT = "build the model with a fixed input shape, e.g. inputShape: [28, 28, 1]";

/** Reads `modelTopology`; throws `DiagnosticError`. */
export function readTopology(json: TopologyJson, where: string): Topology {
  const place = { code: "MODEL_JSON", where: `${where}, modelTopology`, hint: HINT };
  const model = requireJson(modelSchema, json.model_config ?? json, place);
  const configPlace = { ...place, where: `${place.where}.config` };
  if (model.class_name === "Sequential") {
    const config = Array.isArray(model.config) ? { layers: model.config } : model.config;
    return sequential(requireJson(sequentialSchema, config, configPlace), configPlace.where);
  }
  return functional(requireJson(functionalSchema, model.config, configPlace), configPlace.where);
}

function sequential(config: z.infer<typeof sequentialSchema>, where: string): Topology {
  const { layers, build_input_shape: builtShape } = config;
  const [first, ...rest] = layers;
  if (first === undefined) throw diagnosticError("MODEL_JSON", where, "found no layers, expected one or more", HINT);
  refuse(layers, where);
  const startsWithInput = first.class_name === "InputLayer";
  const computing = startsWithInput ? rest : layers;
  refuseInputs(computing, where);
  const name = startsWithInput ? first.config.name : `${first.config.name}_input`;
  let previous: ValueReference = { layer: name, use: 0 };
  const inputReference = previous;
  const uses = computing.map((layer): LayerUse => {
    const use = { layer: layerEntry(layer), ordinal: 0, inputs: [previous] };
    previous = { layer: layer.config.name, use: 0 };
    return use;
  });
  return {
    name: config.name ?? "model",
    input: { name, shape: inputShape(first, builtShape, where) },
    inputReference,
    uses,
    output: previous,
  };
}

function functional(config: z.infer<typeof functionalSchema>, where: string): Topology {
  const { layers } = config;
  refuse(layers, where);
  const input = readReference(config.input_layers, `${where}.input_layers`);
  const output = readReference(config.output_layers, `${where}.output_layers`);
  const inputLayer = layers.find((layer) => layer.config.name === input.layer);
  if (inputLayer?.class_name !== "InputLayer") {
    throw diagnosticError("MODEL_JSON", `${where}.input_layers`, `"${input.layer}" is no InputLayer`, HINT);
  }
  const computing = layers.filter((layer) => layer !== inputLayer);
  refuseInputs(computing, where);
  const uses = computing.flatMap((layer): LayerUse[] =>
    readInboundNodes(layer.inbound_nodes, layerPlace(where, layer)).map((inputs, ordinal) => ({
      layer: layerEntry(layer),
      ordinal,
      inputs,
    })),
  );
  return {
    name: config.name ?? "model",
    input: { name: input.layer, shape: inputShape(inputLayer, undefined, where) },
    inputReference: input,
    uses: callOrder(uses, input, output, where),
    output,
  };
}

/** Models within the model, and names that repeat. */
function refuse(layers: readonly ParsedLayer[], where: string): void {
  const seen = new Set<string>();
  const diagnostics = layers.flatMap((layer): Diagnostic[] => {
    const { name } = layer.config;
    const place = layerPlace(where, layer);
    if (modelSchema.shape.class_name.safeParse(layer.class_name).success) {
      return [
        {
          code: "NESTED_MODEL",
          where: place,
          what: "found a model within the model, expected layers",
          hint: "apply the inner model's layers one by one, so that the saved model is flat",
        },
      ];
    }
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ code: "MODEL_JSON", where: place, what: "another layer bears the same name", hint: HINT }];
  });
  if (diagnostics.length > 0) throw new DiagnosticError(diagnostics);
}

function refuseInputs(layers: readonly ParsedLayer[], where: string): void {
  const second = layers.find((layer) => layer.class_name === "InputLayer");
  if (second === undefined) return;
  throw diagnosticError(
    "MODEL_JSON",
    layerPlace(where, second),
    "found a further input, expected a model with one",
    "compile a model with a single input",
  );
}

function layerEntry(layer: ParsedLayer): LayerEntry {
  return { name: layer.config.name, className: layer.class_name, config: layer.config };
}

function layerPlace(where: string, layer: ParsedLayer): string {
  return `${where}: layer "${layer.config.name}" (${layer.class_name})`;
}

/** The first layer's shape without the batch axis. */
function inputShape(layer: ParsedLayer, builtShape: unknown, where: string): readonly number[] {
  const { batch_input_shape: keras2, batch_shape: keras3 } = layer.config;
  const batchShape = z.array(z.int().positive().nullable()).min(2).max(8);
  const shape = requireJson(batchShape, keras2 ?? keras3 ?? builtShape, {
    code: "MODEL_JSON",
    where: `${layerPlace(where, layer)}, batch_input_shape`,
    hint: SHAPE_HINT,
  });
  return shape.slice(1).map((size) => {
    if (size !== null) return size;
    throw diagnosticError(
      "MODEL_JSON",
      `${layerPlace(where, layer)}, batch_input_shape`,
      `found [${shape.map((axis) => axis ?? "null").join(", ")}], expected every size but the first`,
      SHAPE_HINT,
    );
  });
}
