/** Shapes that differ are brought together as NumPy does: aligned at the last axis, sizes of 1 repeat. */
import { elementCount, formatShape, sameShape } from "../../graph/shape.ts";
import { nodeError } from "../node-access.ts";
import { requireShape } from "../tensor.ts";

/** The common shape; throws `DiagnosticError` where there is none. */
export function broadcastShape(shapes: readonly (readonly number[])[]): readonly number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const common = Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    return sizes.find((size) => size !== 1) ?? 1;
  });
  const fits = shapes.every((shape) =>
    shape.every((size, axis) => size === 1 || size === common[axis + rank - shape.length]),
  );
  if (!fits) {
    throw nodeError(
      "inputs",
      `found shapes ${shapes.map(formatShape).join(", ")}, which do not broadcast`,
      "every size must be the others' or 1",
    );
  }
  requireShape(common);
  return common;
}

/** Throws `DiagnosticError` unless `shape` repeats to `target` without changing it. */
export function requireUnidirectional(shape: readonly number[], target: readonly number[], place: string): void {
  if (shape.length <= target.length && sameShape(broadcastShape([shape, target]), target)) return;
  throw nodeError(
    place,
    `found shape ${formatShape(shape)}, expected one that repeats to ${formatShape(target)}`,
    "every size must be the other's or 1",
  );
}

/** Row-major strides in elements. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  return shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
}

/**
 * For every element of the shape `target`, row-major, the element of `shape` that stands there; null where all stand where
 * they are. `shape` must broadcast to `target`.
 */
export function broadcastIndex(shape: readonly number[], target: readonly number[]): Int32Array | null {
  if (elementCount(shape) === elementCount(target)) return null;
  const index = new Int32Array(elementCount(target));
  if (index.length === 0) return index;
  // From the last axis out: the index of one block is repeated or shifted into the next.
  const strides = stridesOf(shape);
  let filled = 1;
  for (let axis = target.length - 1; axis >= 0; axis--) {
    const own = axis - target.length + shape.length;
    const step = (shape[own] ?? 1) === 1 ? 0 : (strides[own] ?? 0);
    for (let copy = 1; copy < (target[axis] ?? 1); copy++) {
      const start = copy * filled;
      const shift = copy * step;
      for (let position = 0; position < filled; position++) index[start + position] = (index[position] ?? 0) + shift;
    }
    filled *= target[axis] ?? 1;
  }
  return index;
}
