/** Quantizers beyond fixed point: what one is, how it is named, and where users add their own. */
import { diagnosticError, nearestName } from "../../../isa/diagnostic.ts";

/** What a quantizer may depend on beside the values. */
export interface QuantizerContext {
  /** `weight`: a layer's weights; `output`: the values of a layer's output for one image. */
  readonly role: "weight" | "output";
  /** Of the layer. */
  readonly layer: string;
  /** 32-bit seed of the run for weights; 0 for outputs, whose quantizers draw nothing. */
  readonly seed: number;
}

/**
 * Values to values, float32. Pure: the same values and context give the same result, which has the same length and is finite
 * where the values are. It sees a whole tensor: all weights of a layer, or one image's output of a layer.
 */
export interface TensorQuantizer {
  readonly name: string;
  quantize(values: Float32Array, context: QuantizerContext): Float32Array;
}

/** One parameter behind the name, e.g. the 4 of `dorefa:4`. */
export interface QuantizerParameter {
  readonly name: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly integer: boolean;
  /** Absent for one that must be given. */
  readonly usual?: number;
}

export interface QuantizerDefinition {
  /** One line for manuals. */
  readonly description: string;
  readonly parameters: readonly QuantizerParameter[];
  /** Weights alone where the output of a layer makes no sense. */
  readonly roles: readonly QuantizerContext["role"][];
  create(parameters: readonly number[]): TensorQuantizer["quantize"];
}

/** Reads `name` or `name:parameter,parameter`. Throws `DiagnosticError` QUANTIZER. */
export function parseQuantizer(
  text: string,
  definitions: ReadonlyMap<string, QuantizerDefinition>,
  role: QuantizerContext["role"],
  where: string,
): TensorQuantizer {
  const [name = "", written] = splitName(text.trim());
  const definition = definitions.get(name);
  if (definition === undefined) {
    const nearest = nearestName(name, [...definitions.keys()]);
    const hint = nearest === undefined ? `use ${[...definitions.keys()].join(", ")}` : `did you mean ${nearest}?`;
    throw diagnosticError("QUANTIZER", where, `unknown quantizer "${name}"`, hint);
  }
  if (!definition.roles.includes(role)) {
    throw diagnosticError(
      "QUANTIZER",
      where,
      `${name} quantizes ${definition.roles.join(" and ")} alone`,
      "use another",
    );
  }
  return { name: text.trim(), quantize: definition.create(readParameters(name, definition, written, where)) };
}

function splitName(text: string): readonly [string, string | undefined] {
  const colon = text.indexOf(":");
  return colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
}

function readParameters(
  name: string,
  { parameters }: QuantizerDefinition,
  written: string | undefined,
  where: string,
): readonly number[] {
  const given = written === undefined ? [] : written.split(",");
  const usage = parameters.length === 0 ? name : `${name}:${parameters.map((parameter) => parameter.name).join(",")}`;
  if (given.length > parameters.length) {
    throw diagnosticError("QUANTIZER", where, `${name} takes ${parameters.length} parameters`, `write ${usage}`);
  }
  return parameters.map((parameter, index) => {
    const text = given[index]?.trim();
    if (text === undefined && parameter.usual !== undefined) return parameter.usual;
    const value = text === undefined || text === "" ? Number.NaN : Number(text);
    const good = value >= parameter.minimum && value <= parameter.maximum;
    if (good && (!parameter.integer || Number.isInteger(value))) return value;
    const kind = parameter.integer ? "an integer" : "a number";
    const what = `${parameter.name} is ${text ?? "missing"}, expected ${kind} from ${parameter.minimum} to ${parameter.maximum}`;
    throw diagnosticError("QUANTIZER", where, what, `write ${usage}`);
  });
}

/** The quantizer's result, checked. Throws `DiagnosticError` QUANTIZER where it breaks its contract or goes beyond float32. */
export function applyQuantizer(
  quantizer: TensorQuantizer,
  values: Float32Array,
  context: QuantizerContext,
  where: string,
): Float32Array {
  const result = quantizer.quantize(values, context);
  if (!(result instanceof Float32Array) || result.length !== values.length) {
    const what = `quantizer ${quantizer.name} gave no Float32Array of ${values.length} values`;
    throw diagnosticError("QUANTIZER", where, what, "a quantizer keeps the number of values");
  }
  const wrong = result.findIndex((value, index) => !Number.isFinite(value) && Number.isFinite(values[index]));
  if (wrong < 0) return result;
  throw diagnosticError(
    "QUANTIZER",
    where,
    `quantizer ${quantizer.name} makes ${result[wrong]} of ${values[wrong]} (element ${wrong})`,
    "the value is beyond what the quantizer holds: scale the network, or use a wider one",
  );
}
