import { isNumberWords, type Words } from "../../memory/words.ts";
import type { Arena } from "./arena.ts";

/** Fields of 32 bits, in the order of `Tile64` in assembly/tile64.ts. */
const FIELDS = [
  "pixels",
  "filters",
  "steps",
  "blocks",
  "blockCount",
  "carries",
  "accumulate",
  "source",
  "words",
  "sourceKind",
  "input",
  "pixelOffsets",
  "stepOffsets",
  "weights",
  "blockWeights",
  "largestWeights",
  "sums",
  "sumPitch",
  "sumKind",
  "droppedBits",
  "registers",
  "unused",
  "productOverflows",
  "sumOverflows",
] as const;

export type WideField = (typeof FIELDS)[number];

const INDEX = Object.fromEntries(FIELDS.map((name, index) => [name, index])) as Readonly<Record<WideField, number>>;

/** Words of 32 bits behind the fields, for the largest input as a double. */
const LARGEST_INPUT = 2;

/** A tile's record in linear memory, for the lanes of 64 bits. */
export class WideTileRecord {
  readonly address: number;
  private readonly values: Int32Array;

  constructor(arena: Arena, values: Partial<Record<WideField, number>>) {
    this.values = arena.array("Int32Array", FIELDS.length + LARGEST_INPUT);
    this.address = arena.addressOf(this.values) ?? 0;
    for (const [name, value] of Object.entries(values)) this.set(name as WideField, value);
  }

  set(name: WideField, value: number): void {
    this.values[INDEX[name]] = value;
  }

  get(name: WideField): number {
    return this.values[INDEX[name]] as number;
  }
}

/** Kinds of words in memory: as in assembly/tile64.ts. */
export type WideView = "Int32Array" | "Float64Array" | "BigInt64Array";
export const WORD_KINDS: Readonly<Record<WideView, number>> = { Int32Array: 0, Float64Array: 1, BigInt64Array: 2 };

/** How words are seen in linear memory. */
export function viewOf(words: Words): WideView {
  if (!isNumberWords(words)) return "BigInt64Array";
  return words instanceof Float64Array ? "Float64Array" : "Int32Array";
}
