/** Every register of one layer, from its entry, its preset and what its producers yield. */

import { type Diagnostic, DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, formatsEqual } from "../../isa/numerics/format.ts";
import { productFormat, sumFormat } from "../../isa/numerics/growth.ts";
import type { OverflowMode } from "../../isa/numerics/overflow.ts";
import { type RegisterSpec, validateRegister } from "../../isa/numerics/register.ts";
import {
  type CalibratedRange,
  DATAPATH_REGISTERS,
  type DatapathRegister,
  type DatapathSpec,
} from "../../isa/program/datapath.ts";
import { automaticFormat, isAutomatic, parseWrittenFormat, rangeOf } from "./automatic-format.ts";
import { exactFormat } from "./exact-bias.ts";
import { behindScale, filterFractionLengths, filterPoints, type PlainDatapath } from "./filter-points.ts";
import { integerDatapath, integerOutput, integerPoolDatapath, requantizeDatapath } from "./integer-datapath.ts";
import type { LayerContext } from "./layer-context.ts";
import type { ArithmeticKind, LayerFacts } from "./layer-facts.ts";
import { exactAccumulator, exactPoolAccumulator, exactProduct, type PresetContext } from "./presets.ts";
import { type FormatRules, type RegisterStyle, readRegister, readStyle, USUAL_STYLE } from "./read-register.ts";
import { slopesRegister } from "./slopes-register.ts";
import {
  fromRange,
  hasSumRegister,
  innerRules,
  innerWord,
  margin,
  mostFractionBits,
  presetOf,
  wordFormat,
  writtenWeight,
} from "./word-format.ts";

/** Choices of a layer that are not a register. */
export interface LayerOptions {
  /** The user gave an input register: every operand is quantized into it on loading. Else operands keep their formats. */
  readonly explicitInput: boolean;
  /** What an average pool divides by, where the user overrules the model. */
  readonly countPadding: boolean | undefined;
  /** A function's table has up to 2^lookupBits entries. */
  readonly lookupBits: number;
  /** Values lie on the line between two entries, where the table has not one for every word. */
  readonly interpolate: boolean;
  /** Values that the table stands for: the user's, else those that were measured; null where nobody knows them. */
  readonly tableRange: CalibratedRange | null;
}

/** 4,096 entries. */
export const DEFAULT_LOOKUP_BITS = 12;

/** Registers that an entry can name; multipliers of a requantization keep the format they come with. */
const NAMED_REGISTERS = DATAPATH_REGISTERS.filter((name) => name !== "scale");

/** Registers that a user can set, by what the layer computes. */
const REGISTERS: Readonly<Record<ArithmeticKind, readonly DatapathRegister[]>> = {
  matrix: NAMED_REGISTERS,
  averagePool: ["input", "accumulator", "output"],
  maximumPool: ["input"],
  vector: ["input", "output"],
  product: ["input", "output"],
  lookup: ["input", "output"],
  integer: ["input", "weight", "product", "accumulator", "output"],
  integerPool: ["input", "accumulator", "output"],
  requantize: ["input", "output"],
};

/** Registers that an integer layer has beside those that a user can set. */
const INTEGER_REGISTERS: readonly DatapathRegister[] = ["scale", "accumulator"];

/** Throws `DiagnosticError` with what is wrong in the layer's entry. */
export function resolveLayer(context: LayerContext): {
  readonly datapath: DatapathSpec;
  readonly options: LayerOptions;
} {
  const { layer, where, entry } = context;
  if (entry.datapath === "extrinsic" || entry.datapath === "float") {
    throw diagnosticError(
      "EXTRINSIC",
      where,
      `its datapath is ${entry.datapath}: no program can be made of what is computed in float`,
      "use intrinsic, tensorquant or wide; `macroscope run` takes a network that is computed in float in parts",
    );
  }
  if (typeof entry.output === "object" && entry.output.quantizer !== undefined) {
    throw diagnosticError(
      "QUANTIZER",
      `${where}: output`,
      `${entry.output.quantizer}: an output register of the machine is fixed point`,
      "use datapath extrinsic for the layer, or give the output a format",
    );
  }
  checkNamedRegisters(context);
  const datapath = DATAPATHS[layer.arithmetic](context);
  const found = registerDiagnostics(datapath, layer, where);
  if (found.length > 0) throw new DiagnosticError(found);
  const options = {
    explicitInput: entry.input !== undefined,
    countPadding: entry.avgPoolCountPadding,
    lookupBits: entry.lookupBits ?? DEFAULT_LOOKUP_BITS,
    interpolate: entry.interpolate ?? true,
    tableRange: tableRange(context, datapath),
  };
  return { datapath, options };
}

/** The range measured at a table's input, with room for values that no image of the calibration had. */
function tableRange({ layer, entry, knownRanges }: LayerContext, { input }: DatapathSpec): CalibratedRange | null {
  if (layer.arithmetic !== "lookup") return null;
  if (entry.tableRange !== undefined) return { min: entry.tableRange[0], max: entry.tableRange[1] };
  // A table with an entry for every word needs no range.
  if (input.format.wordLength <= (entry.lookupBits ?? DEFAULT_LOOKUP_BITS)) return null;
  const range = knownRanges(layer.producers[0] ?? "");
  return range === undefined ? null : roomAround(range);
}

/** An eighth of the range on either side; a side that keeps clear of 0 keeps half of its distance: a pole may lie there. */
function roomAround({ min, max }: CalibratedRange): CalibratedRange {
  const room = (max - min) / 8;
  return {
    min: min > 0 ? Math.max(min - room, min / 2) : min - room,
    max: max < 0 ? Math.min(max + room, max / 2) : max + room,
  };
}

/** The output register alone; the layer's other registers are not looked at. */
export function resolveOutputRegister(context: LayerContext): RegisterSpec {
  if (context.layer.requantization !== null) return integerOutput(context, () => inputRegister(context));
  const { arithmetic } = context.layer;
  const rules: FormatRules = {
    ...(arithmetic === "vector" && { exact: () => operandsFormat(context) }),
    automatic: (written) => fromRange(context, written, context.layer.name, `${context.where}: output`),
  };
  const { entry, where } = context;
  return readRegister(entry.output, layerStyle(context), () => wordFormat(context), rules, `${where}: output`);
}

/** A format that holds the words of every operand as they come. */
function operandsFormat(context: LayerContext): FixedPointFormat {
  const input = inputRegister(context);
  const [first = input.format, ...others] =
    context.entry.input === undefined
      ? context.producerOutputs.map((produced) => produced?.format ?? input.format)
      : [input.format];
  return others.reduce((held, format) => {
    if (formatsEqual(held, format)) return held;
    const grown = sumFormat(held, format);
    return { ...grown, wordLength: grown.wordLength - 1 };
  }, first);
}

const DATAPATHS: Readonly<Record<ArithmeticKind, (context: LayerContext) => DatapathSpec>> = {
  matrix: matrixDatapath,
  averagePool: averagePoolDatapath,
  maximumPool: (context) => unusedAround(context, inputRegister(context), inputRegister(context)),
  vector: (context) => {
    const { slopes } = context.layer;
    const datapath = unusedAround(context, inputRegister(context), resolveOutputRegister(context));
    return slopes === null ? datapath : { ...datapath, scale: slopesRegister(slopes) };
  },
  product: productDatapath,
  lookup: (context) => unusedAround(context, inputRegister(context), resolveOutputRegister(context)),
  integer: (context) => integerDatapath(context, inputRegister(context)),
  integerPool: (context) => integerPoolDatapath(context, inputRegister(context)),
  requantize: (context) => requantizeDatapath(context, inputRegister(context)),
};

function matrixDatapath(context: LayerContext): DatapathSpec {
  const { layer, where, entry } = context;
  const style = layerStyle(context);
  const input = inputRegister(context);
  const output = resolveOutputRegister(context);
  const preset = presetOf(entry);
  const single = weightRegister(context, input);
  const withPoint = (fractionLength: number): PlainDatapath => {
    const weight = { ...single, format: { ...single.format, fractionLength } };
    return { input, weight, ...summingRegisters(context, input, weight), output };
  };
  const lengths = filterFractionLengths(context, withPoint);
  const points = lengths && filterPoints(lengths);
  const { weight, product, accumulator } = withPoint(lengths ? Math.min(...lengths) : single.format.fractionLength);
  const presetContext = presetContextOf(context, input.format, weight.format);
  const sum = hasSumRegister(entry)
    ? readRegister(entry.sum, style, () => innerWord(context, "sum"), innerRules(context, "sum"), `${where}: sum`)
    : undefined;
  const bias = constantRegister(context, "bias", layer.bias, style, () => {
    if (layer.bias === null) return accumulator.format;
    if (entry.quantizeBias === false) return exactFormat(layer.bias, `${where}: bias`);
    if (points) return behindScale(accumulator.format, points, layer.bias);
    return preset.bias.format(presetContext, accumulator.format);
  });
  const averageDivider = entry.averageDivider === true;
  const order = entry.biasOrder === "first" && layer.bias !== null ? ({ biasOrder: "first" } as const) : {};
  if (points && "biasOrder" in order) {
    const what = "weights with a binary point per filter are aligned behind the sum, where the bias then is added";
    throw diagnosticError(
      "BIAS_ORDER",
      `${where}: biasOrder`,
      what,
      "set weight: { perFilter: false }, or add the bias last",
    );
  }
  return {
    input,
    weight,
    product,
    accumulator,
    ...(sum && { sum }),
    ...points,
    bias,
    output,
    ...order,
    averageDivider,
  };
}

function summingRegisters(
  context: LayerContext,
  input: RegisterSpec,
  weight: RegisterSpec,
): Pick<DatapathSpec, "product" | "accumulator"> {
  const { where, entry } = context;
  const preset = presetOf(entry);
  const presetContext = presetContextOf(context, input.format, weight.format);
  const read = (
    name: "product" | "accumulator",
    format: () => FixedPointFormat,
    exact: () => FixedPointFormat,
  ): RegisterSpec => {
    const style = styleWith(context, preset[name].overflow);
    return readRegister(entry[name], style, format, { ...innerRules(context, name), exact }, `${where}: ${name}`);
  };
  const product = read(
    "product",
    () => preset.product.format(presetContext, input.format),
    () => exactProduct(presetContext),
  );
  const accumulator = read(
    "accumulator",
    () => preset.accumulator.format(presetContext, product.format),
    () => exactAccumulator(presetContext, product.format),
  );
  return { product, accumulator };
}

/**
 * The weight register. Where the accumulator's binary point follows from the weights' and theirs is automatic, they give up the
 * fraction bits that would leave the accumulator too few integer bits for its sums and the bias.
 */
function weightRegister(context: LayerContext, input: RegisterSpec): RegisterSpec {
  const { layer } = context;
  const usual = (): FixedPointFormat => wordFormat(context, layer.weights);
  const weight = constantRegister(context, "weight", layer.weights, layerStyle(context), usual);
  if (!isAutomatic(writtenWeight(context))) return weight;
  const shorter = (bits: number): RegisterSpec => ({
    ...weight,
    format: { ...weight.format, fractionLength: weight.format.fractionLength - bits },
  });
  const { format } = summingRegisters(context, input, weight).accumulator;
  const follows =
    summingRegisters(context, input, shorter(1)).accumulator.format.fractionLength < format.fractionLength;
  const missing = format.fractionLength - mostFractionBits(context, format);
  return follows && missing > 0 ? shorter(missing) : weight;
}

function averagePoolDatapath(context: LayerContext): DatapathSpec {
  const { where, entry } = context;
  const input = inputRegister(context);
  const presetContext = presetContextOf(context, input.format, input.format);
  const { poolAccumulator } = presetOf(entry);
  const accumulator = readRegister(
    entry.accumulator,
    styleWith(context, poolAccumulator.overflow),
    () => poolAccumulator.format(presetContext, input.format),
    { ...innerRules(context, "accumulator"), exact: () => exactPoolAccumulator(presetContext, input.format) },
    `${where}: accumulator`,
  );
  return { ...unusedAround(context, input, resolveOutputRegister(context)), accumulator };
}

/** The exact product of two operands stands before the output. */
function productDatapath(context: LayerContext): DatapathSpec {
  const input = inputRegister(context);
  const explicit = context.entry.input !== undefined;
  const [a, b] = context.layer.producers.map((_, index) =>
    explicit ? input.format : (context.producerOutputs[index]?.format ?? input.format),
  );
  const format = productFormat(a ?? input.format, b ?? a ?? input.format);
  return {
    ...unusedAround(context, input, resolveOutputRegister(context)),
    accumulator: { format, ...USUAL_STYLE },
  };
}

/** A datapath of which only input and output exist; the accumulator holds every value before the output, exactly. */
function unusedAround(context: LayerContext, input: RegisterSpec, output: RegisterSpec): DatapathSpec {
  const operands = context.entry.input === undefined ? context.producerOutputs : [];
  const format = operands.reduce(
    (sum, operand) => (operand === undefined ? sum : sumFormat(sum, operand.format)),
    input.format,
  );
  const averageDivider = context.entry.averageDivider === true;
  const accumulator = { format, ...USUAL_STYLE };
  return { input, weight: input, product: input, accumulator, bias: input, output, averageDivider };
}

/** Explicit, else the producer's output format, else (the network's input) the layer's own word. */
function inputRegister(context: LayerContext): RegisterSpec {
  const { layer, entry, where, producerOutputs } = context;
  const place = `${where}: input`;
  const [produced] = producerOutputs;
  const explicit = typeof entry.input === "string" ? entry.input : entry.input?.format;
  const automatic = explicit !== undefined && isAutomatic(parseWrittenFormat(explicit, place));
  if (entry.quantizeInput === false && produced === undefined && (explicit === undefined || automatic)) {
    throw diagnosticError(
      "INPUT_FORMAT",
      place,
      "quantizeInput: false takes the network's input as it is, so its format must be given",
      'write the format of the grid the data lies on, e.g. input: "u8,8" for pixels divided by 256',
    );
  }
  const value = layer.producers[0] ?? "";
  return readRegister(
    entry.input,
    layerStyle(context),
    () => produced?.format ?? wordFormat(context, undefined, value),
    { automatic: (written) => fromRange(context, written, value, place) },
    place,
  );
}

function constantRegister(
  context: LayerContext,
  name: "weight" | "bias",
  values: Float32Array | null,
  style: RegisterStyle,
  format: () => FixedPointFormat,
): RegisterSpec {
  const place = `${context.where}: ${name}`;
  const automatic: FormatRules["automatic"] = (written) =>
    automaticFormat(written, rangeOf(values ?? new Float32Array()), margin(context), place);
  return readRegister(context.entry[name], style, format, { automatic }, place);
}

/** Rounding, overflow and dialect of the registers that are the layer's own word. */
function layerStyle({ entry, where }: LayerContext): RegisterStyle {
  return readStyle(entry, USUAL_STYLE, where);
}

/** The same, or what a preset fixes. */
function styleWith(context: LayerContext, overflow: OverflowMode | undefined): RegisterStyle {
  return overflow === undefined ? layerStyle(context) : { ...USUAL_STYLE, overflow };
}

function presetContextOf(context: LayerContext, input: FixedPointFormat, weight: FixedPointFormat): PresetContext {
  const { layer, where, entry } = context;
  const bits = /^wide:([0-9]+)$/.exec(entry.datapath ?? "");
  const accumulatorBits = bits === null ? undefined : Number(bits[1]);
  const word: PresetContext["word"] = (name) =>
    name === "bias" ? wordFormat(context, layer.bias) : innerWord(context, name);
  return { where, terms: layer.terms, word, input, weight, accumulatorBits };
}

function checkNamedRegisters({ layer, named, where }: LayerContext): void {
  const known = REGISTERS[layer.arithmetic];
  const found = NAMED_REGISTERS.filter((name) => named[name] !== undefined && !known.includes(name)).map(
    (name): Diagnostic => ({
      code: "NO_REGISTER",
      where: `${where}: ${name}`,
      what: `a ${layer.arithmetic === "maximumPool" ? "maximum pool" : layer.kind} layer has no ${name} register`,
      hint:
        layer.arithmetic === "maximumPool"
          ? "maximum pooling keeps its input's format: set input, or the output of the layer before it"
          : `its registers are ${known.join(", ")}`,
    }),
  );
  if (named.biasOrder !== undefined && layer.arithmetic !== "matrix") {
    found.push({
      code: "NO_REGISTER",
      where: `${where}: biasOrder`,
      what:
        layer.arithmetic === "integer"
          ? "an integer layer adds its offsets behind the multipliers"
          : `a ${layer.kind} layer has no bias`,
      hint: "leave biasOrder out",
    });
  }
  if (found.length > 0) throw new DiagnosticError(found);
}

function registerDiagnostics(datapath: DatapathSpec, layer: LayerFacts, where: string): Diagnostic[] {
  const used = new Set<DatapathRegister>([...REGISTERS[layer.arithmetic], "output"]);
  const { requantization } = layer;
  if (requantization !== null) for (const register of INTEGER_REGISTERS) used.add(register);
  if (requantization === null ? layer.bias === null : requantization.offsets === null) used.delete("bias");
  else if (requantization !== null) used.add("bias");
  if (datapath.scale !== undefined) used.add("scale");
  return DATAPATH_REGISTERS.flatMap((name) => {
    const spec = datapath[name];
    if (spec === undefined || !used.has(name)) return [];
    return validateRegister(spec, `${where}: ${name}`, { exact: name === "product" || name === "accumulator" });
  });
}
