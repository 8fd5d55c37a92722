/** What every layer's rule is made of, and what it may use. */
import type { z } from "zod";
import { type Diagnostic, diagnosticError } from "../../../isa/diagnostic.ts";
import type { Tensor } from "../../graph/graph.ts";
import { formatShape, type Shape } from "../../graph/shape.ts";
import { checkJson } from "../json-check.ts";
import type { LayerEntry } from "./layer-use.ts";
import { type NetworkValue, type ValueCall, view } from "./values/value.ts";
import type { WeightStore } from "./weights.ts";

/** One use of a layer, with what its rule needs to add nodes. The node's name is a numbered one from the second use on. */
export interface LayerCall extends ValueCall {
  readonly layer: LayerEntry;
  readonly inputs: readonly NetworkValue[];
  readonly weights: WeightStore;
}

/** Adds the nodes of one use and returns the resulting value. Throws `DiagnosticError`. */
export type AddLayer = (call: LayerCall) => NetworkValue;

export type PreparedLayer =
  | { readonly add: AddLayer; readonly diagnostics?: undefined }
  | { readonly add?: undefined; readonly diagnostics: readonly Diagnostic[] };

/** How layers of one class are imported: settings first, nodes later, so that wrong settings are reported all at once. */
export type LayerRule = (config: unknown, where: string) => PreparedLayer;

/** A rule from a schema of the settings and what to add for them. */
export function layerRule<Config>(
  schema: z.ZodType<Config>,
  add: (config: Config, call: LayerCall) => NetworkValue,
): LayerRule {
  return (config, where) => {
    const { value, diagnostics } = checkJson(schema, config, {
      code: "LAYER_CONFIG",
      where,
      hint: "use a setting this importer supports, or leave the layer out",
    });
    if (diagnostics !== undefined) return { diagnostics };
    return { add: (call) => add(value, call) };
  };
}

/** The only input of a layer that takes one; throws `DiagnosticError` for more. */
export function onlyInput({ inputs, where }: LayerCall): NetworkValue {
  const [input, ...others] = inputs;
  if (input !== undefined && others.length === 0) return input;
  throw diagnosticError(
    "MODEL_JSON",
    where,
    `found ${inputs.length} inputs, expected one`,
    "apply the layer to a single value",
  );
}

/** Keras's shape of a value: without the batch. */
export function ownShape({ shape }: NetworkValue): Shape {
  return shape.slice(1);
}

/** How many axes a layer's windows move along: 2 over an image, 1 over a sequence, which the network has as an image of one row. */
export type WindowAxes = 1 | 2;

/** The only input as an image of the network: [rows, columns, channels] or, of a sequence [steps, channels], [1, steps, channels]. */
export function windowInput(
  call: LayerCall,
  axes: WindowAxes,
): { readonly input: string; readonly image: readonly [rows: number, columns: number, channels: number] } {
  const value = onlyInput(call);
  const shape = ownShape(value);
  const [rows, columns, channels] = axes === 1 ? [1, ...shape] : shape;
  if (shape.length === axes + 1 && rows !== undefined && columns !== undefined && channels !== undefined) {
    return { input: view(call, value.name, [rows, columns, channels]), image: [rows, columns, channels] };
  }
  throw diagnosticError(
    "SHAPE",
    call.where,
    `found input ${formatShape(shape)}, expected ${axes === 1 ? "a sequence [steps, channels]" : "an image [rows, columns, channels]"}`,
    "reshape the value before, or leave the layer out",
  );
}

/** The image or sequence that a window layer's node `name` yields. */
export function windowResult({ builder }: LayerCall, name: string, axes: WindowAxes): NetworkValue {
  const shape = builder.shapeOf(name);
  return { name, shape: [1, ...(axes === 1 ? shape.slice(1) : shape)] };
}

/** A weight of the layer; see `WeightStore.read`. */
export function weight(call: LayerCall, field: string, shape: Shape): Tensor {
  return call.weights.read(call.layer, field, shape, call.where);
}
