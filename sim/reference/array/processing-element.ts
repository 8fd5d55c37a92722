import { type Place, QuantizingRegister } from "../quantizing-register.ts";
import type { Tile } from "./tile.ts";

/** The exact addition before an accumulator: both operands aligned to the larger fraction length. */
export interface Alignment {
  readonly fractionLength: number;
  /** Left shifts that align. */
  readonly productShift: bigint;
  readonly sumShift: bigint;
}

export function accumulatorAlignment(tile: Tile): Alignment {
  const product = tile.product.format.fractionLength;
  const sum = tile.accumulator.format.fractionLength;
  const fractionLength = Math.max(product, sum);
  return { fractionLength, productShift: BigInt(fractionLength - product), sumShift: BigInt(fractionLength - sum) };
}

/** Multiplier and product register of one element. */
export class Multiplier {
  readonly #product: QuantizingRegister;
  readonly #fractionLength: number;

  constructor(tile: Tile, row: number, column: number) {
    this.#product = new QuantizingRegister(tile.state, tile.instruction, "product", tile.product, row, column);
    this.#fractionLength = tile.operandA.format.fractionLength + tile.weight.format.fractionLength;
  }

  /** Q_product(input · weight). */
  multiply(input: bigint, weight: bigint, place: Place): bigint {
    return this.#product.write(input * weight, this.#fractionLength, place);
  }
}

/** Adder and accumulator of one element. */
export class Accumulator {
  readonly #register: QuantizingRegister;
  readonly #alignment: Alignment;

  constructor(tile: Tile, row: number, column: number) {
    this.#register = new QuantizingRegister(tile.state, tile.instruction, "accumulator", tile.accumulator, row, column);
    this.#alignment = accumulatorAlignment(tile);
  }

  /** Q_accumulator(sum + product): one exact addition, one quantization. `product` may be an exact sum of products. */
  add(sum: bigint, product: bigint, place: Place): bigint {
    const { fractionLength, productShift, sumShift } = this.#alignment;
    return this.#register.write((sum << sumShift) + (product << productShift), fractionLength, place);
  }
}

/** The arithmetic of one element, without the wires that make it one dataflow or another. */
export class ProcessingElement {
  readonly row: number;
  readonly column: number;
  readonly multiplier: Multiplier;
  readonly accumulator: Accumulator;

  constructor(tile: Tile, row: number, column: number) {
    this.row = row;
    this.column = column;
    this.multiplier = new Multiplier(tile, row, column);
    this.accumulator = new Accumulator(tile, row, column);
  }
}

/** A grid of elements, by row and column. */
export function grid<Element>(
  rows: number,
  columns: number,
  make: (row: number, column: number) => Element,
): Element[][] {
  return Array.from({ length: rows }, (_row, row) =>
    Array.from({ length: columns }, (_column, column) => make(row, column)),
  );
}
