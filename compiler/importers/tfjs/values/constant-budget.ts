/** A bound on the constants that are computed while a model is read: no small file may ask for gigabytes. */
import { elementCount, formatShape } from "../../../graph/shape.ts";
import { nodeError } from "./node-error.ts";

/** What any model may use beside eight times its own weights: 64 MiB of float32. */
const FREE_ELEMENTS = 2 ** 24;

export class ConstantBudget {
  #left: number;

  constructor(weights: number) {
    this.#left = FREE_ELEMENTS + 8 * weights;
  }

  /** Before a constant of that shape is made. Throws `DiagnosticError` where all together would be too large. */
  take(place: { readonly where: string }, shape: readonly number[]): void {
    const count = elementCount(shape);
    this.#left -= count;
    if (shape.every((size) => Number.isSafeInteger(size) && size >= 0) && this.#left >= 0) return;
    throw nodeError(
      place,
      "output",
      `a constant ${formatShape(shape)} is computed, which is more than a model of this size needs`,
      "export the model again; constants belong into its weights",
    );
  }
}
