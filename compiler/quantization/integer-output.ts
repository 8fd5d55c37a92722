/**
 * The word that an integer layer's results need: that of the range to which the model cuts them, or one of 8, 16, 32 or 64 bits
 * that holds whatever can occur.
 */
import { diagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import { bitsNeeded, type FixedPointFormat, fixedPoint, type RawRange, rawRange } from "../../isa/numerics/format.ts";
import { type RegisterSpec, register } from "../../isa/numerics/register.ts";
import type { IntegerRequantization } from "../graph/graph.ts";
import type { LayerFacts } from "./layer-facts.ts";

/** Words of results that nothing cuts. */
const WORD_LENGTHS = [8, 16, 32, 64] as const;

/** The output register; `operands`: formats of the layer's inputs, asked for where nothing cuts the results. Throws `DiagnosticError` INTEGER_FORMAT where no word is wide enough. */
export function integerOutputWord(
  layer: LayerFacts,
  operands: () => readonly FixedPointFormat[],
  where: string,
): RegisterSpec {
  const { requantization } = layer;
  if (requantization === null) throw new InvariantError(`"${layer.name}" is no integer layer`);
  const { minimum, maximum, rounding } = requantization;
  if (minimum !== null && maximum !== null) {
    const exact = wordOfRange(minimum, maximum);
    if (exact !== undefined)
      return register(exact.format, rounding, exact.symmetric ? "saturate-symmetric" : "saturate");
    const signed = minimum < 0;
    return register(fixedPoint(bitsNeeded(BigInt(minimum), BigInt(maximum), signed), 0, signed), rounding);
  }
  const occurring = resultRange(layer, requantization, operands());
  const min = minimum === null ? occurring.min : BigInt(minimum);
  const max = maximum === null ? occurring.max : BigInt(maximum);
  const signed = min < 0n;
  const wordLength = WORD_LENGTHS.find((bits) => holds(rawRange(fixedPoint(bits, 0, signed)), { min, max }));
  if (wordLength !== undefined) return register(fixedPoint(wordLength, 0, signed), rounding);
  throw diagnosticError(
    "INTEGER_FORMAT",
    where,
    `results from ${min} to ${max} can occur, which no word of 64 bits holds`,
    "cut them to a range in the model (Clip), or give the layer an output format",
  );
}

/** The ends to which a layer's values are clipped before its output register; null where the register's own range does it. */
export function clipBeforeOutput(
  { minimum, maximum }: IntegerRequantization,
  output: FixedPointFormat,
): { readonly lowest: bigint; readonly highest: bigint } | null {
  const word = rawRange(output);
  if (minimum !== null && maximum !== null && wordOfRange(minimum, maximum) !== undefined) return null;
  const lowest = minimum === null ? word.min : BigInt(minimum);
  const highest = maximum === null ? word.max : BigInt(maximum);
  return lowest <= word.min && highest >= word.max ? null : { lowest, highest };
}

/** The word whose range it is: 0 … 2^W − 1, −2^(W−1) … 2^(W−1) − 1, or that without its least value. */
function wordOfRange(
  minimum: number,
  maximum: number,
): { readonly format: FixedPointFormat; readonly symmetric: boolean } | undefined {
  const bits = Math.log2(maximum + 1);
  if (maximum < 1 || !Number.isInteger(bits) || 2 ** bits !== maximum + 1) return undefined;
  if (minimum === 0) return { format: fixedPoint(bits, 0, false), symmetric: false };
  if (minimum === -maximum - 1) return { format: fixedPoint(bits + 1, 0), symmetric: false };
  return minimum === -maximum ? { format: fixedPoint(bits + 1, 0), symmetric: true } : undefined;
}

/** Every value that the layer can yield for some words of its inputs, before it is cut. */
function resultRange(
  layer: LayerFacts,
  { multipliers, offsets, shift, divisor }: IntegerRequantization,
  operands: readonly FixedPointFormat[],
): RawRange {
  const { secondMultipliers } = layer;
  const [first = { min: 0n, max: 0n }, second = { min: 0n, max: 0n }] = operands.map(rawRange);
  const sums = sumRanges(layer, first, multipliers.length);
  const denominator = BigInt(divisor) << BigInt(shift);
  let range: RawRange | undefined;
  multipliers.forEach((multiplier, channel) => {
    const a = scaled(sums[channel] ?? first, multiplier);
    const b = scaled(second, secondMultipliers?.[channel] ?? 0);
    const offset = BigInt(offsets?.[channel] ?? 0);
    const min = floorQuotient(a.min + b.min + offset, denominator);
    const max = -floorQuotient(-(a.max + b.max + offset), denominator);
    range = range === undefined ? { min, max } : { min: least(range.min, min), max: greatest(range.max, max) };
  });
  return range ?? { min: 0n, max: 0n };
}

/** Range of a before it is scaled, by filter or channel. */
function sumRanges({ weights, terms, arithmetic }: LayerFacts, word: RawRange, channels: number): readonly RawRange[] {
  // Padding leaves terms out, or adds zeros.
  const [low, high] = [least(word.min, 0n), greatest(word.max, 0n)];
  if (arithmetic === "integerPool") {
    return Array.from({ length: channels }, () => ({ min: BigInt(terms) * low, max: BigInt(terms) * high }));
  }
  if (weights === null) return Array.from({ length: channels }, () => word);
  const negative = new Float64Array(channels);
  const positive = new Float64Array(channels);
  weights.forEach((weight, index) => {
    const sums = weight < 0 ? negative : positive;
    sums[index % channels] = (sums[index % channels] ?? 0) + weight;
  });
  return Array.from(positive, (sum, channel) => {
    const [up, down] = [BigInt(sum), BigInt(negative[channel] ?? 0)];
    return { min: up * low + down * high, max: up * high + down * low };
  });
}

function scaled({ min, max }: RawRange, factor: number): RawRange {
  const ends = [min * BigInt(factor), max * BigInt(factor)] as const;
  return { min: least(...ends), max: greatest(...ends) };
}

function floorQuotient(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  return quotient * denominator > numerator ? quotient - 1n : quotient;
}

function holds(outer: RawRange, inner: RawRange): boolean {
  return inner.min >= outer.min && inner.max <= outer.max;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function greatest(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
