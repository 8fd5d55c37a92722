import { type Fold, FoldSequence, foldsOf } from "./fold.ts";
import type { MatrixArray } from "./matrix-array.ts";
import { Accumulator, Multiplier } from "./processing-element.ts";
import { ShiftRegister } from "./shift-register.ts";
import type { Tile } from "./tile.ts";

/** What one column has under way for one pixel and one chunk: products, level by level added up exactly. */
interface Chunk {
  /** R products at first, halved by every level of the tree. */
  readonly sums: readonly bigint[];
  readonly pixel: number;
  readonly filter: number;
  /** First k of the chunk inside the instruction. */
  readonly firstStep: number;
}

/** A column: R multipliers, the tree's levels, one accumulator (row R) on the bank. */
class Column {
  readonly multipliers: readonly Multiplier[];
  readonly pipeline: ShiftRegister<Chunk>;
  /** What stands before each level of the tree and, last, before the accumulator. */
  readonly levels: (Chunk | null)[];
  readonly accumulator: Accumulator;
  /** Weights of the chunk that is streaming, by row; 0 beyond the tile. */
  weights: bigint[] = [];

  constructor(tile: Tile, column: number) {
    const { rows, macPipeline } = tile.state.machine;
    this.multipliers = Array.from({ length: rows }, (_, row) => new Multiplier(tile, row, column));
    this.pipeline = new ShiftRegister(macPipeline);
    this.levels = [null];
    for (let inputs = rows; inputs > 1; inputs = Math.ceil(inputs / 2)) this.levels.push(null);
    this.accumulator = new Accumulator(tile, rows, column);
  }
}

/**
 * Tree: every column multiplies a chunk of R inputs by its own R weights at once; the products are quantized and then
 * added in pairs, exactly, one level a step; the sum is added to the accumulator in the bank. All pixels pass with one
 * chunk before the next chunk's weights take over. Inputs reach all columns in the same step.
 */
export class TreeArray implements MatrixArray {
  readonly #tile: Tile;
  readonly #rows: number;
  readonly #columns: readonly Column[];
  readonly #folds: FoldSequence;

  constructor(tile: Tile) {
    const { rows, columns } = tile.state.machine;
    this.#tile = tile;
    this.#rows = rows;
    this.#columns = Array.from({ length: columns }, (_, column) => new Column(tile, column));
    this.#folds = new FoldSequence(foldsOf(1, tile.filters, 1, columns), null);
  }

  step(): boolean {
    this.#folds.advance();
    for (const { fold, clock } of this.#folds.running) this.#clockColumns(fold, clock);
    return this.#folds.allFinished;
  }

  #clockColumns(fold: Fold, clock: number): void {
    const pixel = clock % this.#tile.pixels;
    const firstStep = Math.floor(clock / this.#tile.pixels) * this.#rows;
    const inputs = firstStep < this.#tile.steps ? this.#readInputs(pixel, firstStep) : null;
    let arrived: Chunk | null = null;
    for (const [index, column] of this.#columns.entries()) {
      const filter = fold.firstColumn + index;
      if (filter >= this.#tile.filters) continue;
      if (inputs !== null && pixel === 0) column.weights = this.#readWeights(firstStep, filter);
      arrived = this.#clockTree(column);
      const products = inputs === null ? null : this.#multiply(column, inputs, { pixel, filter, firstStep });
      column.levels[0] = column.pipeline.shift(products);
    }
    if (arrived !== null && this.#isLast(arrived)) this.#folds.finishOldest();
  }

  /** The next chunk of one pixel; shorter than R at the end of the sum. */
  #readInputs(pixel: number, firstStep: number): bigint[] {
    return this.#chunkSteps(firstStep).map((step) => this.#tile.readInput(pixel, step));
  }

  #readWeights(firstStep: number, filter: number): bigint[] {
    return this.#chunkSteps(firstStep).map((step) => this.#tile.readWeight(step, filter));
  }

  #chunkSteps(firstStep: number): number[] {
    const length = Math.min(this.#rows, this.#tile.steps - firstStep);
    return Array.from({ length }, (_, row) => firstStep + row);
  }

  /** Quantized products, filled up to R with exact zeros where multipliers are idle. */
  #multiply(column: Column, inputs: readonly bigint[], chunk: Omit<Chunk, "sums">): Chunk {
    const sums = column.multipliers.map((multiplier, row) => {
      const input = inputs[row];
      const weight = column.weights[row];
      if (input === undefined || weight === undefined) return 0n;
      const step = this.#tile.firstStep + chunk.firstStep + row;
      return multiplier.multiply(input, weight, { pixel: chunk.pixel, channel: chunk.filter, step });
    });
    return { ...chunk, sums };
  }

  /** One step of the tree, from its end to its beginning; returns the chunk that reached the accumulator. */
  #clockTree(column: Column): Chunk | null {
    const { levels } = column;
    const arrived = levels.at(-1) ?? null;
    if (arrived !== null) this.#accumulate(column, arrived);
    for (let level = levels.length - 1; level > 0; level--) {
      const below = levels[level - 1] ?? null;
      levels[level] = below === null ? null : { ...below, sums: pairSums(below.sums) };
    }
    return arrived;
  }

  #accumulate(column: Column, { sums, pixel, filter, firstStep }: Chunk): void {
    const sumOfProducts = sums[0] as bigint;
    const before = firstStep === 0 && !this.#tile.accumulate ? 0n : this.#tile.readBank(pixel, filter);
    const step = this.#tile.firstStep + Math.min(firstStep + this.#rows, this.#tile.steps) - 1;
    const sum = column.accumulator.add(before, sumOfProducts, { pixel, channel: filter, step });
    this.#tile.writeBank(pixel, filter, sum);
  }

  #isLast({ pixel, firstStep }: Chunk): boolean {
    return pixel === this.#tile.pixels - 1 && firstStep + this.#rows >= this.#tile.steps;
  }
}

/** (0, 1), (2, 3) …; an odd one at the end goes through. */
function pairSums(sums: readonly bigint[]): bigint[] {
  const pairs: bigint[] = [];
  for (let index = 0; index < sums.length; index += 2) pairs.push((sums[index] as bigint) + (sums[index + 1] ?? 0n));
  return pairs;
}
