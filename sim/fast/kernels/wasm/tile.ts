import type { Arena } from "./arena.ts";

/** Filters of a panel, most steps of a block, and the mark of a run's last block; these and the next as in assembly/tile.ts. */
export const PANEL = 8;
export const BLOCK = 32;
export const RUN_END = 0x10000;
/** Steps of a part of a block, and parts of a whole one. */
export const PART = 8;
export const BLOCK_PARTS: number = BLOCK / PART;

/** Fields of the record that a kernel reads and writes, in the order of `Tile` in assembly/tile.ts. */
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
  "input",
  "pixelOffsets",
  "stepOffsets",
  "weights",
  "negativeWeights",
  "blockWeights",
  "partWeights",
  "largestWeights",
  "sums",
  "sumPitch",
  "productMin",
  "productMax",
  "sumMin",
  "sumMax",
  "droppedBits",
  "roundingHalves",
  "wrapShift",
  "fitting",
  "parityBase",
  "parityOdd",
  "largestInput",
  "negatives",
  "productOverflows",
  "sumOverflows",
  "rows",
  "columns",
  "states",
  "countsCheaply",
] as const;

export type TileField = (typeof FIELDS)[number];

const INDEX = Object.fromEntries(FIELDS.map((name, index) => [name, index])) as Readonly<Record<TileField, number>>;

/** A tile's record in linear memory. */
export class TileRecord {
  readonly address: number;
  private readonly values: Int32Array;

  constructor(arena: Arena, values: Partial<Record<TileField, number>>) {
    this.values = arena.array("Int32Array", FIELDS.length);
    this.address = arena.addressOf(this.values) as number;
    for (const [name, value] of Object.entries(values)) this.set(name as TileField, value);
  }

  set(name: TileField, value: number): void {
    this.values[INDEX[name]] = value;
  }

  get(name: TileField): number {
    return this.values[INDEX[name]] as number;
  }
}
