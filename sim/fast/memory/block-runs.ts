/** Distances of a block's rows and columns in an array of words. */
export interface BlockPitches {
  readonly rowPitch: number;
  readonly columnPitch: number;
}

/**
 * The runs in which a rows × columns × channels block goes from one array to another: as many words at a time as lie next to
 * each other in both. Kept as pitches, not as a list: a program has many blocks, and a block many runs.
 */
export interface BlockRuns {
  readonly rows: number;
  readonly columns: number;
  /** Words of one run. */
  readonly length: number;
  readonly from: BlockPitches;
  readonly to: BlockPitches;
}

export function blockRuns(
  block: { readonly rows: number; readonly columns: number; readonly channels: number },
  from: BlockPitches,
  to: BlockPitches,
): BlockRuns {
  const { rows, columns, channels } = block;
  const isDenseRow = columns === 1 || (from.columnPitch === channels && to.columnPitch === channels);
  if (!isDenseRow) return { rows, columns, length: channels, from, to };
  const length = columns * channels;
  const isDense = rows === 1 || (from.rowPitch === length && to.rowPitch === length);
  return isDense ? { rows: 1, columns: 1, length: rows * length, from, to } : { rows, columns: 1, length, from, to };
}

/** Run by run in block order; both places count from the block's first word. */
export function forEachRun(
  { rows, columns, length, from, to }: BlockRuns,
  visit: (from: number, to: number, length: number) => void,
): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      visit(row * from.rowPitch + column * from.columnPitch, row * to.rowPitch + column * to.columnPitch, length);
    }
  }
}
