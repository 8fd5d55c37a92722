/** Moving elements without looking at them. */

import { movable, sameType } from "../tensor.ts";
import type { AnyTensor } from "../tensor-graph.ts";
import { stridesOf } from "./broadcast.ts";

/** In a table for `pick`: nothing stands there, the element stays zero. */
export const OUTSIDE: number = -(2 ** 40);

/**
 * A tensor of which element [i, j, …] is the source's element at offset tables[0][i] + tables[1][j] + …; where the sum is
 * negative it is `fill`, zero or such a tensor's first element. The result's shape is the tables' lengths.
 */
export function pick<T extends AnyTensor>(source: T, tables: readonly ArrayLike<number>[], fill?: AnyTensor): T {
  const shape = tables.map((table) => table.length);
  const result = sameType(source, shape);
  const from = movable(source);
  const to = movable(result);
  const empty = fill === undefined ? undefined : movable(fill)[0];
  let next = 0;
  walk(0, 0);
  return result;

  function walk(axis: number, base: number): void {
    const table = tables[axis];
    if (table === undefined) {
      store(base);
    } else if (axis < tables.length - 1) {
      for (let place = 0; place < table.length; place++) walk(axis + 1, base + (table[place] ?? 0));
    } else {
      for (let place = 0; place < table.length; place++) store(base + (table[place] ?? 0));
    }
  }

  function store(offset: number): void {
    const value = offset < 0 ? empty : from[offset];
    if (value !== undefined) to[next] = value;
    next++;
  }
}

/** The table of an axis along which every `step`-th of the source's elements is taken, `count` of them from `start`. */
export function rangeTable(count: number, stride: number, start = 0, step = 1): Float64Array {
  return Float64Array.from({ length: count }, (_, place) => (start + place * step) * stride);
}

/** Tables that pick every element where it stands. */
export function wholeTables(shape: readonly number[]): Float64Array[] {
  const strides = stridesOf(shape);
  return shape.map((size, axis) => rangeTable(size, strides[axis] ?? 1));
}

/** The source with its axes in another order: axis n of the result is axis order[n] of the source. */
export function transposed<T extends AnyTensor>(source: T, order: readonly number[]): T {
  const tables = wholeTables(source.shape);
  return pick(
    source,
    order.map((axis) => tables[axis] ?? []),
  );
}
