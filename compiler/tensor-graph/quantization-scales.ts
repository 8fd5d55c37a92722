/** Which scale and zero point belong to which element: one for all, one per position of an axis, one per block of it. */
import { elementCount, formatShape } from "../graph/shape.ts";
import { nodeError } from "./node-access.ts";

/**
 * For every element of `shape`, row-major, the element of a scale of `scaleShape`; null where one scale serves all. A scale of
 * one axis runs along `axis` of the tensor; one of as many axes as the tensor holds blocks of `block` elements on `axis`.
 */
export function scaleIndex(
  shape: readonly number[],
  scaleShape: readonly number[],
  axis: number,
  block: number,
): Int32Array | null {
  if (elementCount(scaleShape) === 1 && block === 0) return null;
  const size = shape[axis] ?? 1;
  const blocks = block === 0 ? size : Math.ceil(size / block);
  const expected = block === 0 ? [size] : shape.map((length, at) => (at === axis ? blocks : length));
  if (scaleShape.length !== expected.length || scaleShape.some((length, at) => length !== expected[at])) {
    throw nodeError(
      "the scale",
      `found shape ${formatShape(scaleShape)}, expected ${formatShape(expected)} or one element`,
      `the tensor is ${formatShape(shape)}, the axis ${axis}`,
    );
  }
  const inner = elementCount(shape.slice(axis + 1));
  const index = new Int32Array(elementCount(shape));
  for (let element = 0; element < index.length; element++) {
    const position = Math.floor(element / inner) % size;
    index[element] =
      block === 0
        ? position
        : (Math.floor(element / (inner * size)) * blocks + Math.floor(position / block)) * inner + (element % inner);
  }
  return index;
}
