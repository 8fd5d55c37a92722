import { combineSeed, type RandomWordSource, splitmix32 } from "../../../isa/numerics/random.ts";

/** Whose generators a bank holds. */
export interface GeneratorSeed {
  readonly seed: number;
  readonly instruction: number;
  /** Place of the register in `EVIDENCE_REGISTERS`. */
  readonly registerCode: number;
}

/** Rows firstRow … firstRow + rows − 1 and columns 0 … columns − 1 of the array or the lanes. */
export interface GeneratorBlock {
  readonly firstRow: number;
  readonly rows: number;
  readonly columns: number;
}

/** Writes the first state of every generator of a block for an image, rows `pitch` words apart. */
export function seedGenerators(
  { seed, instruction, registerCode }: GeneratorSeed,
  { firstRow, rows, columns }: GeneratorBlock,
  image: number,
  states: Int32Array,
  pitch: number,
): void {
  const prefix = combineSeed(seed, instruction, image, registerCode);
  for (let row = 0; row < rows; row++) {
    const rowPrefix = splitmix32((prefix ^ (firstRow + row)) >>> 0);
    for (let column = 0; column < columns; column++) {
      states[row * pitch + column] = splitmix32((rowPrefix ^ column) >>> 0) || 1;
    }
  }
}

/**
 * The xorshift32 generators (13, 17, 5) of one register, one per element or lane, as `registerGenerator` of
 * isa/numerics/random.ts defines them, with their states side by side.
 */
export class GeneratorBank implements RandomWordSource {
  private readonly states: Int32Array;
  private readonly seed: GeneratorSeed;
  private readonly block: GeneratorBlock;
  private selectedRow = 0;
  private selectedColumn = 0;

  constructor(seed: GeneratorSeed, block: GeneratorBlock) {
    this.seed = seed;
    this.block = block;
    this.states = new Int32Array(block.rows * block.columns);
  }

  /** Sets every generator to its first state for an image. */
  restart(image: number): void {
    seedGenerators(this.seed, this.block, image, this.states, this.block.columns);
  }

  /** The next word of one generator. */
  draw(row: number, column: number): number {
    const index = (row - this.block.firstRow) * this.block.columns + column;
    let state = this.states[index] as number;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.states[index] = state;
    return state >>> 0;
  }

  /** Chooses the generator that `next` steps. */
  select(row: number, column: number): this {
    this.selectedRow = row;
    this.selectedColumn = column;
    return this;
  }

  next(): number {
    return this.draw(this.selectedRow, this.selectedColumn);
  }
}
