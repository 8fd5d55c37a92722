import type { Pool } from "../../../isa/instructions/pool.ts";
import { MachineFault } from "../machine-fault.ts";

/** A window: by position, row-major, the pixel of the input block that it covers; null where it covers padding. */
export type Window = readonly (number | null)[];

/**
 * The windows of all output pixels, row-major. Faults (`configuration`) where one covers padding only and its result needs a
 * valid position: it has no maximum, and no average but one that counts padding.
 */
export function poolWindows(pool: Pool): Window[] {
  const needsValid = pool.kind === "maximum" || !pool.countPadding;
  const windows: Window[] = [];
  for (let row = 0; row < pool.outputRows; row++) {
    for (let column = 0; column < pool.outputColumns; column++) {
      const top = row * pool.strideRows - pool.padTop;
      const left = column * pool.strideColumns - pool.padLeft;
      const window = windowAt(pool, top, left);
      if (needsValid && window.every((pixel) => pixel === null)) {
        throw new MachineFault(
          "configuration",
          `the window of output row ${row}, column ${column} covers padding only`,
        );
      }
      windows.push(window);
    }
  }
  return windows;
}

function windowAt(pool: Pool, top: number, left: number): Window {
  const window: (number | null)[] = [];
  for (let row = top; row < top + pool.kernelRows; row++) {
    for (let column = left; column < left + pool.kernelColumns; column++) {
      const inside = row >= 0 && row < pool.inputRows && column >= 0 && column < pool.inputColumns;
      window.push(inside ? row * pool.inputColumns + column : null);
    }
  }
  return window;
}
