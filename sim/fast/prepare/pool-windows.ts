import type { Pool } from "../../../isa/instructions/pool.ts";

/** Valid positions of the window of one output, as ranges of kernel rows and columns; empty where first ≥ end. */
export interface PoolWindow {
  firstRow: number;
  endRow: number;
  firstColumn: number;
  endColumn: number;
  /** Number of valid positions, or of all with `countPadding`. */
  count: number;
}

/** The window of output (row, column), written into `window`. */
export function poolWindow(pool: Pool, row: number, column: number, window: PoolWindow): void {
  const top = row * pool.strideRows - pool.padTop;
  const left = column * pool.strideColumns - pool.padLeft;
  window.firstRow = Math.max(0, -top);
  window.endRow = Math.max(window.firstRow, Math.min(pool.kernelRows, pool.inputRows - top));
  window.firstColumn = Math.max(0, -left);
  window.endColumn = Math.max(window.firstColumn, Math.min(pool.kernelColumns, pool.inputColumns - left));
  const valid = (window.endRow - window.firstRow) * (window.endColumn - window.firstColumn);
  window.count = pool.countPadding ? pool.kernelRows * pool.kernelColumns : valid;
}

export function newWindow(): PoolWindow {
  return { firstRow: 0, endRow: 0, firstColumn: 0, endColumn: 0, count: 0 };
}

/** Index, within the input block, of channel 0 at kernel position (kernelRow, kernelColumn) of output (row, column). */
export function windowWord(pool: Pool, row: number, column: number, kernelRow: number, kernelColumn: number): number {
  const inputRow = row * pool.strideRows - pool.padTop + kernelRow;
  const inputColumn = column * pool.strideColumns - pool.padLeft + kernelColumn;
  return (inputRow * pool.inputColumns + inputColumn) * pool.channels;
}
