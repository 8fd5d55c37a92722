/**
 * The layers and how they are wired: Sequential and functional models, and models within them, become one list of uses in
 * order.
 */
import { z } from "zod";
import { type Diagnostic, DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import { requireJson } from "../json-check.ts";
import { type Call, callOrder } from "./call-order.ts";
import { readInboundNodes, readReferences, type ValueReference } from "./inbound-nodes.ts";
import { type LayerEntry, type LayerUse, layerPlace } from "./layer-use.ts";

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
  readonly keras_version?: unknown;
}

export interface Topology {
  readonly name: string;
  /** Whether Keras 3 wrote the model, in which a few settings mean something else. */
  readonly isKeras3: boolean;
  /** The shape without the batch. */
  readonly input: { readonly name: string; readonly shape: readonly number[] };
  /** Every use after those whose values it reads; without input layers. */
  readonly uses: readonly LayerUse[];
  /** Numbered as what uses read. */
  readonly output: number;
}

type ParsedLayer = z.infer<typeof layerSchema>;

/** A size that is open is null. */
type DeclaredShape = readonly (number | null)[];

interface ModelInput {
  readonly reference: ValueReference;
  /** Without the batch; undefined where a model within the model leaves it out. */
  readonly shape: DeclaredShape | undefined;
}

/** A use of a layer or of a model within the model. */
interface ModelCall extends Call {
  readonly callee: LayerEntry | ModelEntry;
}

/** A model of the file. */
interface ModelEntry {
  readonly name: string;
  readonly where: string;
  readonly inputs: readonly ModelInput[];
  readonly calls: readonly ModelCall[];
  readonly outputs: readonly ValueReference[];
}

const HINT = "export the model again with Keras 2 or TensorFlow.js";
const SHAPE_HINT = "build the model with a fixed input shape, e.g. inputShape: [28, 28, 1]";

/** Models within models within …; far above what is built, far below what the call stack bears. */
const MOST_MODELS_DEEP = 32;

/** Uses of layers and models that a file may ask for; a model that is used twice by one that is used twice counts four times. */
const MOST_USES = 100_000;

/** Reads `modelTopology`; throws `DiagnosticError`. */
export function readTopology(json: TopologyJson, where: string): Topology {
  const place = { code: "MODEL_JSON", where: `${where}, modelTopology`, hint: HINT };
  const { class_name: className, config } = requireJson(modelSchema, json.model_config ?? json, place);
  const model = readModel(className, config, { where: `${place.where}.config`, models: [] });
  const [input, ...otherInputs] = model.inputs;
  const [output, ...otherOutputs] = model.outputs;
  requireOne(otherInputs, `${model.where}.input_layers`);
  requireOne(otherOutputs, `${model.where}.output_layers`);
  const uses: LayerUse[] = [];
  const [last] = expand(model, [0], uses);
  if (input === undefined || output === undefined || last === undefined) {
    throw diagnosticError("MODEL_JSON", model.where, "found no input or output, expected one of each", HINT);
  }
  return {
    name: model.name,
    isKeras3: typeof json.keras_version === "string" && json.keras_version.startsWith("3."),
    input: { name: input.reference.layer, shape: fixedShape(input, model) },
    uses,
    output: last,
  };

  function requireOne(others: readonly unknown[], place: string): void {
    if (others.length === 0) return;
    const what = `found ${others.length + 1} entries, expected one`;
    throw diagnosticError("MODEL_JSON", place, what, "compile a model with one input and one output");
  }
}

interface ModelPlace {
  readonly where: string;
  /** As in `LayerEntry`. */
  readonly models: readonly string[];
}

function readModel(className: string, config: unknown, place: ModelPlace): ModelEntry {
  const configPlace = { code: "MODEL_JSON", where: place.where, hint: HINT };
  if (place.models.length > MOST_MODELS_DEEP) {
    const what = `found models within models ${place.models.length} deep, expected at most ${MOST_MODELS_DEEP}`;
    throw diagnosticError("MODEL_JSON", place.where, what, HINT);
  }
  if (className === "Sequential") {
    const listed = Array.isArray(config) ? { layers: config } : config;
    return sequential(requireJson(sequentialSchema, listed, configPlace), place);
  }
  return functional(requireJson(functionalSchema, config, configPlace), place);
}

function sequential(config: z.infer<typeof sequentialSchema>, place: ModelPlace): ModelEntry {
  const { layers, build_input_shape: builtShape } = config;
  const [first, ...rest] = layers;
  if (first === undefined)
    throw diagnosticError("MODEL_JSON", place.where, "found no layers, expected one or more", HINT);
  requireNames(layers, place.where);
  const startsWithInput = first.class_name === "InputLayer";
  const computing = startsWithInput ? rest : layers;
  refuseInputs(computing, place.where);
  const input: ValueReference = {
    layer: startsWithInput ? first.config.name : `${first.config.name}_input`,
    use: 0,
    output: 0,
  };
  let previous = input;
  const calls = computing.map((layer): ModelCall => {
    const callee = calleeOf(layer, place);
    const { name } = layer.config;
    const call = { name, className: layer.class_name, ordinal: 0, inputs: [previous], callee };
    previous = { layer: name, use: 0, output: 0 };
    return call;
  });
  const inner = calls[0]?.callee;
  const declared =
    declaredShape(first, place.where) ??
    batchlessShape(builtShape, `${place.where}, build_input_shape`) ??
    (inner !== undefined && "calls" in inner ? inner.inputs[0]?.shape : undefined);
  return {
    name: config.name ?? "model",
    where: place.where,
    inputs: [{ reference: input, shape: declared }],
    calls,
    outputs: [previous],
  };
}

function functional(config: z.infer<typeof functionalSchema>, place: ModelPlace): ModelEntry {
  const { layers } = config;
  const { where } = place;
  requireNames(layers, where);
  const references = readReferences(config.input_layers, `${where}.input_layers`);
  const outputs = readReferences(config.output_layers, `${where}.output_layers`);
  const inputLayers = new Map<string, ParsedLayer>();
  const inputs = references.map((reference): ModelInput => {
    const layer = layers.find(({ config }) => config.name === reference.layer);
    if (layer?.class_name !== "InputLayer") {
      throw diagnosticError("MODEL_JSON", `${where}.input_layers`, `"${reference.layer}" is no InputLayer`, HINT);
    }
    inputLayers.set(reference.layer, layer);
    return { reference, shape: declaredShape(layer, where) };
  });
  const computing = layers.filter((layer) => inputLayers.get(layer.config.name) !== layer);
  refuseInputs(computing, where);
  const calls = computing.flatMap((layer): ModelCall[] => {
    const callee = calleeOf(layer, place);
    const { name } = layer.config;
    return readInboundNodes(layer.inbound_nodes, parsedPlace(where, layer)).map((inputs, ordinal) => ({
      name,
      className: layer.class_name,
      ordinal,
      inputs,
      callee,
    }));
  });
  const numbered = withFirstUses(calls, outputs);
  return {
    name: config.name ?? "model",
    where,
    inputs,
    calls: callOrder(numbered, references, outputs, where),
    outputs,
  };
}

/**
 * The calls as references number them: writers count a model's own wiring as its use 0, so that the first use by the model
 * around it is 1, unless something reads use 0.
 */
function withFirstUses(calls: readonly ModelCall[], outputs: readonly ValueReference[]): readonly ModelCall[] {
  const references = [...outputs, ...calls.flatMap(({ inputs }) => inputs)];
  const readAtZero = new Set(references.flatMap(({ layer, use }) => (use === 0 ? [layer] : [])));
  return calls.map((call) =>
    "calls" in call.callee && !readAtZero.has(call.name) ? { ...call, ordinal: call.ordinal + 1 } : call,
  );
}

function calleeOf(layer: ParsedLayer, { where, models }: ModelPlace): LayerEntry | ModelEntry {
  const { name } = layer.config;
  if (!modelSchema.shape.class_name.safeParse(layer.class_name).success) {
    return { name, className: layer.class_name, models, config: layer.config };
  }
  const inner = { where: parsedPlace(where, layer), models: [...models, name] };
  return readModel(layer.class_name, layer.config, inner);
}

/**
 * Appends the uses of a model's layers, reading the values `inputs`, and returns the model's outputs. A layer in a model that
 * is used twice is used twice.
 */
function expand(model: ModelEntry, inputs: readonly number[], uses: LayerUse[]): readonly number[] {
  const ordinals = new Map<LayerEntry, number>();
  let visited = 0;
  return run(model, inputs);

  function run(current: ModelEntry, given: readonly number[]): readonly number[] {
    if (given.length !== current.inputs.length) {
      const what = `found ${given.length} inputs, expected the model's ${current.inputs.length}`;
      throw diagnosticError("MODEL_JSON", current.where, what, HINT);
    }
    const values = new Map(current.inputs.map(({ reference }, index) => [valueKey(reference), given[index] ?? 0]));
    for (const { name, className, ordinal, inputs: references, callee } of current.calls) {
      if (++visited > MOST_USES) {
        const what = `found more than ${MOST_USES} uses of layers`;
        throw diagnosticError(
          "MODEL_JSON",
          current.where,
          what,
          "models that use each other in turn grow beyond measure",
        );
      }
      const read = references.map((reference) =>
        valueAt(reference, `${current.where}: layer "${name}" (${className})`),
      );
      const outputs = "calls" in callee ? run(callee, read) : [added(callee, read)];
      outputs.forEach((value, output) => {
        values.set(valueKey({ layer: name, use: ordinal, output }), value);
      });
    }
    return current.outputs.map((reference) => valueAt(reference, `${current.where}.output_layers`));

    function valueAt(reference: ValueReference, place: string): number {
      const value = values.get(valueKey(reference));
      if (value !== undefined) return value;
      const what = `reads output ${reference.output} of "${reference.layer}", which has only output 0`;
      throw diagnosticError("MODEL_JSON", place, what, HINT);
    }
  }

  function added(layer: LayerEntry, read: readonly number[]): number {
    const ordinal = ordinals.get(layer) ?? 0;
    ordinals.set(layer, ordinal + 1);
    uses.push({ layer, ordinal, inputs: read });
    return uses.length;
  }
}

/** Unique text of a reference: the numbers stand first, so that no name can imitate another's. */
function valueKey({ layer, use, output }: ValueReference): string {
  return `${use}:${output}:${layer}`;
}

function requireNames(layers: readonly ParsedLayer[], where: string): void {
  const seen = new Set<string>();
  const diagnostics = layers.flatMap((layer): Diagnostic[] => {
    const { name } = layer.config;
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const place = parsedPlace(where, layer);
    return [{ code: "MODEL_JSON", where: place, what: "another layer bears the same name", hint: HINT }];
  });
  if (diagnostics.length > 0) throw new DiagnosticError(diagnostics);
}

function refuseInputs(layers: readonly ParsedLayer[], where: string): void {
  const second = layers.find((layer) => layer.class_name === "InputLayer");
  if (second === undefined) return;
  throw diagnosticError(
    "MODEL_JSON",
    parsedPlace(where, second),
    "found a further input, expected a model with one",
    "compile a model with a single input",
  );
}

function parsedPlace(where: string, layer: ParsedLayer): string {
  return layerPlace(where, { name: layer.config.name, className: layer.class_name, models: [] });
}

/** What an input layer, or the first layer of a sequence, says of its input; undefined where it says nothing. */
function declaredShape(layer: ParsedLayer, where: string): DeclaredShape | undefined {
  const { batch_input_shape: keras2, batch_shape: keras3 } = layer.config;
  return batchlessShape(keras2 ?? keras3, `${parsedPlace(where, layer)}, batch_input_shape`);
}

function batchlessShape(json: unknown, where: string): DeclaredShape | undefined {
  if (json === undefined || json === null) return undefined;
  const batchShape = z.array(z.int().positive().nullable()).min(2).max(8);
  return requireJson(batchShape, json, { code: "MODEL_JSON", where, hint: SHAPE_HINT }).slice(1);
}

/** The shape of the whole model's input, of which every size is known. */
function fixedShape({ reference, shape }: ModelInput, { where }: ModelEntry): readonly number[] {
  const place = `${where}: input "${reference.layer}", batch_input_shape`;
  if (shape === undefined) throw diagnosticError("MODEL_JSON", place, "found nothing, expected a shape", SHAPE_HINT);
  return shape.map((size) => {
    if (size !== null) return size;
    const found = `[null, ${shape.map((axis) => axis ?? "null").join(", ")}]`;
    throw diagnosticError("MODEL_JSON", place, `found ${found}, expected every size but the first`, SHAPE_HINT);
  });
}
