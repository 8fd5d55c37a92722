/** Look-up tables: a function's words for the words of its input, and how far they are from the function. */

import { DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import type { ConfigureTable } from "../../../isa/instructions/configure-table.ts";
import { type FixedPointFormat, type RawRange, rawRange, rawToFloat64 } from "../../../isa/numerics/format.ts";
import { quantizeFloat64Array } from "../../../isa/numerics/quantize-array.ts";
import { tensorGenerator } from "../../../isa/numerics/random.ts";
import { allocateRaws, type Raws, rawAt } from "../../../isa/numerics/raws.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import type { CalibratedRange, DatapathSpec } from "../../../isa/program/datapath.ts";
import type { TableSymbol } from "../../../isa/program/program.ts";
import { type ElementFunction, evaluateFunction } from "../../graph/element-function.ts";
import type { Settings } from "../emitter.ts";
import { changingRange, wordsBetween } from "./table-range.ts";

export interface LookupTable {
  readonly raws: Raws;
  /** Of its words: the output's, with more fraction bits where values lie between two of them. */
  readonly format: FixedPointFormat;
  readonly setting: Settings<ConfigureTable>;
  readonly symbol: Omit<TableSymbol, "tensor">;
}

export interface TableRequest {
  readonly function: ElementFunction;
  readonly datapath: Pick<DatapathSpec, "input" | "output">;
  /** At most 2^lookupBits entries. */
  readonly lookupBits: number;
  /** Values may lie on the line between two entries. */
  readonly interpolate: boolean;
  /** Values that occur; null where nobody knows. */
  readonly range: CalibratedRange | null;
  readonly seed: number;
  /** Of the table's tensor. */
  readonly name: string;
  readonly where: string;
}

/** Input words whose distance to the function is measured: all, or so many spread over the range. */
const MEASURED_WORDS = 2 ** 15;

/** Fraction bits that an interpolated table's words have beyond the output's, as far as 64 bits go. */
const GUARD_BITS = 4;
const LONGEST_WORD = 64;

/**
 * The table has an entry for every word of the input where 2^lookupBits are enough. Else it stands for the words between which the output word
 * changes; and where such a table is off by more than the output's last place, for those in the range that is known to occur. It
 * then has entries at words 2^shift apart, between which values are interpolated, or stands for the middle of 2^shift neighbours.
 * Throws `DiagnosticError` where the output register cannot hold an infinite value.
 */
export function lookupTable(request: TableRequest, known: KnownTables = new Map()): LookupTable {
  const { datapath, range, lookupBits } = request;
  const { input, output } = datapath;
  if (input.format.wordLength <= lookupBits) return tableOf(request, rawRange(input.format), known);
  const changing = changingRange(request.function, input.format, output);
  const proven = tableOf(request, changing, known);
  const enough = proven.symbol.largestError <= 2 ** -output.format.fractionLength;
  return range === null || enough ? proven : tableOf(request, wordsBetween(range, input.format, changing), known);
}

/** Tables that were made before: layers with the same function in the same registers over the same words share one. */
export type KnownTables = Map<string, LookupTable>;

function tableOf(request: TableRequest, range: RawRange, known: KnownTables): LookupTable {
  const { function: definition, datapath, lookupBits, interpolate, seed, name } = request;
  const { input, output } = datapath;
  // Words that are drawn depend on the tensor's name.
  const drawn = output.rounding === "stochastic" ? [seed, name] : null;
  const words = [String(range.min), String(range.max)];
  const key = JSON.stringify([definition, input.format, output, lookupBits, interpolate, words, drawn]);
  const table = known.get(key) ?? newTable(request, range);
  known.set(key, table);
  return table;
}

/** The table over a range of input words. */
function newTable(request: TableRequest, range: RawRange): LookupTable {
  const { function: definition, datapath, lookupBits, interpolate } = request;
  const { input, output } = datapath;
  const most = 2 ** lookupBits;
  const direct = range.max - range.min < BigInt(most);
  // Two segments that meet at 0 take three entries.
  const interpolated = interpolate && !direct && most > 2;
  const { shift, entries } = direct
    ? { shift: 0, entries: Number(range.max - range.min) + 1 }
    : spacing(range, most, interpolated);
  // Entries stand at multiples of 2^shift: 0, where functions bend, is one of them.
  const base = (range.min >> BigInt(shift)) << BigInt(shift);
  const words = interpolated ? guarded(output) : output;
  const value = (raw: bigint): number => rawToFloat64(raw, input.format.fractionLength);
  const half = (2 ** shift - 1) / 2;
  const step = 2 ** -input.format.fractionLength;
  const values = Float64Array.from({ length: entries }, (_, entry) => {
    const first = value(base + (BigInt(entry) << BigInt(shift)));
    if (!interpolated) return evaluateFunction(definition, first + half * step);
    const found = evaluateFunction(definition, first);
    // A pole just outside the range.
    return Number.isFinite(found) || entry > 0 ? found : evaluateFunction(definition, value(range.min));
  });
  const { raws, clipped } = quantized(request, values, words);
  const setting = { base, shift, entries };
  const errors = errorsOf(request, { raws, words, setting, interpolated, range });
  return {
    raws,
    format: words.format,
    setting,
    symbol: {
      entries,
      droppedBits: shift,
      interpolated,
      range: { min: value(range.min), max: value(range.max) },
      ...errors,
      clipped,
    },
  };
}

/** The closest spacing 2^shift of entries of which at most `most` are needed. */
function spacing({ min, max }: RawRange, most: number, interpolated: boolean): { shift: number; entries: number } {
  for (let shift = 0; ; shift++) {
    const bits = BigInt(shift);
    // The last entry stands at or behind the last word where it ends a segment.
    const last = interpolated ? -(-max >> bits) : max >> bits;
    const entries = Number(last - (min >> bits)) + 1;
    if (entries <= most) return { shift, entries };
  }
}

/** Words of an interpolated table: more fraction bits than the output, so that rounding them stays below its last place. */
function guarded({ format }: RegisterSpec): RegisterSpec {
  const bits = Math.min(GUARD_BITS, LONGEST_WORD - format.wordLength);
  return register({
    wordLength: format.wordLength + bits,
    fractionLength: format.fractionLength + bits,
    signed: format.signed,
  });
}

/** The values as words of the table, and how many of them lie beyond the register's range. */
function quantized(
  { function: definition, seed, name, where }: TableRequest,
  values: Float64Array,
  words: RegisterSpec,
): { readonly raws: Raws; readonly clipped: number } {
  const raws = allocateRaws(words.format, values.length);
  let clipped = 0;
  try {
    const count = (): void => {
      clipped++;
    };
    quantizeFloat64Array(values, words, raws, 0, count, tensorGenerator(seed, name), where);
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    throw diagnosticError(
      "TABLE",
      where,
      `${definition.kind} is infinite at an input word, and the output register does not saturate`,
      "let the layer's output saturate",
    );
  }
  return { raws, clipped };
}

interface MadeTable {
  readonly raws: Raws;
  readonly words: RegisterSpec;
  readonly setting: Settings<ConfigureTable>;
  readonly interpolated: boolean;
  readonly range: RawRange;
}

/** Distance of the layer's words to the function over the range's words, or over some of them, evenly spread. */
function errorsOf(
  { function: definition, datapath: { input, output } }: TableRequest,
  { raws, words, setting, interpolated, range }: MadeTable,
): Pick<TableSymbol, "largestError" | "sqnr"> {
  const span = Number(range.max - range.min);
  const count = Math.min(span + 1, MEASURED_WORDS);
  const table = Float64Array.from({ length: setting.entries }, (_, entry) =>
    rawToFloat64(rawAt(raws, entry, words.format), words.format.fractionLength),
  );
  const firstStep = Number(range.min - setting.base);
  const first = rawToFloat64(range.min, input.format.fractionLength);
  const [inputStep, width] = [2 ** -input.format.fractionLength, 2 ** setting.shift];
  const { min, max } = rawRange(output.format);
  const [least, greatest] = [min, max].map((raw) => rawToFloat64(raw, output.format.fractionLength)) as [
    number,
    number,
  ];
  const lastPlace = 2 ** -output.format.fractionLength;
  let [largest, signal, noise] = [0, 0, 0];
  for (let index = 0; index < count; index++) {
    const distance = count === 1 ? 0 : Math.round((index * span) / (count - 1));
    const value = evaluateFunction(definition, first + distance * inputStep);
    const exact = Math.min(Math.max(value, least), greatest);
    const position = (firstStep + distance) / width;
    const entry = Math.min(Math.floor(position), interpolated ? setting.entries - 2 : setting.entries - 1);
    let held = table[entry] ?? 0;
    if (interpolated) {
      held += ((table[entry + 1] ?? 0) - held) * (position - entry);
      held = Math.min(Math.max(Math.round(held / lastPlace) * lastPlace, least), greatest);
    }
    const error = Math.abs(held - exact);
    largest = Math.max(largest, error);
    signal += exact * exact;
    noise += error * error;
  }
  return { largestError: largest, sqnr: noise === 0 || signal === 0 ? null : 10 * Math.log10(signal / noise) };
}
