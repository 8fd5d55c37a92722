import { InvariantError } from "../../../isa/diagnostic.ts";
import { type Place, QuantizingRegister } from "../quantizing-register.ts";
import { type Fold, FoldSequence, foldsOf } from "./fold.ts";
import type { MatrixArray } from "./matrix-array.ts";
import { grid, ProcessingElement } from "./processing-element.ts";
import { ShiftRegister } from "./shift-register.ts";
import type { Tile } from "./tile.ts";

/**
 * Which operand stays and which one streams. A row is always a step k; a column is a filter and the stream the pixels
 * (weight-stationary), or the other way round (input-stationary).
 */
interface Roles {
  readonly columnExtent: (tile: Tile) => number;
  readonly streamExtent: (tile: Tile) => number;
  readonly readStationary: (tile: Tile, step: number, columnIndex: number) => bigint;
  readonly readStreamed: (tile: Tile, step: number, streamIndex: number) => bigint;
  readonly pixel: (columnIndex: number, streamIndex: number) => number;
  readonly filter: (columnIndex: number, streamIndex: number) => number;
}

export const WEIGHT_STATIONARY: Roles = {
  columnExtent: (tile) => tile.filters,
  streamExtent: (tile) => tile.pixels,
  readStationary: (tile, step, filter) => tile.readWeight(step, filter),
  readStreamed: (tile, step, pixel) => tile.readInput(pixel, step),
  pixel: (_filter, pixel) => pixel,
  filter: (filter, _pixel) => filter,
};

export const INPUT_STATIONARY: Roles = {
  columnExtent: (tile) => tile.pixels,
  streamExtent: (tile) => tile.filters,
  readStationary: (tile, step, pixel) => tile.readInput(pixel, step),
  readStreamed: (tile, step, filter) => tile.readWeight(step, filter),
  pixel: (pixel, _filter) => pixel,
  filter: (_pixel, filter) => filter,
};

/** A word moving right, with the fold and the streamed pixel or filter that it belongs to. Raw null: beyond the tile. */
interface Operand {
  readonly raw: bigint | null;
  readonly fold: Fold;
  readonly streamIndex: number;
}

/** A product in the pipeline between multiplier and adder. Raw null: of an idle element. */
interface Product {
  readonly raw: bigint | null;
  readonly place: Place;
  readonly operand: Operand;
}

/** A partial sum moving down. */
interface PartialSum {
  readonly raw: bigint;
  readonly fold: Fold;
  readonly streamIndex: number;
}

class Element extends ProcessingElement {
  /** Operand register towards the right neighbour. */
  streamed: Operand | null = null;
  /** The stationary word; null in an idle element. */
  stationary: bigint | null = null;
  /** The next stationary word: a shadow with `weightDoubleBuffer`, else the same register, loaded while nothing streams. */
  next: bigint | null = null;
  /** The accumulator, towards the lower neighbour. */
  partial: PartialSum | null = null;
  readonly pipeline: ShiftRegister<Product>;

  constructor(tile: Tile, row: number, column: number) {
    super(tile, row, column);
    this.pipeline = new ShiftRegister(tile.state.machine.macPipeline);
  }
}

/**
 * Weight- and input-stationary: element (r, c) holds one word, loaded row by row before its fold streams, column c one
 * step after column c − 1. Streamed words enter on the left, row r one step after row r − 1, and move right. A partial
 * sum enters row 0 as 0, moves down a row a step and meets in each row the product of its own pixel and filter; below
 * the last row it goes to the bank adder of its column.
 */
export class StationaryOperandArray implements MatrixArray {
  readonly #tile: Tile;
  readonly #roles: Roles;
  readonly #rows: number;
  readonly #columns: number;
  readonly #columnExtent: number;
  readonly #streamExtent: number;
  readonly #elements: readonly (readonly Element[])[];
  /** Registers of the bank adders, by column; their row is R. */
  readonly #bankRegisters: readonly QuantizingRegister[];
  readonly #folds: FoldSequence;

  constructor(tile: Tile, roles: Roles) {
    const { rows, columns, weightDoubleBuffer } = tile.state.machine;
    this.#tile = tile;
    this.#roles = roles;
    this.#rows = rows;
    this.#columns = columns;
    this.#columnExtent = roles.columnExtent(tile);
    this.#streamExtent = roles.streamExtent(tile);
    this.#elements = grid(rows, columns, (row, column) => new Element(tile, row, column));
    this.#bankRegisters = Array.from(
      { length: columns },
      (_, column) =>
        new QuantizingRegister(tile.state, tile.instruction, "accumulator", tile.accumulator, rows, column),
    );
    const period = weightDoubleBuffer ? Math.max(this.#streamExtent, rows) : null;
    this.#folds = new FoldSequence(foldsOf(tile.steps, this.#columnExtent, rows, columns), period);
  }

  step(): boolean {
    this.#folds.advance();
    this.#clockElements();
    this.#loadStationary();
    this.#leaveArray();
    return this.#folds.allFinished;
  }

  /** Right to left and bottom to top, so that every element still sees what its neighbours held before this step. */
  #clockElements(): void {
    const entering = this.#leftEdge();
    for (let row = this.#rows - 1; row >= 0; row--) {
      for (let column = this.#columns - 1; column >= 0; column--) {
        const streamed = column === 0 ? entering[row] : this.#element(row, column - 1).streamed;
        const above = row === 0 ? null : this.#element(row - 1, column).partial;
        this.#clockElement(this.#element(row, column), streamed ?? null, above);
      }
    }
  }

  #clockElement(element: Element, streamed: Operand | null, above: PartialSum | null): void {
    element.streamed = streamed;
    if (streamed !== null && streamed.streamIndex === 0) element.stationary = element.next;
    const product = element.pipeline.shift(streamed === null ? null : this.#multiply(element, streamed));
    element.partial = product === null ? null : accumulate(element, product, above);
  }

  #multiply(element: Element, operand: Operand): Product {
    const { raw, fold, streamIndex } = operand;
    const columnIndex = fold.firstColumn + element.column;
    const place = {
      pixel: this.#roles.pixel(columnIndex, streamIndex),
      channel: this.#roles.filter(columnIndex, streamIndex),
      step: this.#tile.firstStep + fold.firstRow + element.row,
    };
    const { stationary } = element;
    const product = raw === null || stationary === null ? null : element.multiplier.multiply(raw, stationary, place);
    return { raw: product, place, operand };
  }

  /** Row i of column c is written i + c steps after the fold began, at the end of the step. */
  #loadStationary(): void {
    for (const { fold, clock } of this.#folds.running) {
      for (let column = 0; column < this.#columns; column++) {
        const row = clock - column;
        if (row < 0 || row >= this.#rows) continue;
        const step = fold.firstRow + row;
        const columnIndex = fold.firstColumn + column;
        const idle = step >= this.#tile.steps || columnIndex >= this.#columnExtent;
        this.#element(row, column).next = idle ? null : this.#roles.readStationary(this.#tile, step, columnIndex);
      }
    }
  }

  /** What enters each row in this step: row 0 begins R steps after the fold, when its first weights are there. */
  #leftEdge(): (Operand | null)[] {
    const entering = new Array<Operand | null>(this.#rows).fill(null);
    for (const { fold, clock } of this.#folds.running) {
      for (let row = 0; row < this.#rows; row++) {
        const streamIndex = clock - this.#rows - row;
        if (streamIndex < 0 || streamIndex >= this.#streamExtent) continue;
        const step = fold.firstRow + row;
        const raw = step < this.#tile.steps ? this.#roles.readStreamed(this.#tile, step, streamIndex) : null;
        entering[row] = { raw, fold, streamIndex };
      }
    }
    return entering;
  }

  /** Hands the column sums that left the last row in this step to the bank adders. */
  #leaveArray(): void {
    for (let column = 0; column < this.#columns; column++) {
      const sum = this.#element(this.#rows - 1, column).partial;
      if (sum === null) continue;
      if (sum.fold.firstColumn + column < this.#columnExtent) {
        this.#tile.state.bankAdders.schedule(this.#tile.instruction, () => this.#addToBank(column, sum));
      }
      const isLast = column === this.#columns - 1 && sum.streamIndex === this.#streamExtent - 1;
      if (isLast) this.#folds.finishOldest();
    }
  }

  /** The first group of a sum overwrites the bank, every later one is added. */
  #addToBank(column: number, { raw, fold, streamIndex }: PartialSum): void {
    const columnIndex = fold.firstColumn + column;
    const pixel = this.#roles.pixel(columnIndex, streamIndex);
    const filter = this.#roles.filter(columnIndex, streamIndex);
    if (fold.firstRow === 0 && !this.#tile.accumulate) {
      this.#tile.writeBank(pixel, filter, raw);
      return;
    }
    const lastRowStep = Math.min(fold.firstRow + this.#rows, this.#tile.steps) - 1;
    const place = { pixel, channel: filter, step: this.#tile.firstStep + lastRowStep };
    const { fractionLength } = this.#tile.accumulator.format;
    const register = this.#bankRegisters[column] as QuantizingRegister;
    const sum = register.write(this.#tile.readBank(pixel, filter) + raw, fractionLength, place);
    this.#tile.writeBank(pixel, filter, sum);
  }

  #element(row: number, column: number): Element {
    return (this.#elements[row] as readonly Element[])[column] as Element;
  }
}

/** The partial sum from above plus this element's product; an idle element passes it on as it came. */
function accumulate(element: Element, { raw, place, operand }: Product, above: PartialSum | null): PartialSum {
  const { fold, streamIndex } = operand;
  const sum = element.row === 0 ? { raw: 0n, fold, streamIndex } : above;
  if (sum?.fold !== fold || sum.streamIndex !== streamIndex) {
    throw new InvariantError(`a product met another partial sum in element (${element.row}, ${element.column})`);
  }
  return raw === null ? sum : { raw: element.accumulator.add(sum.raw, raw, place), fold, streamIndex };
}
