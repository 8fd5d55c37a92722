/** Tensors that a model declares as its outputs, in the words of the program's output tensor. */
import { elementCount, type ModelOutput } from "./program.ts";

export type { ModelOutput } from "./program.ts";

/** Whether `order` names each axis of `shape` once. */
export function isAxisOrder({ shape, order }: ModelOutput): boolean {
  return order.length === shape.length && shape.every((_, axis) => order.includes(axis));
}

/**
 * For each element, outputs one after the other and each in row-major order of its shape, the place of its word in memory; null
 * where words lie in that order anyway.
 */
export function modelOrder(outputs: readonly ModelOutput[]): Int32Array | null {
  const places = new Int32Array(outputs.reduce((sum, { shape }) => sum + elementCount(shape), 0));
  let start = 0;
  for (const { shape, order } of outputs) {
    const strides = new Array<number>(shape.length).fill(0);
    let stride = 1;
    for (const axis of order.toReversed()) {
      strides[axis] = stride;
      stride *= shape[axis] ?? 1;
    }
    const count = elementCount(shape);
    const index = new Array<number>(shape.length).fill(0);
    let place = start;
    for (let element = 0; element < count; element++) {
      places[start + element] = place;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const next = (index[axis] ?? 0) + 1;
        place += strides[axis] ?? 0;
        if (next < (shape[axis] ?? 1)) {
          index[axis] = next;
          break;
        }
        place -= next * (strides[axis] ?? 0);
        index[axis] = 0;
      }
    }
    start += count;
  }
  return places.every((place, element) => place === element) ? null : places;
}

/** Values of images, each image's in the order of `places`; the same values where it is null. */
export function inModelOrder<Value>(values: ArrayLike<Value>, places: Int32Array | null): ArrayLike<Value> {
  if (places === null) return values;
  const { length } = places;
  return Array.from(values, (_, index) => {
    const element = index % length;
    return values[index - element + (places[element] ?? 0)] as Value;
  });
}
