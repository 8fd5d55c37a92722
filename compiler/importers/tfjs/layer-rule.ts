/** What every layer's rule is made of, and what it may use. */
import type { z } from "zod";
import { type Diagnostic, diagnosticError } from "../../../isa/diagnostic.ts";
import type { GraphBuilder } from "../../graph/builder.ts";
import type { Tensor } from "../../graph/graph.ts";
import { formatShape, type Shape } from "../../graph/shape.ts";
import { checkJson } from "../json-check.ts";
import type { WeightStore } from "./weights.ts";

/** One use of a layer, with what its rule needs to add nodes. */
export interface LayerCall {
  /** The layer's name: weights go by it. */
  readonly layer: string;
  /** Name of the layer's node: the layer's, or a numbered one from the second use on. */
  readonly node: string;
  /** The layer's place, for diagnostics. */
  readonly where: string;
  /** Names of the values read. */
  readonly inputs: readonly string[];
  readonly builder: GraphBuilder;
  readonly weights: WeightStore;
}

/** Adds the nodes of one use and returns the name of the resulting value. Throws `DiagnosticError`. */
export type AddLayer = (call: LayerCall) => string;

export type PreparedLayer =
  | { readonly add: AddLayer; readonly diagnostics?: undefined }
  | { readonly add?: undefined; readonly diagnostics: readonly Diagnostic[] };

/** How layers of one class are imported: settings first, nodes later, so that wrong settings are reported all at once. */
export type LayerRule = (config: unknown, where: string) => PreparedLayer;

/** A rule from a schema of the settings and what to add for them. */
export function layerRule<Config>(
  schema: z.ZodType<Config>,
  add: (config: Config, call: LayerCall) => string,
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
export function onlyInput({ inputs, where }: LayerCall): string {
  const [input, ...others] = inputs;
  if (input !== undefined && others.length === 0) return input;
  throw diagnosticError(
    "MODEL_JSON",
    where,
    `found ${inputs.length} inputs, expected one`,
    "apply the layer to a single value",
  );
}

/** The only input, which must be an image. */
export function imageInput(call: LayerCall): {
  readonly input: string;
  readonly image: readonly [rows: number, columns: number, channels: number];
} {
  const input = onlyInput(call);
  const shape = call.builder.shapeOf(input);
  const [rows, columns, channels] = shape;
  if (rows !== undefined && columns !== undefined && channels !== undefined) {
    return { input, image: [rows, columns, channels] };
  }
  throw diagnosticError(
    "SHAPE",
    call.where,
    `found input ${formatShape(shape)}, expected an image [rows, columns, channels]`,
    "reshape the value before, or leave the layer out",
  );
}

/** A weight of the layer; see `WeightStore.read`. */
export function weight(call: LayerCall, field: string, shape: Shape): Tensor {
  return call.weights.read(call.layer, field, shape, call.where);
}
