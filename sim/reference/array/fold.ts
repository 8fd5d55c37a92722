/** One pass over the array: it covers rows firstRow … and columns firstColumn … of the problem. */
export interface Fold {
  readonly firstRow: number;
  readonly firstColumn: number;
}

/** All folds of a problem of so many rows and columns on an R × C array: column folds outer, row folds inner. */
export function foldsOf(rowExtent: number, columnExtent: number, arrayRows: number, arrayColumns: number): Fold[] {
  const folds: Fold[] = [];
  for (let firstColumn = 0; firstColumn < columnExtent; firstColumn += arrayColumns) {
    for (let firstRow = 0; firstRow < rowExtent; firstRow += arrayRows) folds.push({ firstRow, firstColumn });
  }
  return folds;
}

/** A fold on its way through the array; `clock` counts the steps since it began. */
export interface RunningFold {
  readonly fold: Fold;
  clock: number;
}

/**
 * Starts fold after fold. Without a period a fold begins in the step after the one before has finished; with one, so
 * many steps after the one before began. Folds finish in the order in which they began.
 */
export class FoldSequence {
  readonly running: RunningFold[] = [];
  readonly #folds: readonly Fold[];
  readonly #period: number | null;
  #begun = 0;
  #stepsSinceBegun = 0;
  #finished = 0;

  constructor(folds: readonly Fold[], period: number | null) {
    this.#folds = folds;
    this.#period = period;
  }

  /** The beginning of an array step. */
  advance(): void {
    for (const running of this.running) running.clock++;
    this.#stepsSinceBegun++;
    const next = this.#folds[this.#begun];
    if (next === undefined || !this.#isDue()) return;
    this.running.push({ fold: next, clock: 0 });
    this.#begun++;
    this.#stepsSinceBegun = 0;
  }

  /** The oldest running fold has had its last effect. */
  finishOldest(): void {
    this.running.shift();
    this.#finished++;
  }

  get allFinished(): boolean {
    return this.#finished === this.#folds.length;
  }

  #isDue(): boolean {
    if (this.#begun === 0) return true;
    return this.#period === null ? this.running.length === 0 : this.#stepsSinceBegun >= this.#period;
  }
}
