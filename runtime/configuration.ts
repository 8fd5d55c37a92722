import { parseDocument } from "yaml";
import { z } from "zod";
import { isNetworkName } from "../compiler/networks/index.ts";
import { BATCH_NORMALIZATION_MODES, type BatchNormalizationMode } from "../compiler/prepare-graph.ts";
import { type AssignmentSpecification, parseAssignmentSpecification } from "../compiler/quantization/specification.ts";
import { DEFAULT_LIMITS, type SizeLimits } from "../compiler/size-limits.ts";
import { type Diagnostic, DiagnosticError, diagnosticError, nearestName } from "../isa/diagnostic.ts";
import { DEFAULT_MACHINE, type Machine, validMachine } from "../isa/machine.ts";
import { nameRecordSchema } from "../isa/name-record.ts";
import type { LayerRanges } from "../isa/program/datapath.ts";
import { machineSchema } from "../isa/program/program-schema.ts";
import { ENGINE_NAMES, type EngineName } from "../sim/engines.ts";
import { locatedConfiguration, type PathField } from "./configuration-paths.ts";
import { LAYOUTS, type Layout } from "./datasets/preprocessing/layout.ts";
import {
  COLOURS,
  PREPROCESSING_LIMITS,
  type Preprocessing,
  RESIZE_KERNELS,
} from "./datasets/preprocessing/preprocessing.ts";
import {
  NETWORK_RECIPES,
  type PreprocessingSpecification,
  preprocessingFrom,
} from "./datasets/preprocessing/recipes.ts";
import { readTextFile } from "./files.ts";

/** Everything that decides a run. A result holds it resolved, so that `--config result.json` repeats the run. */
export interface RunConfiguration {
  /** Bundled model, network known by name, model file or its folder, or a program file. */
  readonly model: string;
  /** File whose weights a network known by name takes; null draws them from the seed. */
  readonly weights: string | null;
  /** Bundled data set, `random:<seed>`, or a file or folder of images. */
  readonly data: string;
  /** File of labels; null takes those that come with the data. */
  readonly labels: string | null;
  /** File of the classes' names in the order of the network's outputs, for labels that are names; null for none. */
  readonly labelNames: string | null;
  /** Added to every label, e.g. 1 for networks whose class 0 is the background. */
  readonly labelOffset: number;
  /** In which order the axes of stored arrays stand. */
  readonly layout: Layout;
  readonly images: number;
  readonly seed: number;
  readonly engine: EngineName;
  /** Worker threads; no bit of a result depends on it. */
  readonly workers: number;
  /** First images for which ranges, rounding errors and layer errors are taken; null: 2, or none in a large network. */
  readonly observe: number | null;
  readonly machine: Machine;
  readonly assignment: AssignmentSpecification;
  /** Whether batch normalization goes into weights or stays a scale and shift with registers of its own. */
  readonly batchNormalization: BatchNormalizationMode;
  /** Whether the float reference computes the model's own quantizers, as its file says. */
  readonly floatQuantizers: boolean;
  readonly preprocessing: Preprocessing;
  readonly calibration: Calibration;
  /** How large network and program may be. */
  readonly limits: SizeLimits;
}

/** Where automatic fraction lengths take their ranges from: measured on the first images, or given. */
export interface Calibration {
  readonly images: number;
  readonly ranges: Readonly<Record<string, LayerRanges>> | null;
}

/** A configuration file: every field may be absent; `machine` may hold single fields of the default machine. */
export interface ConfigurationFile {
  readonly model?: string | undefined;
  readonly weights?: string | null | undefined;
  readonly data?: string | undefined;
  readonly labels?: string | null | undefined;
  readonly labelNames?: string | null | undefined;
  readonly labelOffset?: number | undefined;
  readonly layout?: Layout | undefined;
  readonly images?: number | undefined;
  readonly seed?: number | undefined;
  readonly engine?: EngineName | undefined;
  readonly workers?: number | undefined;
  readonly observe?: number | null | undefined;
  readonly machine?: Readonly<Record<string, unknown>> | undefined;
  readonly assignment?: unknown;
  readonly batchNormalization?: BatchNormalizationMode | undefined;
  readonly floatQuantizers?: boolean | undefined;
  /** Fields, or the name of a recipe. */
  readonly preprocessing?: PreprocessingSpecification | string | undefined;
  readonly calibration?:
    | { readonly images?: number | undefined; readonly ranges?: Calibration["ranges"] | undefined }
    | undefined;
  readonly limits?: { readonly [Limit in keyof SizeLimits]?: number | undefined } | undefined;
}

export const CONFIGURATION_LIMITS = { images: 100_000_000, workers: 256 } as const;

const range = { min: z.number(), max: z.number() } as const;
const registerRange = z.strictObject(range).optional();
const rangeSchema = z.strictObject({
  ...range,
  product: registerRange,
  runningSum: registerRange,
  sum: registerRange,
  biasedSum: registerRange,
});

/** A number, also as a fraction such as 1/255. */
const numberSchema = z.union([
  z.number(),
  z
    .string()
    .regex(/^[-+0-9.eE]+(\/[-+0-9.eE]+)?$/, "expected a number or a fraction such as 1/255")
    .transform((text) => fractionValue(text) ?? Number.NaN)
    .pipe(z.number()),
]);

/** The value of `1/255` or `0.5`; null for any other text. */
export function fractionValue(text: string): number | null {
  const [numerator = "", denominator = "1", ...more] = text.split("/");
  const value = Number(numerator) / Number(denominator);
  const empty = numerator.trim() === "" || denominator.trim() === "";
  return empty || more.length > 0 || !Number.isFinite(value) ? null : value;
}

const perChannelSchema = z.union([numberSchema, z.array(numberSchema).min(1).max(PREPROCESSING_LIMITS.channels)]);
const sideSchema = z.int().min(1).max(PREPROCESSING_LIMITS.side);
const sidesSchema = z.strictObject({ rows: sideSchema, columns: sideSchema });

/** How pictures become network input, as a configuration or a program's metadata says it. */
export const preprocessingSchema: z.ZodType<PreprocessingSpecification> = z.strictObject({
  recipe: z.string().optional(),
  colour: z.enum(COLOURS).optional(),
  resize: z
    .union([z.strictObject({ shorterSide: sideSchema }), sidesSchema])
    .nullable()
    .optional(),
  resizeKernel: z.enum(RESIZE_KERNELS).optional(),
  crop: sidesSchema.nullable().optional(),
  scale: z.union([z.literal("automatic"), perChannelSchema]).optional(),
  offset: perChannelSchema.optional(),
  mean: perChannelSchema.optional(),
  standardDeviation: perChannelSchema.optional(),
  inputShift: z.int().min(-PREPROCESSING_LIMITS.inputShift).max(PREPROCESSING_LIMITS.inputShift).optional(),
});

const limit = z.int().min(1);

const fileSchema: z.ZodType<ConfigurationFile> = z.strictObject({
  model: z.string().optional(),
  weights: z.string().nullable().optional(),
  data: z.string().optional(),
  labels: z.string().nullable().optional(),
  labelNames: z.string().nullable().optional(),
  labelOffset: z
    .int()
    .min(-(2 ** 31))
    .max(2 ** 31 - 1)
    .optional(),
  layout: z.enum(LAYOUTS).optional(),
  images: z.int().min(1).max(CONFIGURATION_LIMITS.images).optional(),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .optional(),
  engine: z.enum(ENGINE_NAMES).optional(),
  workers: z.int().min(1).max(CONFIGURATION_LIMITS.workers).optional(),
  observe: z.int().min(0).max(CONFIGURATION_LIMITS.images).nullable().optional(),
  machine: nameRecordSchema(z.unknown()).optional(),
  assignment: z.unknown().optional(),
  batchNormalization: z.enum(BATCH_NORMALIZATION_MODES).optional(),
  floatQuantizers: z.boolean().optional(),
  preprocessing: z.union([z.string(), preprocessingSchema]).optional(),
  calibration: z
    .strictObject({
      images: z.int().min(1).max(CONFIGURATION_LIMITS.images).optional(),
      ranges: nameRecordSchema(rangeSchema).nullable().optional(),
    })
    .optional(),
  limits: z.strictObject({ words: limit, macs: limit, instructions: limit }).partial().optional(),
});

/** Names of the fields, those of nested ones below them. */
const FIELDS: Readonly<Record<keyof ConfigurationFile, unknown>> = {
  model: null,
  weights: null,
  data: null,
  labels: null,
  labelNames: null,
  labelOffset: null,
  layout: null,
  images: null,
  seed: null,
  engine: null,
  workers: null,
  observe: null,
  machine: null,
  assignment: null,
  batchNormalization: null,
  floatQuantizers: null,
  preprocessing: {
    recipe: null,
    colour: null,
    resize: { shorterSide: null, rows: null, columns: null },
    resizeKernel: null,
    crop: { rows: null, columns: null },
    scale: null,
    offset: null,
    mean: null,
    standardDeviation: null,
    inputShift: null,
  },
  calibration: { images: null, ranges: null },
  limits: { words: null, macs: null, instructions: null },
};

/** Largest configuration or machine file that is read, 16 MiB. */
const FILE_LIMIT = 2 ** 24;

/** A YAML or JSON file as plain data. Aliases are limited, nothing is evaluated. */
export async function readYaml(path: string): Promise<unknown> {
  return parseYaml(await readTextFile(path, FILE_LIMIT), path);
}

const USUAL_HINT = "write YAML 1.2 or JSON";

/** YAML or JSON text as plain data; `DiagnosticError` YAML for anything else. */
export function parseYaml(text: string, where: string): unknown {
  let document: ReturnType<typeof parseDocument>;
  let value: unknown;
  try {
    document = parseDocument(text, { prettyErrors: true, logLevel: "error" });
    if (document.errors.length === 0) value = document.toJS({ maxAliasCount: 100 });
  } catch (failure) {
    // Nested too deeply for the parser's stack, or too many aliases.
    const what = failure instanceof Error ? failure.message : String(failure);
    throw diagnosticError("YAML", where, what, "write YAML 1.2 or JSON, less deeply nested and with few aliases");
  }
  const [error] = document.errors;
  if (error === undefined) return value;
  const what = error.message.split("\n")[0]?.replace(/:$/, "") ?? error.message;
  const hint =
    error.code === "DUPLICATE_KEY" ? 'write each key once, and formats in quotation marks: "8,4"' : USUAL_HINT;
  throw diagnosticError("YAML", where, what, hint);
}

/**
 * Reads `--config`: a configuration, or a result of `run`, `sweep` or `bits`, whose own configuration is taken. Relative paths in it
 * start at its folder and are returned as they stand from the current one. A path that leads nowhere is a diagnostic, unless the
 * field is among the `overruled`.
 */
export async function readConfiguration(
  path: string,
  overruled: readonly PathField[] = [],
): Promise<ConfigurationFile> {
  const value = await readYaml(path);
  const inner =
    typeof value === "object" && value !== null && "schema" in value && "configuration" in value
      ? value.configuration
      : value;
  return locatedConfiguration(configurationFrom(inner ?? {}, path), path, overruled);
}

/** Checks the structure of a configuration that was read. Throws `DiagnosticError` CONFIGURATION. */
export function configurationFrom(value: unknown, path: string): ConfigurationFile {
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new DiagnosticError(
    parsed.error.issues.map((issue) => structureDiagnostic(issue, path, "CONFIGURATION", fieldsAt(FIELDS, issue.path))),
  );
}

/** A problem of a file's structure; `fields` are the names that may stand where an unknown key was found. */
function structureDiagnostic(
  issue: z.core.$ZodIssue,
  where: string,
  code: string,
  fields: readonly string[],
): Diagnostic {
  const field = issue.path.map(String).join(".");
  const place = field === "" ? where : `${where}: ${field}`;
  if (issue.code !== "unrecognized_keys") {
    return { code, where: place, what: issue.message, hint: "give a value of the kind that is expected there" };
  }
  const nearest = nearestName(issue.keys[0] ?? "", fields);
  return {
    code,
    where: place,
    what: `unknown key ${issue.keys.map((key) => `"${key}"`).join(", ")}`,
    hint: nearest === undefined ? `the keys are ${fields.join(", ")}` : `did you mean "${nearest}"?`,
  };
}

/** Names of the fields of a plain value at a path, for hints. */
function fieldsAt(value: unknown, path: readonly PropertyKey[]): readonly string[] {
  const [key, ...rest] = path;
  if (typeof value !== "object" || value === null) return [];
  return key === undefined ? Object.keys(value) : fieldsAt((value as Record<PropertyKey, unknown>)[key], rest);
}

/** What a machine file may hold. */
export const MACHINE_HINT: string = `write e.g. { rows: 8, columns: 32 }; the fields are ${Object.keys(DEFAULT_MACHINE).join(", ")}`;

/** Lays single fields over the default machine (memories field by field) and checks the whole. */
export function machineFrom(fields: unknown, where: string): Machine {
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    throw diagnosticError("MACHINE", where, "expected the fields of a machine", MACHINE_HINT);
  }
  const defaults = new Map<string, unknown>(Object.entries(DEFAULT_MACHINE));
  const merged = new Map(defaults);
  for (const [key, value] of Object.entries(fields)) {
    const base = defaults.get(key);
    const nested = typeof base === "object" && base !== null && typeof value === "object" && value !== null;
    merged.set(key, nested ? { ...base, ...value } : value);
  }
  const parsed = machineSchema.safeParse(Object.fromEntries(merged));
  if (!parsed.success) {
    throw new DiagnosticError(
      parsed.error.issues.map((issue) =>
        structureDiagnostic(issue, where, "MACHINE", fieldsAt(DEFAULT_MACHINE, issue.path)),
      ),
    );
  }
  return validMachine(parsed.data, where);
}

/** What diagnostics call the parts of a configuration: the files or flags they came from. */
export interface ConfigurationPlaces {
  readonly machine?: string;
  readonly assignment?: string;
  readonly preprocessing?: string;
}

/** A recipe's name stands for the specification of nothing else. */
export function specificationOf(written: ConfigurationFile["preprocessing"]): PreprocessingSpecification {
  return typeof written === "string" ? { recipe: written } : (written ?? {});
}

/** A network known by name has a recipe of its own, over which the file's fields win. */
function preprocessingOf(model: string, { preprocessing }: ConfigurationFile): PreprocessingSpecification {
  const own = isNetworkName(model) ? { recipe: NETWORK_RECIPES[model] } : {};
  return { ...own, ...specificationOf(preprocessing) };
}

/** Fills what file and flags left open with defaults. */
export function resolveConfiguration(file: ConfigurationFile, places: ConfigurationPlaces = {}): RunConfiguration {
  const model = file.model ?? "lenet5";
  const seed = file.seed ?? 1;
  const data = file.data ?? (isNetworkName(model) ? `random:${seed}` : "mnist-test");
  // One drawn image shows as much as many.
  const drawn = data.startsWith("random:");
  return {
    model,
    weights: file.weights ?? null,
    data,
    labels: file.labels ?? null,
    labelNames: file.labelNames ?? null,
    labelOffset: file.labelOffset ?? 0,
    layout: file.layout ?? "automatic",
    images: file.images ?? (drawn ? 1 : 1000),
    seed,
    engine: file.engine ?? "fast",
    workers: file.workers ?? 1,
    observe: file.observe ?? null,
    machine: machineFrom(file.machine ?? {}, places.machine ?? "machine"),
    assignment: parseAssignmentSpecification(
      file.assignment ?? { default: { datapath: "intrinsic", format: "16,8", rounding: "nearest" } },
      places.assignment ?? "assignment",
    ),
    batchNormalization: file.batchNormalization ?? "fold",
    floatQuantizers: file.floatQuantizers ?? true,
    preprocessing: preprocessingFrom(preprocessingOf(model, file), places.preprocessing),
    calibration: { images: file.calibration?.images ?? (drawn ? 1 : 100), ranges: file.calibration?.ranges ?? null },
    limits: sizeLimits(file.limits ?? {}),
  };
}

function sizeLimits({ words, macs, instructions }: NonNullable<ConfigurationFile["limits"]>): SizeLimits {
  return {
    words: words ?? DEFAULT_LIMITS.words,
    macs: macs ?? DEFAULT_LIMITS.macs,
    instructions: instructions ?? DEFAULT_LIMITS.instructions,
  };
}
