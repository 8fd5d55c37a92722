/**
 * The word lengths of a network as a user writes them: a default and entries by layer name or pattern, each a preset
 * with its format and single registers that differ from it. Plain data, from YAML, JSON or flags.
 */
import { z } from "zod";
import { type Diagnostic, DiagnosticError, formatDiagnostic, nearestName } from "../../isa/diagnostic.ts";
import { nameRecord, nameRecordSchema } from "../../isa/name-record.ts";
import { FORMAT_LIMITS } from "../../isa/numerics/format.ts";
import { DIALECTS, type Dialect } from "../../isa/numerics/overflow.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../isa/numerics/rounding.ts";
import { BIAS_ORDERS, type BiasOrder, DATAPATH_REGISTERS } from "../../isa/program/datapath.ts";
import { withOwnFormat } from "./format-notations.ts";

/** `intrinsic`, `tensorquant`, `wide`, `wide:N`, `extrinsic` or `float`; see design, "The machine". A layer of the last is not quantized. */
export const PRESET_NAMES = ["intrinsic", "tensorquant", "wide", "extrinsic", "float"] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** The fields of a register that differ from the preset's. `format` is `W,F`, `uW,F`, `W,auto`, `exact` or another tool's notation. */
export interface RegisterFields {
  readonly format?: string | undefined;
  readonly rounding?: RoundingMode | undefined;
  /** With `:N` where the mode takes it. */
  readonly overflow?: string | undefined;
  readonly dialect?: Dialect | undefined;
}

/** A register's format alone, or its fields. */
export type RegisterEntry = string | RegisterFields;

/** A register before which the values go through a quantizer that is none of fixed point, e.g. `ternary` or `dorefa:4`. */
export interface QuantizedRegisterFields extends RegisterFields {
  readonly quantizer?: string | undefined;
}

export type QuantizedRegisterEntry = string | QuantizedRegisterFields;

/** The weights of a layer. */
export interface WeightFields extends QuantizedRegisterFields {
  /**
   * Whether each filter has a binary point of its own: true takes it from the filter's weights (`format` is `W,auto`), a list
   * gives the fraction length of every filter. Where nothing is said, automatic formats do it where it helps; false never.
   */
  readonly perFilter?: boolean | readonly number[] | undefined;
}

export type WeightEntry = string | WeightFields;

/** What a user says of the layers that a name or pattern selects. Absent fields come from the default. */
export interface LayerEntry extends RegisterFields {
  /** `intrinsic` where nothing is said. */
  readonly datapath?: string | undefined;
  readonly input?: RegisterEntry | undefined;
  /** Its quantizer takes the whole tensor, before everything else. */
  readonly weight?: WeightEntry | undefined;
  readonly product?: RegisterEntry | undefined;
  readonly accumulator?: RegisterEntry | undefined;
  readonly sum?: RegisterEntry | undefined;
  readonly bias?: RegisterEntry | undefined;
  /** A quantizer only where the datapath is extrinsic; with a format beside it the register comes behind it. */
  readonly output?: QuantizedRegisterEntry | undefined;
  /** `first`: the accumulator starts with the bias instead of taking it last. */
  readonly biasOrder?: BiasOrder | undefined;
  /** false: the network's input is taken as it is, in an explicit format. */
  readonly quantizeInput?: boolean | undefined;
  /** false: biases keep their exact float32 values. */
  readonly quantizeBias?: boolean | undefined;
  /** Whether average pools divide by the whole window; the model decides where nothing is said. */
  readonly avgPoolCountPadding?: boolean | undefined;
  /** Average pools quantize the exact quotient instead of multiplying with a 16-bit reciprocal. */
  readonly averageDivider?: boolean | undefined;
  /** A function's look-up table has at most 2^lookupBits entries, 1 to 20; 12 where nothing is said. */
  readonly lookupBits?: number | undefined;
  /** Whether values lie on the line between two entries where the table has not one for every word; true where nothing is said. */
  readonly interpolate?: boolean | undefined;
  /** Least and greatest value that a function's table stands for; words beyond read its ends. Measured or proven where nothing is said. */
  readonly tableRange?: readonly [number, number] | undefined;
  /** Bits of headroom that automatic formats leave above the range. */
  readonly marginBits?: number | undefined;
}

/** What an assignment that was searched for showed on images that the search did not see. No word depends on it. */
export interface Verification {
  /** Kind of the target, e.g. `relative`. */
  readonly target: string;
  readonly wanted: number;
  /** Null where there is no number, e.g. the SQNR of no error. */
  readonly found: number | null;
  readonly kept: boolean;
  readonly images: number;
  readonly data: string;
}

/**
 * Which channels are equalized (compiler/equalization/equalize-channels.ts): `automatic`, also where nothing is said: those of automatic
 * output formats that would have next to no words; `all`: every one that gains; `none`; or by layer the exponents that were chosen.
 */
export const EQUALIZE_MODES = ["automatic", "all", "none"] as const;
export type EqualizeMode = (typeof EQUALIZE_MODES)[number];

/** The whole of it. `layers` maps names and patterns to entries. */
export interface AssignmentSpecification {
  readonly verified?: Verification | undefined;
  /** Measuring decides what the two modes mean: for a compiler alone they are `none`. */
  readonly equalize?: EqualizeMode | Readonly<Record<string, readonly number[]>> | undefined;
  readonly default?: LayerEntry | undefined;
  readonly layers?: Readonly<Record<string, LayerEntry>> | undefined;
}

/** The exponents that an assignment holds; null where measuring decides. `none` holds no layer. */
export function givenExponents({
  equalize,
}: AssignmentSpecification): Readonly<Record<string, readonly number[]>> | null {
  if (equalize === "none") return nameRecord<readonly number[]>();
  return equalize === undefined || typeof equalize === "string" ? null : equalize;
}

/** Bounds what a file's list may hold. */
export const MOST_FILTERS: number = 2 ** 20;

const registerFields = {
  format: z.string().optional(),
  rounding: z.enum(Object.keys(ROUNDING_MODES) as RoundingMode[]).optional(),
  overflow: z.string().optional(),
  dialect: z.enum(Object.keys(DIALECTS) as Dialect[]).optional(),
} as const;

const registerEntry = z.union([z.string(), z.strictObject(registerFields)]).optional();

const quantizedEntry = z
  .union([z.string(), z.strictObject({ ...registerFields, quantizer: z.string().optional() })])
  .optional();

const fractionLength = z.int().min(FORMAT_LIMITS.minFractionLength).max(FORMAT_LIMITS.maxFractionLength);

const weightEntry = z
  .union([
    z.string(),
    z.strictObject({
      ...registerFields,
      quantizer: z.string().optional(),
      perFilter: z.union([z.boolean(), z.array(fractionLength).min(1).max(MOST_FILTERS)]).optional(),
    }),
  ])
  .optional();

const DATAPATH_TEXT = /^(intrinsic|tensorquant|extrinsic|float|wide(:([1-9]|[1-5][0-9]|6[0-4]))?)$/;

const entryFields = {
  ...registerFields,
  datapath: z
    .string()
    .regex(DATAPATH_TEXT, "expected intrinsic, tensorquant, wide, wide:N (N 1 to 64), extrinsic or float")
    .optional(),
  input: registerEntry,
  weight: weightEntry,
  product: registerEntry,
  accumulator: registerEntry,
  sum: registerEntry,
  bias: registerEntry,
  output: quantizedEntry,
  biasOrder: z.enum(BIAS_ORDERS).optional(),
  quantizeInput: z.boolean().optional(),
  quantizeBias: z.boolean().optional(),
  avgPoolCountPadding: z.boolean().optional(),
  averageDivider: z.boolean().optional(),
  lookupBits: z.number().int().min(1).max(20).optional(),
  interpolate: z.boolean().optional(),
  tableRange: z
    .tuple([z.number(), z.number()])
    .refine(([low, high]) => low <= high, "expected two numbers, the smaller one first")
    .readonly()
    .optional(),
  marginBits: z.number().int().min(0).max(64).optional(),
} as const;

const layerEntry: z.ZodType<LayerEntry> = z.strictObject(entryFields);

export const verificationSchema: z.ZodType<Verification> = z.strictObject({
  target: z.string().max(100),
  wanted: z.number(),
  found: z.number().nullable(),
  kept: z.boolean(),
  images: z.int().min(0),
  data: z.string().max(10_000),
});

/** Largest exponent of a channel on either side. */
const MOST_EXPONENT = 126;

export const equalizeSchema: z.ZodType<Exclude<AssignmentSpecification["equalize"], undefined>> = z.union([
  z.enum(EQUALIZE_MODES),
  nameRecordSchema(z.array(z.int().min(-MOST_EXPONENT).max(MOST_EXPONENT)).min(1).max(MOST_FILTERS)),
]);

const specification: z.ZodType<AssignmentSpecification> = z.strictObject({
  verified: verificationSchema.optional(),
  equalize: equalizeSchema.optional(),
  default: layerEntry.optional(),
  layers: nameRecordSchema(layerEntry).optional(),
});

const KNOWN_KEYS = ["default", "layers", "verified", "equalize", ...Object.keys(entryFields)];

/**
 * Checks the structure of a specification and writes formats of other tools as `W,F`; other texts inside it are read by
 * `resolveAssignment`. Throws `DiagnosticError` ASSIGNMENT or FORMAT.
 */
export function parseAssignmentSpecification(value: unknown, where: string): AssignmentSpecification {
  const result = specification.safeParse(value);
  if (!result.success) {
    const found = result.error.issues.map(
      (issue) => splitFormat(value, issue.path, where) ?? structureDiagnostic(issue, where),
    );
    // Both halves of a format that was torn apart are wrong.
    throw new DiagnosticError([...new Map(found.map((each) => [formatDiagnostic(each), each])).values()]);
  }
  const { verified, equalize, default: all, layers } = result.data;
  return {
    ...(verified === undefined ? {} : { verified }),
    ...(equalize === undefined ? {} : { equalize }),
    ...(all === undefined ? {} : { default: ownFormats(all, `${where}: default`) }),
    ...(layers === undefined
      ? {}
      : {
          layers: nameRecord(
            Object.entries(layers).map(([name, entry]) => [name, ownFormats(entry, `${where}: layer "${name}"`)]),
          ),
        }),
  };
}

/** The entry with every format that another tool would write turned into this one's, and its modes beside it. */
function ownFormats(entry: LayerEntry, where: string): LayerEntry {
  const registers = DATAPATH_REGISTERS.flatMap((name) => {
    const written = name === "scale" ? undefined : entry[name];
    if (written === undefined) return [];
    const { format, ...modes } = withOwnFormat(typeof written === "string" ? { format: written } : written, where);
    const alone = typeof written === "string" && Object.keys(modes).length === 0;
    return [[name, alone ? format : { ...(format === undefined ? {} : { format }), ...modes }] as const];
  });
  return { ...withOwnFormat(entry, where), ...Object.fromEntries(registers) };
}

function structureDiagnostic(issue: z.core.$ZodIssue, where: string): Diagnostic {
  const path = issue.path.map(String).join(".");
  const place = path === "" ? where : `${where}: ${path}`;
  if (issue.code === "unrecognized_keys") {
    const nearest = nearestName(issue.keys[0] ?? "", KNOWN_KEYS);
    return {
      code: "ASSIGNMENT",
      where: place,
      what: `unknown key ${issue.keys.map((key) => `"${key}"`).join(", ")}`,
      hint: nearest === undefined ? `the keys are ${KNOWN_KEYS.join(", ")}` : `did you mean "${nearest}"?`,
    };
  }
  const hint =
    issue.code === "invalid_union"
      ? 'write a format such as "16,8", or { format, rounding, overflow, dialect } with the names of the tables'
      : "`macroscope run --help` shows an example";
  return { code: "ASSIGNMENT", where: place, what: issue.message, hint };
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Record<PropertyKey, unknown>)[key];
  }
  return found;
}

/** In braces YAML ends a value at a comma: `{ format: 8,4 }` is a format 8 and a key 4. The line to write, where it is clear. */
function splitFormat(value: unknown, path: readonly PropertyKey[], where: string): Diagnostic | undefined {
  const [found, around] = [valueAt(value, path), valueAt(value, path.slice(0, -1))];
  const isFormat = ["format", ...DATAPATH_REGISTERS].includes(String(path.at(-1)));
  const entry = isObject(found) ? found : isFormat && isObject(around) ? around : {};
  const place = (keys: readonly PropertyKey[]): string =>
    [where, keys.map(String).join(".")].filter(Boolean).join(": ");
  const own = place(isObject(found) ? path : path.slice(0, -1));
  const fractions = Object.keys(entry).filter((key) => entry[key] === null && /^(-?[0-9]+|auto)$/.test(key));
  const lengths = Object.keys(entry).filter((key) => /^u?[0-9]+$/.test(String(entry[key])));
  const [fraction] = fractions;
  if (fraction !== undefined) {
    const [name = "weight"] = lengths;
    const clear = fractions.length === 1 && lengths.length === 1;
    const what = `in braces a comma ends a value: "${fraction}" became a key`;
    const line = clear ? `${name}: "${entry[name]},${fraction}"` : 'weight: "8,4", bias: "8,4"';
    return { code: "ASSIGNMENT", where: own, what, hint: `write formats in quotation marks: { ${line} }` };
  }
  if (!isFormat || typeof found !== "number") return undefined;
  const hint = `write W,F in quotation marks, e.g. "${Number.isInteger(found) ? `${found},4` : String(found).replace(".", ",")}"`;
  return { code: "ASSIGNMENT", where: place(path), what: `found the number ${found}, expected a format`, hint };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
