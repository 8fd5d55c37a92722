/** Formats of a layer's registers that its entry's word, or the range of the values in them, decides. */
import { diagnosticError } from "../../isa/diagnostic.ts";
import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import { sumOfTermsFormat } from "../../isa/numerics/growth.ts";
import {
  type AutomaticFormat,
  automaticFormat,
  isAutomatic,
  parseWrittenFormat,
  rangeOf,
  type WrittenFormat,
} from "./automatic-format.ts";
import type { LayerContext } from "./layer-context.ts";
import { PRESETS } from "./presets.ts";
import { type FormatRules, readFormat } from "./read-register.ts";
import { type InnerRegister, knownAccumulatorRange, registerRange } from "./register-range.ts";
import type { LayerEntry, RegisterEntry } from "./specification.ts";

/** The preset that an entry names. */
export function presetOf(entry: LayerEntry): (typeof PRESETS)["intrinsic"] {
  const name = (entry.datapath ?? "intrinsic").replace(/:.*/, "") as keyof typeof PRESETS;
  return PRESETS[name];
}

/** The entry's `format`, an automatic one as it stands. */
function writtenWord({ entry, where }: LayerContext): WrittenFormat {
  if (entry.format !== undefined) return parseWrittenFormat(entry.format, `${where}: format`);
  throw diagnosticError("NO_FORMAT", where, "has no format", 'give the default a format, e.g. format: "16,8"');
}

/** The entry's `format`. An automatic one is measured on `values`, else on the value named, else on the layer's output. */
export function wordFormat(
  context: LayerContext,
  values: Float32Array | null | undefined = undefined,
  value: string = context.layer.name,
): FixedPointFormat {
  const place = `${context.where}: format`;
  const written = writtenWord(context);
  if (!isAutomatic(written)) return written;
  if (values) return automaticFormat(written, rangeOf(values), margin(context), place);
  return fromRange(context, written, value, place);
}

export function fromRange(
  context: LayerContext,
  written: WrittenFormat,
  value: string,
  where: string,
): FixedPointFormat {
  if (!isAutomatic(written)) return written;
  return automaticFormat(written, context.range(value, where), margin(context), where);
}

/** The entry's `format` for a register between operands and output. */
export function innerWord(context: LayerContext, name: InnerRegister): FixedPointFormat {
  const written = writtenWord(context);
  return isAutomatic(written) ? innerFormat(context, name, written, `${context.where}: format`) : written;
}

export function innerRules(context: LayerContext, name: InnerRegister): FormatRules {
  return { automatic: (written) => innerFormat(context, name, written, `${context.where}: ${name}`) };
}

/** The automatic format of a register between operands and output, from the range of the values that stand in it. */
function innerFormat(
  context: LayerContext,
  name: InnerRegister,
  written: AutomaticFormat,
  where: string,
): FixedPointFormat {
  const beforeBias = hasSumRegister(context.entry);
  const format = automaticFormat(written, registerRange(context, name, where, beforeBias), margin(context), where);
  if (name !== "product") return format;
  return { ...format, fractionLength: Math.min(format.fractionLength, mostProductBits(context, format)) };
}

/**
 * Fraction bits of a product of which an addition makes use: those of the accumulator. Where the accumulator grows from the product,
 * as many as leave it room for the bias.
 */
function mostProductBits(context: LayerContext, product: FixedPointFormat): number {
  const { entry, layer, where } = context;
  const written = writtenOf(entry.accumulator);
  const grown = written === undefined ? presetOf(entry).accumulator.grown === true : written.trim() === "exact";
  if (grown) return mostFractionBits(context, sumOfTermsFormat(product, layer.terms + 1));
  return written === undefined
    ? innerWord(context, "accumulator").fractionLength
    : readFormat(written, innerRules(context, "accumulator"), `${where}: accumulator`).fractionLength;
}

/** Fraction bits at which an accumulator of that word length holds its sums and the bias, as far as they are known. */
export function mostFractionBits(context: LayerContext, { wordLength, signed }: FixedPointFormat): number {
  const range = knownAccumulatorRange(context, hasSumRegister(context.entry));
  if (range.min === 0 && range.max === 0) return Number.POSITIVE_INFINITY;
  const written = { wordLength: signed ? wordLength : wordLength + 1, signed: true, automatic: true } as const;
  return automaticFormat(written, range, margin(context), `${context.where}: accumulator`).fractionLength;
}

/** No sum of the layer is larger, as far as it was calibrated. */
export function sumsBound(context: LayerContext): number {
  const { runningSum } = context.knownRanges(context.layer.name) ?? {};
  if (runningSum === undefined) return Number.POSITIVE_INFINITY;
  const { min, max } = knownAccumulatorRange(context, true);
  return Math.max(-min, max);
}

export function hasSumRegister(entry: LayerEntry): boolean {
  return presetOf(entry).sum || entry.sum !== undefined;
}

/** The weights' format as it stands in the entry. */
export function writtenWeight(context: LayerContext): WrittenFormat {
  const text = writtenOf(context.entry.weight);
  return text === undefined ? writtenWord(context) : parseWrittenFormat(text, `${context.where}: weight`);
}

function writtenOf(entry: RegisterEntry | undefined): string | undefined {
  return typeof entry === "string" ? entry : entry?.format;
}

export function margin({ entry }: LayerContext): number {
  return entry.marginBits ?? 0;
}
