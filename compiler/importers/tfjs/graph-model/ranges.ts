/** Parts of tensors by positions along every axis, as Slice and StridedSlice say them. */
import { formatShape } from "../../../graph/shape.ts";
import type { AxisRange, TensorPart } from "../values/arrange.ts";
import { nodeError } from "../values/node-error.ts";
import { integerAttribute, type NodePlace } from "./attributes.ts";

const HINT = "export the model again with tensorflowjs_converter";

/** Slice: sizes of −1 reach to the end. */
export function plainSlice(
  place: NodePlace,
  shape: readonly number[],
  begin: readonly number[],
  size: readonly number[],
): TensorPart {
  const ranges = shape.map((length, axis): AxisRange => {
    const start = begin[axis] ?? 0;
    const wanted = size[axis] ?? -1;
    return { start, count: wanted === -1 ? length - start : wanted, step: 1 };
  });
  const fits = ranges.every(
    ({ start, count }, axis) => start >= 0 && count >= 0 && start + count <= (shape[axis] ?? 0),
  );
  if (begin.length !== shape.length || size.length !== shape.length || !fits) {
    const what = `found begin ${formatShape(begin)} and size ${formatShape(size)} for ${formatShape(shape)}`;
    throw nodeError(place, "input begin", `${what}, expected positions of every axis`, HINT);
  }
  return { ranges, shape: ranges.map(({ count }) => count) };
}

/** StridedSlice with its five masks. */
export function stridedSlice(
  place: NodePlace,
  shape: readonly number[],
  begin: readonly number[],
  end: readonly number[],
  strides: readonly number[],
): TensorPart {
  const mask = (name: string): number => integerAttribute(place, name, 0);
  const [begins, ends, ellipsis] = [mask("begin_mask"), mask("end_mask"), mask("ellipsis_mask")];
  const [added, removed] = [mask("new_axis_mask"), mask("shrink_axis_mask")];
  const has = (bits: number, index: number): boolean => Math.floor(bits / 2 ** index) % 2 === 1;
  const ranges: AxisRange[] = [];
  const result: number[] = [];
  const keepWhole = (count: number): void => {
    for (const size of shape.slice(ranges.length, ranges.length + count)) {
      ranges.push({ start: 0, count: size, step: 1 });
      result.push(size);
    }
  };
  if (begin.length !== end.length || begin.length !== strides.length) {
    throw nodeError(place, "inputs", "begin, end and strides differ in length, expected lists of one length", HINT);
  }
  begin.forEach((first, index) => {
    if (has(ellipsis, index)) {
      const behind = begin.slice(index + 1).filter((_, offset) => !has(added, index + 1 + offset)).length;
      keepWhole(Math.max(shape.length - ranges.length - behind, 0));
      return;
    }
    if (has(added, index)) {
      result.push(1);
      return;
    }
    const size = shape[ranges.length];
    const step = strides[index] ?? 1;
    if (size === undefined || step === 0) {
      const what = size === undefined ? `found positions of ${begin.length} axes` : "found a stride of 0";
      throw nodeError(place, "input begin", `${what} for a tensor ${formatShape(shape)}`, HINT);
    }
    const [lowest, highest] = step > 0 ? [0, size] : [-1, size - 1];
    const bound = (position: number): number =>
      Math.min(Math.max(position < 0 ? position + size : position, lowest), highest);
    const start = has(begins, index) ? (step > 0 ? 0 : size - 1) : bound(first);
    if (has(removed, index)) {
      if (start < 0 || start >= size || (!has(begins, index) && (first < -size || first >= size))) {
        throw nodeError(place, "input begin", `found position ${first} of an axis of ${size}`, HINT);
      }
      ranges.push({ start, count: 1, step: 1 });
      return;
    }
    const stop = has(ends, index) ? (step > 0 ? size : -1) : bound(end[index] ?? 0);
    const count = Math.max(Math.ceil((stop - start) / step), 0);
    ranges.push({ start, count, step });
    result.push(count);
  });
  keepWhole(shape.length);
  return { ranges, shape: result };
}
