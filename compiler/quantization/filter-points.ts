/**
 * A binary point for the weights of each filter. The array then sums words whose last bits mean different things from filter to filter,
 * and a multiplier per filter, 2^−e, aligns the whole sums exactly before the bias (isa/README.md, "Scale words and tables"). That is
 * a shift of the products, as the design has it, exactly where the array rounds nothing: elsewhere it is refused.
 */

import { diagnosticError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, FORMAT_LIMITS, fixedPoint } from "../../isa/numerics/format.ts";
import { productFormat } from "../../isa/numerics/growth.ts";
import { type RegisterSpec, register } from "../../isa/numerics/register.ts";
import type { DatapathSpec } from "../../isa/program/datapath.ts";
import { type AutomaticFormat, automaticFormat, rangeOf } from "./automatic-format.ts";
import type { LayerContext } from "./layer-context.ts";
import { hasSumRegister, margin, presetOf, sumsBound, writtenWeight } from "./word-format.ts";

/** Significant bits that suffice for the weights of a filter: one point for all filters stays where it leaves every filter as many. */
const ENOUGH_BITS = 12;

/** Bits of a weight below the point at which the rounding of all of a sum's weights moves its output by half of the last bit. */
const USEFUL_BITS = 2;

/** Largest difference of two filters: a multiplier 2^−e has e + 2 bits. */
const MOST_SHIFT = FORMAT_LIMITS.wordLength - 2;

/** Registers of a layer apart from those that binary points per filter decide. */
export type PlainDatapath = Pick<DatapathSpec, "input" | "weight" | "product" | "accumulator" | "output">;

/** What binary points per filter add to a layer. */
export interface FilterPoints {
  readonly weightFractionLengths: readonly number[];
  readonly scale: RegisterSpec;
}

/**
 * Fraction lengths as the entry gives or asks for them, or as they help under an automatic format; null for one binary point.
 * `resolve` gives the registers for a weight of that fraction length. Throws `DiagnosticError` PER_FILTER.
 */
export function filterFractionLengths(
  context: LayerContext,
  resolve: (fractionLength: number) => PlainDatapath,
): readonly number[] | null {
  const { layer, entry, where } = context;
  const { weights, terms } = layer;
  const wish = typeof entry.weight === "object" ? entry.weight.perFilter : undefined;
  if (weights === null || wish === false) return null;
  const place = `${where}: weight`;
  const written = writtenWeight(context);
  const filters = weights.length / terms;
  if (wish !== undefined && wish !== true) {
    const least = Math.min(...wish);
    requireGiven(wish, filters, "automatic" in written ? least : written.fractionLength, place);
    requireExact(context, resolve(least), place);
    return Math.max(...wish) > least ? wish : null;
  }
  if (!("automatic" in written)) {
    if (wish === undefined) return null;
    const what = `perFilter: true, but the format ${entry.format ?? ""} has a number for F`;
    throw diagnosticError(
      "PER_FILTER",
      place,
      what,
      `write "${written.wordLength},auto", or a list of fraction lengths`,
    );
  }
  const ownBits = isDefaultWide(context);
  if (wish === undefined && !ownBits) return null;
  const lengths = measured(context, written, filters, resolve);
  const spread = Math.max(...lengths) - Math.min(...lengths);
  const gains = wish === true ? spread > 0 : spread > Math.max(0, written.wordLength - ENOUGH_BITS);
  if (wish === true) requireExact(context, resolve(Math.min(...lengths)), place);
  return gains ? lengths : null;
}

/** The scale register of words 2^−e, e the fraction bits that a filter has beyond the least. */
export function filterPoints(lengths: readonly number[]): FilterPoints {
  const most = Math.max(...lengths) - Math.min(...lengths);
  return { weightFractionLengths: lengths, scale: register(fixedPoint(most + 2, most)) };
}

/** The bias stands behind the multiplier: as many fraction bits as its values leave room for, of those that the sums have. */
export function behindScale(
  accumulator: FixedPointFormat,
  { scale }: FilterPoints,
  bias: Float32Array,
): FixedPointFormat {
  const wordLength = Math.min(accumulator.wordLength, FORMAT_LIMITS.wordLength);
  const range = rangeOf(bias);
  const most = accumulator.fractionLength + scale.format.fractionLength;
  const fits = automaticFormat({ wordLength, signed: true, automatic: true }, range, 0, "bias").fractionLength;
  return fixedPoint(wordLength, Math.min(most, fits, FORMAT_LIMITS.maxFractionLength));
}

/** Each filter's own, no finer than its output register can show and than the accumulator has room for; filters of zeros have the least. */
function measured(
  context: LayerContext,
  written: AutomaticFormat,
  filters: number,
  resolve: (fractionLength: number) => PlainDatapath,
): readonly number[] {
  const { layer, where } = context;
  const { terms } = layer;
  const weights = layer.weights ?? new Float32Array();
  const { input, output, accumulator } = resolve(0);
  const inputBits = input.format.wordLength - (input.format.signed ? 1 : 0) - input.format.fractionLength;
  const useful = output.format.fractionLength + USEFUL_BITS + Math.ceil(Math.log2(terms)) + inputBits;
  const room: AutomaticFormat = { wordLength: accumulator.format.wordLength, signed: true, automatic: true };
  const own = Array.from({ length: filters }, (_, filter) => {
    let [least, greatest, magnitude] = [0, 0, 0];
    for (let index = filter; index < weights.length; index += filters) {
      const weight = weights[index] as number;
      least = Math.min(least, weight);
      greatest = Math.max(greatest, weight);
      magnitude += Math.abs(weight);
    }
    if (magnitude === 0) return null;
    const place = `${where}: weight`;
    const alone = automaticFormat(written, { min: least, max: greatest }, margin(context), place).fractionLength;
    const reach = Math.min(magnitude * 2 ** inputBits, sumsBound(context));
    const held =
      automaticFormat(room, { min: -reach, max: reach }, 0, place).fractionLength - input.format.fractionLength;
    return Math.min(alone, held, FORMAT_LIMITS.maxFractionLength - input.format.fractionLength);
  });
  const known = own.filter((length) => length !== null);
  const base = known.length === 0 ? useful : Math.min(...known);
  return own.map((length) => Math.min(length ?? base, Math.max(useful, base), base + MOST_SHIFT));
}

/** Whether the preset is one whose products and sums are exact, and the entry leaves them so. */
function isDefaultWide({ entry, layer }: LayerContext): boolean {
  const { product, accumulator } = presetOf(entry);
  const grown = product.grown === true && accumulator.grown === true;
  const own = entry.product !== undefined || entry.accumulator !== undefined || hasSumRegister(entry);
  return grown && !own && (entry.biasOrder !== "first" || layer.bias === null);
}

function requireGiven(lengths: readonly number[], filters: number, least: number, where: string): void {
  const refuse = (what: string, hint: string): never => {
    throw diagnosticError("PER_FILTER", where, what, hint);
  };
  if (lengths.length !== filters) {
    refuse(`${lengths.length} fraction lengths for ${filters} filters`, "give one for each filter");
  }
  const [low, high] = [Math.min(...lengths), Math.max(...lengths)];
  if (low !== least) {
    refuse(
      `the format has ${least} fraction bits, the least of the list is ${low}`,
      `write the format with F = ${low}`,
    );
  }
  if (high - low > MOST_SHIFT) {
    refuse(`fraction lengths from ${low} to ${high}`, `the machine aligns differences up to ${MOST_SHIFT}`);
  }
}

function requireExact({ layer, entry }: LayerContext, datapath: PlainDatapath, where: string): void {
  const { input, weight, product, accumulator } = datapath;
  const exact = productFormat(input.format, weight.format);
  const integerBits = ({ wordLength, fractionLength, signed }: FixedPointFormat): number =>
    wordLength - fractionLength - (signed ? 1 : 0);
  const refuse = (what: string, hint: string): never => {
    throw diagnosticError("PER_FILTER", where, `binary points per filter, but ${what}`, hint);
  };
  if (hasSumRegister(entry)) refuse("a sum register stands before the bias", "use datapath wide");
  if (entry.biasOrder === "first" && layer.bias !== null) {
    refuse("sums start from the bias, which has one binary point", "leave biasOrder out");
  }
  const roundsProducts =
    product.format.fractionLength < exact.fractionLength || integerBits(product.format) < integerBits(exact);
  if (roundsProducts) refuse("the product register rounds or clips", "use datapath wide, or product: exact");
  if (accumulator.format.fractionLength < product.format.fractionLength) {
    refuse("every addition rounds", "use datapath wide, or accumulator: exact");
  }
}
