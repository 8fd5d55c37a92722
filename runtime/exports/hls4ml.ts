/**
 * Configuration of hls4ml: YAML with a `Precision` per layer, written and read. hls4ml has weight, bias, accum and result; what
 * else a layer here has (input, product, sum, dialects) stands under the key `Macroscope`, which hls4ml passes over.
 */
import { z } from "zod";
import type { LayerEntry, QuantizedRegisterFields, RegisterEntry } from "../../compiler/quantization/specification.ts";
import type { DatapathRegister } from "../../isa/datapath.ts";
import { type Diagnostic, DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import { nameRecordSchema } from "../../isa/name-record.ts";
import { yamlText } from "../yaml.ts";
import { layerEntry, registerFields } from "./entries.ts";
import { hls4mlType, parseHls4mlType, plainType } from "./hls4ml-type.ts";
import { verificationComment } from "./identifiers.ts";
import { lacking } from "./library-modes.ts";
import type { ExportedLayer, ExportedRegister, ExportSubject } from "./subject.ts";

/** hls4ml's variable → the register here. */
const VARIABLES = { weight: "weight", bias: "bias", accum: "accumulator", result: "output" } as const;
type Variable = keyof typeof VARIABLES;
const VARIABLE_NAMES = Object.keys(VARIABLES) as Variable[];

const COMMENT = ` Precision of every layer, written by macroscope.
 hls4ml has activations as layers of their own; result is that behind a layer's activation.
 Registers that hls4ml does not have stand under Macroscope, and only macroscope reads them. hls4ml
 multiplies exactly: where product is narrower than that, its results differ from macroscope's.
`;

/** Throws `DiagnosticError` EXPORT_MODE with every register that rounds or fits by a mode hls4ml lacks. */
export function hls4mlConfiguration({ model, verified, layers }: ExportSubject): string {
  const found: Diagnostic[] = [];
  const written = layers.map((layer) => ({ layer, ...layerPrecision(layer, found) }));
  if (found.length > 0) throw new DiagnosticError(found);
  const [first] = layers[0]?.registers ?? [];
  const configuration = {
    Model: { Precision: { default: first === undefined ? "fixed<16,6>" : plainType(first.spec) }, ReuseFactor: 1 },
    LayerName: Object.fromEntries(written.map(({ layer, precision }) => [layer.name, { Precision: precision }])),
    Macroscope: {
      schema: "macroscope/hls4ml/1",
      model,
      layers: Object.fromEntries(written.map(({ layer, rest }) => [layer.name, rest])),
    },
  };
  const comment = COMMENT.replace(/^/gm, "#").replace(/#$/, "");
  const known = verificationComment({ verified }, "#").map((line) => `${line}\n`);
  return [comment, ...known, yamlText(configuration)].join("");
}

interface LayerPrecision {
  readonly precision: Readonly<Partial<Record<Variable, string>>>;
  readonly rest: Readonly<Record<string, unknown>>;
}

function layerPrecision(layer: ExportedLayer, found: Diagnostic[]): LayerPrecision {
  const byName = new Map(layer.registers.map((register) => [register.register, register]));
  const specs = Object.fromEntries(layer.registers.map(({ register, spec }) => [register, spec]));
  const entry: Record<string, unknown> = { ...layerEntry({ ...layer, registers: specs }) };
  const precision: Partial<Record<Variable, string>> = {};
  const modes: Record<string, QuantizedRegisterFields & { readonly type: string }> = {};
  for (const variable of VARIABLE_NAMES) {
    const register = byName.get(VARIABLES[variable]);
    if (register === undefined) continue;
    const type = typeFor(layer, register, found);
    precision[variable] = type;
    if (entry[VARIABLES[variable]] === undefined) {
      modes[variable] = { type };
      continue;
    }
    delete entry[VARIABLES[variable]];
    const { format: _format, ...own } = registerFields(register.spec);
    const { weightQuantizer } = layer.options;
    const quantizer = variable === "weight" && weightQuantizer !== undefined ? { quantizer: weightQuantizer } : {};
    modes[variable] = { type, ...own, ...quantizer };
  }
  return { precision, rest: { entry, modes } };
}

function typeFor(layer: ExportedLayer, register: ExportedRegister, found: Diagnostic[]): string {
  const type = hls4mlType(register.spec);
  if (typeof type === "string") return type;
  // Where nothing is lost, or no hardware rounds, the modes do not act; Macroscope's key keeps them.
  if (!register.exact && !register.constant) found.push(lacking(layer, register, type.lacks));
  return plainType(register.spec);
}

const precisionSchema = z.union([z.string(), z.record(z.string(), z.string())]);

const modeFields = z.strictObject({
  type: z.string(),
  rounding: z.string().optional(),
  overflow: z.string().optional(),
  dialect: z.string().optional(),
  quantizer: z.string().optional(),
});

const schema = z.looseObject({
  Model: z.looseObject({ Precision: precisionSchema.optional() }).optional(),
  LayerName: nameRecordSchema(z.looseObject({ Precision: precisionSchema.optional() })).optional(),
  LayerType: z.record(z.string(), z.unknown()).optional(),
  Macroscope: z
    .looseObject({
      layers: nameRecordSchema(
        z.strictObject({ entry: z.record(z.string(), z.unknown()), modes: z.record(z.string(), modeFields) }),
      ).optional(),
    })
    .optional(),
});

/** Whether a value from YAML is such a configuration, alone or under the key `HLSConfig` of a project's file. */
export function isHls4ml(value: unknown): boolean {
  const inner = innerOf(value);
  return typeof inner === "object" && inner !== null && ("LayerName" in inner || "Model" in inner);
}

function innerOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "HLSConfig" in value ? value.HLSConfig : value;
}

/**
 * A specification, still to be checked. hls4ml multiplies exactly and rounds and fits every sum into `accum`: the product
 * register is exact. Without a type of its own a variable has the model's. Throws `DiagnosticError` HLS4ML or HLS4ML_TYPE.
 */
export function readHls4ml(value: unknown, where: string): Readonly<Record<string, unknown>> {
  const parsed = schema.safeParse(innerOf(value));
  if (!parsed.success) {
    throw new DiagnosticError(
      parsed.error.issues.map((issue) => ({
        code: "HLS4ML",
        where: `${where}: ${issue.path.map(String).join(".")}`,
        what: issue.message,
        hint: "expected Model and LayerName with a Precision each",
      })),
    );
  }
  const { Model, LayerName = {}, LayerType, Macroscope } = parsed.data;
  if (LayerType !== undefined) {
    throw diagnosticError(
      "HLS4ML",
      `${where}: LayerType`,
      "precisions by type of layer are not read",
      "write them by LayerName, e.g. config_from_keras_model with granularity name",
    );
  }
  const general = typeof Model?.Precision === "string" ? { default: Model.Precision } : (Model?.Precision ?? {});
  const usual =
    general.default === undefined ? undefined : parseHls4mlType(general.default, `${where}: Model.Precision`);
  const byDefault: LayerEntry = { datapath: "intrinsic", ...(usual && registerFields(usual)), product: "exact" };
  const layers = Object.entries(LayerName).map(([name, { Precision }]): [string, LayerEntry] => {
    const place = `${where}: LayerName.${name}.Precision`;
    const own = Macroscope?.layers?.[name];
    // A layer that was written here, and still has its variables one by one.
    const known = own !== undefined && typeof Precision === "object" && Precision.default === undefined;
    const entry = {
      ...(known ? own.entry : layerDefault(Precision, byDefault, place)),
      ...(typeof Precision === "object" ? variableEntries(Precision, known ? own.modes : {}, place) : {}),
    };
    return [name, entry];
  });
  return { default: byDefault, layers: Object.fromEntries(layers) };
}

/** A layer's own type for all its variables: a text alone, or `default`. */
function layerDefault(
  precision: string | Record<string, string> | undefined,
  usual: LayerEntry,
  where: string,
): LayerEntry {
  const text = typeof precision === "string" ? precision : precision?.default;
  if (text === undefined || text === "auto") return usual;
  return { ...usual, ...registerFields(parseHls4mlType(text, where)) };
}

function variableEntries(
  precision: Readonly<Record<string, string>>,
  modes: Readonly<Record<string, z.infer<typeof modeFields>>>,
  where: string,
): LayerEntry {
  const entries: Partial<Record<DatapathRegister, RegisterEntry>> = {};
  for (const [variable, text] of Object.entries(precision)) {
    if (variable === "default") continue;
    if (!Object.hasOwn(VARIABLES, variable)) {
      const hint = `leave it out; read are default, ${VARIABLE_NAMES.join(", ")}`;
      throw diagnosticError("HLS4ML", `${where}.${variable}`, "no register of a layer here", hint);
    }
    const register = VARIABLES[variable as Variable];
    const known = Object.hasOwn(modes, variable) ? modes[variable] : undefined;
    if (known !== undefined && known.rounding === undefined) {
      // It follows from the others: a maximum pool's result from its input.
      if (known.type === text) continue;
      const what = `found ${text}, but this layer's ${register} follows from its input: ${known.type}`;
      throw diagnosticError("HLS4ML", `${where}.${variable}`, what, "set the layer before it");
    }
    if (text === "auto" && register === "accumulator") {
      entries[register] = "exact";
      continue;
    }
    if (text === "auto") {
      const hint = "write the type that hls4ml inferred, from its printed configuration";
      throw diagnosticError("HLS4ML", `${where}.${variable}`, "auto is inferred by hls4ml alone", hint);
    }
    const fields = registerFields(parseHls4mlType(text, `${where}.${variable}`));
    const { type, quantizer, ...own } = known ?? { type: "" };
    const modesOfType = type === text ? own : {};
    const before = quantizer === undefined ? {} : { quantizer };
    entries[register] = { ...fields, ...modesOfType, ...before } as QuantizedRegisterFields;
  }
  return entries;
}
