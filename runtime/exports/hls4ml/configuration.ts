/**
 * The configuration of hls4ml as it parses it: which type a variable of a layer gets. Facts from hls4ml/model/graph.py
 * (`HLSConfig`) and docs/api/configuration: layers are found by name in any case of letters.
 */
import { z } from "zod";
import { type Diagnostic, DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { parseHls4mlType } from "./type.ts";

/** Classes of hls4ml's layers that networks here have. */
export type Hls4mlClass =
  | "Input"
  | "Dense"
  | "Conv2D"
  | "DepthwiseConv2D"
  | "BatchNormalization"
  | "Activation"
  | "Softmax"
  | "Pooling2D"
  | "GlobalPooling2D"
  | "Reshape"
  | "Merge"
  | "Concatenate"
  | "ZeroPadding2D"
  | "Transpose"
  | "Resize";

/** Variables of a layer's Precision, by hls4ml's class of the layer. Tables act in functions alone. */
const VARIABLES: Readonly<Record<Hls4mlClass, readonly string[]>> = {
  Input: ["result"],
  Dense: ["weight", "bias", "accum", "result"],
  Conv2D: ["weight", "bias", "accum", "result"],
  DepthwiseConv2D: ["weight", "bias", "accum", "result"],
  BatchNormalization: ["scale", "bias", "accum", "result"],
  Activation: ["result", "table"],
  Softmax: ["result", "table", "exp_table", "inv_table", "inv_inp", "accum"],
  Pooling2D: ["accum", "result"],
  GlobalPooling2D: ["accum", "result"],
  Reshape: ["result"],
  Merge: ["result"],
  Concatenate: ["result"],
  ZeroPadding2D: ["result"],
  Transpose: ["result"],
  Resize: ["result"],
};
export type Variable = "weight" | "bias" | "accum" | "result" | "scale";

const precision = z.union([z.string(), z.record(z.string(), z.string())]);

const section = z.looseObject({
  Precision: precision.nullish(),
  Strategy: z.string().nullish(),
  ReuseFactor: z.number().nullish(),
});

const sections = z.record(z.string(), section.nullable()).nullish();

const schema = z.looseObject({ Model: section.nullish(), LayerName: sections, LayerType: sections });

type Section = z.infer<typeof section>;
type Configuration = z.infer<typeof schema>;

/** What says the type of a variable, and where it stands. */
export interface WrittenType {
  /** Null: to be inferred. */
  readonly type: RegisterSpec | null;
  readonly where: string;
}

/** Whether a value from YAML is such a configuration, alone or under the key `HLSConfig` of a project's file. */
export function isHls4ml(value: unknown): boolean {
  const inner = innerOf(value);
  return typeof inner === "object" && inner !== null && ("LayerName" in inner || "Model" in inner);
}

function innerOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "HLSConfig" in value ? value.HLSConfig : value;
}

export class Hls4mlConfiguration {
  readonly #configuration: Configuration;
  readonly #where: string;
  /** Lower-case name → name as written. */
  readonly #names: ReadonlyMap<string, string>;
  readonly #types: ReadonlyMap<string, string>;

  /** Throws `DiagnosticError` HLS4ML. */
  constructor(value: unknown, where: string) {
    const parsed = schema.safeParse(innerOf(value));
    if (!parsed.success) {
      throw new DiagnosticError(
        parsed.error.issues.map((issue) => ({
          code: "HLS4ML",
          where: `${where}: ${issue.path.map(String).join(".")}`,
          what: issue.message,
          hint: "expected Model, LayerType and LayerName with a Precision each",
        })),
      );
    }
    this.#configuration = parsed.data;
    this.#where = where;
    this.#names = lowerCased(parsed.data.LayerName, `${where}: LayerName`);
    this.#types = lowerCased(parsed.data.LayerType, `${where}: LayerType`);
  }

  /** Names under LayerName, as written. */
  get layerNames(): readonly string[] {
    return Object.keys(this.#configuration.LayerName ?? {});
  }

  get typeNames(): readonly string[] {
    return Object.keys(this.#configuration.LayerType ?? {});
  }

  /** Whether the layer has an entry of its own. */
  names(layer: string): boolean {
    return this.#names.has(layer.toLowerCase());
  }

  /**
   * The first that says something of: the layer's variable, the layer's default, the variable of its class, the default of
   * its class, the model's variable, the model's default. Throws `DiagnosticError` HLS4ML or HLS4ML_TYPE.
   */
  typeOf(layer: string, kind: Hls4mlClass, variable: Variable): WrittenType {
    const { Model } = this.#configuration;
    for (const [from, place] of this.#sections(layer, kind)) {
      for (const key of [variable, "default"]) {
        const text = textOf(from, key);
        const where = `${place}.Precision${typeof from?.Precision === "string" ? "" : `.${key}`}`;
        if (text === undefined) continue;
        if (text !== "auto") return { type: parseHls4mlType(text, where), where };
        if (from !== Model) return { type: null, where };
        throw diagnosticError("HLS4ML", where, "auto for the whole model", "hls4ml infers types of single layers only");
      }
    }
    const what = `no type for ${variable} of ${layer}`;
    throw diagnosticError("HLS4ML", this.#where, what, "give Model.Precision a default, e.g. fixed<16,6>");
  }

  /** The model's own default, which an inferred weight or activation gets. */
  modelDefault(): RegisterSpec {
    const { Model } = this.#configuration;
    const text = textOf(Model, "default");
    const where = `${this.#where}: Model.Precision`;
    if (text !== undefined && text !== "auto") return parseHls4mlType(text, where);
    throw diagnosticError("HLS4ML", where, "no default, which auto needs", "write e.g. fixed<16,6>");
  }

  /** What no inferred type is wider than; null where nothing is said. */
  maximum(): WrittenType | null {
    const text = textOf(this.#configuration.Model, "maximum");
    const where = `${this.#where}: Model.Precision.maximum`;
    return text === undefined ? null : { type: parseHls4mlType(text, where), where };
  }

  /** How the layer's products are added: null for ascending inputs, else the place that says another way. */
  otherOrder(layer: string, kind: Hls4mlClass): { readonly where: string; readonly how: string } | null {
    const found = this.#sections(layer, kind);
    const strategy = found.find(([from]) => from?.Strategy != null);
    const reuse = found.find(([from]) => from?.ReuseFactor != null)?.[0]?.ReuseFactor ?? 1;
    const name = (strategy?.[0]?.Strategy ?? "Latency").toLowerCase();
    if (name === "latency" || (name === "resource" && reuse === 1)) return null;
    const how = `Strategy ${strategy?.[0]?.Strategy} with ReuseFactor ${reuse}`;
    return { where: `${strategy?.[1] ?? this.#where}.Strategy`, how };
  }

  /** Variables that hls4ml would never look up: a name it does not know is passed over there, and an error here. */
  unknownVariables(layer: string, kind: Hls4mlClass): readonly Diagnostic[] {
    const known: readonly string[] = [...VARIABLES[kind], "default"];
    return this.#sections(layer, kind)
      .slice(0, 2)
      .flatMap(([from, place]) => {
        if (typeof from?.Precision !== "object" || from.Precision === null) return [];
        return Object.keys(from.Precision)
          .filter((variable) => !known.includes(variable))
          .map((variable) => ({
            code: "HLS4ML",
            where: `${place}.Precision.${variable}`,
            what: `${kind} has no such variable`,
            hint: `its variables are ${known.join(", ")}`,
          }));
      });
  }

  /** Sections that concern a layer, the nearest first, each with its place. */
  #sections(layer: string, kind: Hls4mlClass): readonly (readonly [Section | null | undefined, string])[] {
    const { Model, LayerName, LayerType } = this.#configuration;
    const name = this.#names.get(layer.toLowerCase());
    const type = this.#types.get(kind.toLowerCase());
    return [
      [name === undefined ? undefined : LayerName?.[name], `${this.#where}: LayerName.${name}`],
      [type === undefined ? undefined : LayerType?.[type], `${this.#where}: LayerType.${type}`],
      [Model, `${this.#where}: Model`],
    ];
  }
}

function textOf(from: Section | null | undefined, key: string): string | undefined {
  const precisionOf = from?.Precision ?? undefined;
  if (typeof precisionOf === "string") return key === "default" ? precisionOf : undefined;
  return precisionOf !== undefined && Object.hasOwn(precisionOf, key) ? precisionOf[key] : undefined;
}

function lowerCased(entries: Configuration["LayerName"], where: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const name of Object.keys(entries ?? {})) {
    const known = found.get(name.toLowerCase());
    if (known !== undefined) {
      const what = `"${known}" and "${name}" differ in the case of letters alone, which hls4ml does not see`;
      throw diagnosticError("HLS4ML", where, what, "keep one of them");
    }
    found.set(name.toLowerCase(), name);
  }
  return found;
}
