/** Look-up tables: a function's words for every input word, and how far they are from the function. */
import type { DatapathSpec } from "../../isa/datapath.ts";
import { DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, rawRange, rawToFloat64 } from "../../isa/format.ts";
import { tableEntries } from "../../isa/instructions/vector.ts";
import type { TableSymbol } from "../../isa/program.ts";
import { quantizeFloat64Array } from "../../isa/quantize-array.ts";
import { tensorGenerator } from "../../isa/random.ts";
import { allocateRaws, type Raws, rawAt } from "../../isa/raws.ts";
import { type ElementFunction, evaluateFunction } from "../graph/element-function.ts";

export interface LookupTable extends Omit<TableSymbol, "tensor"> {
  readonly raws: Raws;
}

export interface TableRequest {
  readonly function: ElementFunction;
  readonly datapath: DatapathSpec;
  /** Most bits of an input word that the table sees. */
  readonly lookupBits: number;
  readonly seed: number;
  /** Of the table's tensor. */
  readonly name: string;
  readonly where: string;
}

/** Most input words of one entry whose distance to the function is measured; beyond, so many spread over the entry. */
const MEASURED_PER_ENTRY = 64;

/**
 * An entry stands for 2^droppedBits neighbouring input words and holds the function at their middle, quantized into the
 * output register. Throws `DiagnosticError` where that register cannot hold an infinite value.
 */
export function lookupTable({
  function: definition,
  datapath,
  lookupBits,
  seed,
  name,
  where,
}: TableRequest): LookupTable {
  const { input, output } = datapath;
  const droppedBits = Math.max(0, input.format.wordLength - lookupBits);
  const entries = tableEntries(input.format, droppedBits);
  const words = wordsOfEntries(input.format, droppedBits);
  const values = Float64Array.from({ length: entries }, (_, entry) => evaluateFunction(definition, words(entry, 0.5)));
  const raws = allocateRaws(output.format, entries);
  let clipped = 0;
  try {
    const count = (): void => {
      clipped++;
    };
    quantizeFloat64Array(values, output, raws, 0, count, tensorGenerator(seed, name), where);
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    throw diagnosticError(
      "TABLE",
      where,
      `${definition.kind} is infinite at an input word, and the output register does not saturate`,
      "let the layer's output saturate",
    );
  }
  const largestError = largestDistance(definition, output.format, raws, droppedBits, words);
  return { raws, entries, droppedBits, largestError, clipped };
}

/** Value of an input word of an entry: `part` 0 the lowest, 1 the highest, 0.5 the middle of both. */
function wordsOfEntries(format: FixedPointFormat, droppedBits: number): (entry: number, part: number) => number {
  const lowest = rawRange(format).min >> BigInt(droppedBits);
  const step = 2 ** -format.fractionLength;
  const width = 2 ** droppedBits;
  return (entry, part) => {
    const first = rawToFloat64((lowest + BigInt(entry)) << BigInt(droppedBits), format.fractionLength);
    return first + part * (width - 1) * step;
  };
}

function largestDistance(
  definition: ElementFunction,
  output: FixedPointFormat,
  raws: Raws,
  droppedBits: number,
  words: (entry: number, part: number) => number,
): number {
  const { min, max } = rawRange(output);
  const [least, greatest] = [min, max].map((raw) => rawToFloat64(raw, output.fractionLength));
  const measured = Math.min(2 ** droppedBits, MEASURED_PER_ENTRY);
  let largest = 0;
  for (let entry = 0; entry < raws.length; entry++) {
    const held = rawToFloat64(rawAt(raws, entry, output), output.fractionLength);
    for (let index = 0; index < measured; index++) {
      const exact = evaluateFunction(definition, words(entry, measured === 1 ? 0 : index / (measured - 1)));
      const within = Math.min(Math.max(exact, least ?? exact), greatest ?? exact);
      largest = Math.max(largest, Math.abs(held - within));
    }
  }
  return largest;
}
