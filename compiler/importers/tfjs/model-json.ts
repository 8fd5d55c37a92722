/** The outer structure of `model.json` as TensorFlow.js and the tensorflowjs converter write it. */
import { z } from "zod";
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { MAXIMUM_ELEMENTS } from "../../graph/shape.ts";
import { requireJson } from "../json-check.ts";

const EXPORT_HINT = "export the model again with model.save or tensorflowjs_converter";

/** One tensor of the manifest. Its bytes follow those of the entry before. */
export interface WeightEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32" | "bool";
  /** How the converter made the stored numbers smaller. */
  readonly quantization?: WeightQuantization | null | undefined;
  /** `model` or `optimizer`. */
  readonly group?: string | null | undefined;
}

/** value = stored · scale + min for the integers; float16 needs neither. */
export interface WeightQuantization {
  readonly dtype: "uint8" | "uint16" | "float16";
  readonly scale?: number | undefined;
  readonly min?: number | undefined;
}

const quantizationSchema = z.looseObject({
  dtype: z.enum(["uint8", "uint16", "float16"]),
  scale: z.number().optional(),
  min: z.number().optional(),
});

const weightSchema: z.ZodType<WeightEntry> = z.looseObject({
  name: z.string().min(1),
  shape: z.array(z.int().min(0).max(MAXIMUM_ELEMENTS)).max(8),
  dtype: z.enum(["float32", "int32", "bool"]),
  quantization: quantizationSchema.nullish(),
  group: z.string().nullish(),
});

const manifestSchema = z.array(z.looseObject({ paths: z.array(z.string()), weights: z.array(weightSchema) }));

const modelJsonSchema = z.looseObject({
  modelTopology: z.looseObject({ model_config: z.unknown().optional() }),
  weightsManifest: manifestSchema,
});

export interface ModelJson {
  /** Still unchecked; see topology.ts and graph-model/graph-json.ts. */
  readonly topology: { readonly model_config?: unknown; readonly node?: unknown };
  /** The manifest's entries, all groups in order. */
  readonly weights: readonly WeightEntry[];
  /** Paths of the shards beside `model.json`, in the order in which their bytes are joined. */
  readonly paths: readonly string[];
}

/** Whether the file says that it is a graph model, or says nothing and holds the nodes of one. */
export function isGraphModel(json: unknown): boolean {
  if (typeof json !== "object" || json === null) return false;
  if ("format" in json && typeof json.format === "string") return json.format === "graph-model";
  const topology = "modelTopology" in json ? json.modelTopology : undefined;
  return typeof topology === "object" && topology !== null && "node" in topology;
}

/** Throws `DiagnosticError` where the structure is not that of a model of TensorFlow.js, of either kind. */
export function readModelJson(json: unknown, where: string): ModelJson {
  const model = requireJson(modelJsonSchema, json, { code: "MODEL_JSON", where, hint: EXPORT_HINT });
  return {
    topology: model.modelTopology,
    weights: model.weightsManifest.flatMap(({ weights }) => weights),
    paths: model.weightsManifest.flatMap(({ paths }) => paths),
  };
}

/** As `readModelJson`; throws `DiagnosticError` for a graph model, too. */
export function readLayersModelJson(json: unknown, where: string): ModelJson {
  if (isGraphModel(json)) {
    throw diagnosticError("MODEL_JSON", where, "found a graph model, expected a layers model", EXPORT_HINT);
  }
  return readModelJson(json, where);
}

/**
 * Paths of the model's shards, relative to the folder of `model.json`, in the order in which their bytes are to be
 * joined. Throws `DiagnosticError` for a path that leads out of that folder: absolute, with `..`, or a URL.
 */
export function tfjsWeightPaths(json: unknown, where = "model.json"): readonly string[] {
  const { paths } = readModelJson(json, where);
  for (const path of paths) {
    const complaint = pathComplaint(path);
    if (complaint === undefined) continue;
    throw diagnosticError(
      "MODEL_PATH",
      `${where}, weightsManifest`,
      `the shard's path ${JSON.stringify(path)} ${complaint}, expected a file in the model's own folder`,
      "put the shards beside model.json and name them by file name",
    );
  }
  return paths;
}

function pathComplaint(path: string): string | undefined {
  if (path === "") return "is empty";
  if (/^[a-z][a-z0-9+.-]*:/i.test(path)) return "is a URL or names a drive";
  if (path.startsWith("/")) return "is absolute";
  if (path.includes("\\") || path.includes("\0")) return "holds a character that paths of a model do not have";
  const steps = path.split("/");
  if (steps.includes("..")) return "leads upwards";
  if (steps.includes("") || steps.includes(".")) return "has an empty step";
  return undefined;
}
