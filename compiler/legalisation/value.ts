/**
 * Tensors as values of the network. The network stores words in row-major order of its own shape; a tensor's axes lie in
 * that memory in some order, so that axes which are only renamed cost nothing: [1, C, H, W] over an image [H, W, C] has
 * the order [0, 2, 3, 1]. Axes of size 1 lie anywhere.
 */

import type { RegisterSpec } from "../../isa/numerics/register.ts";
import { elementCount } from "../graph/shape.ts";
import type { RegisterFields } from "../quantization/specification.ts";

/** A register that the model prescribes, as an assignment writes it. */
export type PrescribedRegister = RegisterFields & { readonly format: string };

/** A tensor of integers: what one of them is in the network's value. */
export interface IntegerWords {
  /** Value of one: the value is (integer − zeroPoint) · unit. */
  readonly unit: number;
  readonly zeroPoint: number;
  /** Register whose words they are; null where the value is whole and nothing has quantized it. */
  readonly register: RegisterSpec | null;
}

export interface NetworkValue {
  /** Name of the network's value. */
  readonly name: string;
  /** Shape of the tensor. */
  readonly shape: readonly number[];
  /** The tensor's axes as they lie in memory, outermost first. */
  readonly order: readonly number[];
  /** Of a tensor of integers; absent for floats. */
  readonly words?: IntegerWords | undefined;
}

/** Axes in the tensor's own order: 0, 1, … */
export function rowMajor(rank: number): readonly number[] {
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** Channels innermost, as images of the network lie: [0, 2, 3, …, 1]. */
export function channelsLast(rank: number): readonly number[] {
  const axes = rowMajor(rank);
  return [...axes.slice(0, 1), ...axes.slice(2), ...axes.slice(1, 2)];
}

/** Sizes in memory, outermost first. */
export function storedSizes({ shape, order }: Pick<NetworkValue, "shape" | "order">): readonly number[] {
  return order.map((axis) => shape[axis] ?? 1);
}

/** Whether both orders put the elements of a tensor of this shape into the same places. */
export function sameOrder(shape: readonly number[], a: readonly number[], b: readonly number[]): boolean {
  const moving = (order: readonly number[]): readonly number[] => order.filter((axis) => shape[axis] !== 1);
  const others = moving(b);
  return moving(a).every((axis, position) => axis === others[position]);
}

/** The value under permuted axes: axis n of the result is axis `permutation[n]`. Nothing moves. */
export function withAxesPermuted(value: NetworkValue, permutation: readonly number[]): NetworkValue {
  const { shape, order } = value;
  return {
    ...value,
    shape: permutation.map((axis) => shape[axis] ?? 1),
    order: order.map((axis) => permutation.indexOf(axis)),
  };
}

/**
 * The value under another shape of as many elements in the tensor's row-major order; undefined where the elements would
 * have to move in memory for that, because axes to be joined do not lie one behind the other.
 */
export function withShape(value: NetworkValue, shape: readonly number[]): NetworkValue | undefined {
  const replaced = new Map<number, readonly number[]>();
  const stored = value.order.filter((axis) => value.shape[axis] !== 1);
  for (const { from, to } of matchAxes(value.shape, shape)) {
    const [first, ...others] = from.filter((axis) => value.shape[axis] !== 1);
    if (first === undefined) continue;
    const start = stored.indexOf(first);
    if (others.some((axis, index) => stored[start + index + 1] !== axis)) return undefined;
    replaced.set(first, to);
  }
  const placed = value.order.flatMap((axis) => replaced.get(axis) ?? []);
  // Axes of size 1 that belong to no group of elements.
  const rest = rowMajor(shape.length).filter((axis) => !placed.includes(axis));
  return { ...value, shape, order: [...rest, ...placed] };
}

/**
 * An order in memory in which the value can take on `shape`: what is joined stands together, where the outermost of it stands
 * in memory now.
 */
export function orderForShape(value: NetworkValue, shape: readonly number[]): readonly number[] {
  const runs = matchAxes(value.shape, shape).map(({ from }) => from.filter((axis) => value.shape[axis] !== 1));
  const order = value.order.flatMap((axis) => {
    const run = runs.find((axes) => axes.includes(axis)) ?? [axis];
    const isFirst = value.order.find((candidate) => run.includes(candidate)) === axis;
    return isFirst ? run : [];
  });
  return order;
}

/** Runs of axes of two shapes that hold the same elements in row-major order; sizes of 1 join any run. */
function matchAxes(
  a: readonly number[],
  b: readonly number[],
): readonly { readonly from: readonly number[]; readonly to: readonly number[] }[] {
  const runs: { from: number[]; to: number[] }[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const from: number[] = [];
    const to: number[] = [];
    let [left, right] = [1, 1];
    do {
      if (left <= right && i < a.length) {
        left *= a[i] ?? 1;
        from.push(i++);
      } else if (j < b.length) {
        right *= b[j] ?? 1;
        to.push(j++);
      } else {
        left *= a[i] ?? 1;
        from.push(i++);
      }
    } while (left !== right && (i < a.length || j < b.length));
    runs.push({ from, to });
  }
  return runs;
}

/** What lies outside, at and inside an axis in memory, in elements: the value is [outer, size, inner] in row-major order. */
export function around(value: NetworkValue, axis: number): readonly [outer: number, size: number, inner: number] {
  const sizes = storedSizes(value);
  const position = value.order.indexOf(axis);
  return [elementCount(sizes.slice(0, position)), value.shape[axis] ?? 1, elementCount(sizes.slice(position + 1))];
}

/**
 * For axes of the tensor the rows (0) or columns (1) of the network's image `image` that they are; undefined where one is
 * neither, or two fall together.
 */
export function imagePositions(
  value: NetworkValue,
  axes: readonly number[],
  image: readonly number[],
): readonly (0 | 1)[] | undefined {
  const positions = axes.flatMap((axis): readonly (0 | 1)[] => {
    const [outer, size] = around(value, axis);
    if (outer === 1 && image[0] === size) return [0];
    return outer === image[0] && image[1] === size ? [1] : [];
  });
  const isComplete = image.length === 3 && axes.length > 0 && positions.length === axes.length;
  return isComplete && new Set(positions).size === positions.length ? positions : undefined;
}
