import { InvariantError } from "../../../isa/diagnostic.ts";
import type { Place } from "../quantizing-register.ts";
import { FoldSequence, foldsOf, type RunningFold } from "./fold.ts";
import type { MatrixArray } from "./matrix-array.ts";
import { grid, ProcessingElement } from "./processing-element.ts";
import { ShiftRegister } from "./shift-register.ts";
import type { Tile } from "./tile.ts";

/** A word on its way through the array with what belongs to it. Raw null: beyond the tile, a bubble that does nothing. */
interface Operand {
  readonly raw: bigint | null;
  /** Pixel of an input, filter of a weight. */
  readonly index: number;
  /** k inside the instruction. */
  readonly step: number;
  readonly first: boolean;
  readonly last: boolean;
}

/** A product in the pipeline between multiplier and adder. */
interface Product {
  /** Null in an idle element. */
  readonly raw: bigint | null;
  readonly place: Place;
  readonly first: boolean;
  readonly last: boolean;
}

/** A finished sum in the drain chain. Raw null: of an idle element. */
interface FinishedSum {
  readonly raw: bigint | null;
  readonly pixel: number;
  readonly filter: number;
}

class Element extends ProcessingElement {
  /** Operand register towards the right neighbour. */
  input: Operand | null = null;
  /** Operand register towards the lower neighbour. */
  weight: Operand | null = null;
  /** The accumulator. */
  sum = 0n;
  /** Drain chain: the accumulator itself, or with `drainOverlap` its shadow, so that the next sum can begin. */
  finished: FinishedSum | null = null;
  readonly pipeline: ShiftRegister<Product>;

  constructor(tile: Tile, row: number, column: number) {
    super(tile, row, column);
    this.pipeline = new ShiftRegister(tile.state.machine.macPipeline);
  }
}

/**
 * Output-stationary: element (r, c) keeps the sum of one pixel and one filter. Inputs enter on the left, row r one step
 * after row r − 1, and move right; weights enter on top with the same skew and move down; so both operands of a step k
 * meet in element (r, c) r + c steps after they met in the corner. When the last element of a column has its sum, the
 * column's sums move down the drain chain, one a step, into the bank.
 */
export class OutputStationaryArray implements MatrixArray {
  readonly #tile: Tile;
  readonly #rows: number;
  readonly #columns: number;
  readonly #elements: readonly (readonly Element[])[];
  readonly #folds: FoldSequence;
  /** Steps in which the sums to go on from enter before a fold streams. */
  readonly #preloadSteps: number;
  /** Sums of the column that have left since it began to drain; null while it does not drain. */
  readonly #drained: (number | null)[];

  constructor(tile: Tile) {
    const { rows, columns, drainOverlap } = tile.state.machine;
    this.#tile = tile;
    this.#rows = rows;
    this.#columns = columns;
    this.#elements = grid(rows, columns, (row, column) => new Element(tile, row, column));
    this.#preloadSteps = tile.accumulate ? rows : 0;
    const period = drainOverlap && !tile.accumulate ? Math.max(tile.steps, rows) : null;
    this.#folds = new FoldSequence(foldsOf(tile.pixels, tile.filters, rows, columns), period);
    this.#drained = new Array<number | null>(columns).fill(null);
  }

  step(): boolean {
    this.#folds.advance();
    this.#drain();
    for (const running of this.#folds.running) {
      if (running.clock < this.#preloadSteps) this.#preload(running);
    }
    this.#clockElements();
    return this.#folds.allFinished;
  }

  /** One row of sums enters on top, all others move down a row: the lowest row's sums come first. */
  #preload({ fold, clock }: RunningFold): void {
    for (let row = this.#rows - 1; row > 0; row--) {
      for (let column = 0; column < this.#columns; column++) {
        this.#element(row, column).sum = this.#element(row - 1, column).sum;
      }
    }
    const pixel = fold.firstRow + this.#rows - 1 - clock;
    if (pixel >= this.#tile.pixels) return;
    for (let column = 0; column < this.#columns; column++) {
      const filter = fold.firstColumn + column;
      if (filter < this.#tile.filters) this.#element(0, column).sum = this.#tile.readBank(pixel, filter);
    }
  }

  /** Right to left and bottom to top, so that every element still sees what its neighbours held before this step. */
  #clockElements(): void {
    const inputs = this.#leftEdge();
    const weights = this.#topEdge();
    for (let row = this.#rows - 1; row >= 0; row--) {
      for (let column = this.#columns - 1; column >= 0; column--) {
        const input = column === 0 ? inputs[row] : this.#element(row, column - 1).input;
        const weight = row === 0 ? weights[column] : this.#element(row - 1, column).weight;
        this.#clockElement(this.#element(row, column), input ?? null, weight ?? null);
      }
    }
  }

  #multiply(element: Element, input: Operand | null, weight: Operand | null): Product | null {
    if (input === null || weight === null) return null;
    if (input.step !== weight.step)
      throw new InvariantError(`steps ${input.step} and ${weight.step} met in one element`);
    const { step, first, last } = input;
    const place = { pixel: input.index, channel: weight.index, step: this.#tile.firstStep + step };
    const idle = input.raw === null || weight.raw === null;
    return { raw: idle ? null : element.multiplier.multiply(input.raw, weight.raw, place), place, first, last };
  }

  #clockElement(element: Element, input: Operand | null, weight: Operand | null): void {
    element.input = input;
    element.weight = weight;
    const product = element.pipeline.shift(this.#multiply(element, input, weight));
    if (product === null) return;
    const { raw, place, first, last } = product;
    if (raw !== null) {
      const before = first && !this.#tile.accumulate ? 0n : element.sum;
      element.sum = element.accumulator.add(before, raw, place);
    }
    if (!last) return;
    element.finished = { raw: raw === null ? null : element.sum, pixel: place.pixel, filter: place.channel };
    if (element.row === this.#rows - 1) this.#drained[element.column] = 0;
  }

  /**
   * One step of the drain chains. In a column from which j sums have left, rows 0 … j − 1 may hold sums of the next fold
   * already: the chain moves from row j downwards only.
   */
  #drain(): void {
    for (let column = 0; column < this.#columns; column++) {
      const leaving = this.#drained[column] ?? null;
      if (leaving === null) continue;
      const sum = this.#element(this.#rows - 1, column).finished;
      if (sum !== null && sum.raw !== null) this.#tile.writeBank(sum.pixel, sum.filter, sum.raw);
      for (let row = this.#rows - 1; row > leaving; row--) {
        this.#element(row, column).finished = this.#element(row - 1, column).finished;
      }
      this.#element(leaving, column).finished = null;
      const empty = leaving + 1 === this.#rows;
      this.#drained[column] = empty ? null : leaving + 1;
      if (empty && column === this.#columns - 1) this.#folds.finishOldest();
    }
  }

  /** What enters each row in this step. */
  #leftEdge(): (Operand | null)[] {
    const { pixels } = this.#tile;
    return this.#edge(
      this.#rows,
      (fold) => fold.firstRow,
      pixels,
      (pixel, step) => this.#tile.readInput(pixel, step),
    );
  }

  /** What enters each column in this step. */
  #topEdge(): (Operand | null)[] {
    const { filters } = this.#tile;
    const read = (filter: number, step: number): bigint => this.#tile.readWeight(step, filter);
    return this.#edge(this.#columns, (fold) => fold.firstColumn, filters, read);
  }

  #edge(
    length: number,
    firstIndex: (fold: RunningFold["fold"]) => number,
    extent: number,
    read: (index: number, step: number) => bigint,
  ): (Operand | null)[] {
    const { steps } = this.#tile;
    const entering = new Array<Operand | null>(length).fill(null);
    for (const { fold, clock } of this.#folds.running) {
      for (let line = 0; line < length; line++) {
        const step = clock - this.#preloadSteps - line;
        if (step < 0 || step >= steps) continue;
        const index = firstIndex(fold) + line;
        const raw = index < extent ? read(index, step) : null;
        entering[line] = { raw, index, step, first: step === 0, last: step === steps - 1 };
      }
    }
    return entering;
  }

  #element(row: number, column: number): Element {
    return (this.#elements[row] as readonly Element[])[column] as Element;
  }
}
