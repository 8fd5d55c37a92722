/** Moving values: another shape of the network for the same words, and transposes where words must move. */
import type { GraphBuilder } from "../graph/builder.ts";
import { elementCount, sameShape } from "../graph/shape.ts";
import { type NetworkValue, sameOrder, storedSizes } from "./value.ts";

/** Where helper nodes go and what they are called after. */
export interface Emission {
  readonly builder: GraphBuilder;
  /** Base of the helpers' names: the node for which they are made. */
  readonly base: string;
}

/** The network's value `name` under `shape`, of as many elements: itself, or a reshape of it. */
export function view({ builder, base }: Emission, name: string, shape: readonly number[]): string {
  if (sameShape(builder.shapeOf(name), shape)) return name;
  return builder.add({ op: "reshape", name: builder.uniqueName(`${base}/view`), inputs: [name], shape });
}

/**
 * The value with its axes in memory in the order `order`. Where words must move these are transposes of three axes of the
 * network: runs of axes that stay together count as one, and where more than three runs change places one run after
 * the other is moved outwards.
 */
export function arranged(emission: Emission, value: NetworkValue, order: readonly number[]): NetworkValue {
  if (sameOrder(value.shape, value.order, order)) return { ...value, order };
  const size = (axis: number): number => value.shape[axis] ?? 1;
  const image = imageAxes(emission, value);
  if (image !== undefined) {
    const permutation = order.filter((axis) => image.includes(axis)).map((axis) => image.indexOf(axis));
    return { ...value, name: transposed(emission, value.name, image.map(size), permutation), order };
  }
  const wanted = order.filter((axis) => size(axis) !== 1);
  const runs = runsOf(
    value.order.filter((axis) => size(axis) !== 1),
    wanted,
  );
  const sizes = runs.map((run) => elementCount(run.map(size)));
  // Position of every run in the order wanted, by position in memory.
  const ranks = runs.map((run) => wanted.indexOf(run[0] ?? -1));
  const sorted = ranks.toSorted((a, b) => a - b);
  const permutation = sorted.map((rank) => ranks.indexOf(rank));
  let { name } = value;
  if (runs.length <= 3) {
    name = transposed(emission, name, [...sizes, ...ONES].slice(0, 3), [...permutation, 2].slice(0, 3));
  } else {
    const stored = rangeTo(runs.length);
    permutation.forEach((run, target) => {
      name = moveOutwards(emission, name, stored, sizes, stored.indexOf(run), target);
      stored.splice(stored.indexOf(run), 1);
      stored.splice(target, 0, run);
    });
  }
  return { ...value, name, order };
}

/** The three axes that the network's image has one by one, where it does and the tensor's others have size 1. */
function imageAxes({ builder }: Emission, { name, shape, order }: NetworkValue): readonly number[] | undefined {
  const axes = order.slice(-3);
  const others = order.slice(0, -3);
  const found = axes.map((axis) => shape[axis] ?? 1);
  return axes.length === 3 && others.every((axis) => shape[axis] === 1) && sameShape(builder.shapeOf(name), found)
    ? axes
    : undefined;
}

const ONES: readonly number[] = [1, 1, 1];

/** Brings the run at memory position `from` to position `target` ≤ `from`; the runs between move inwards by one. */
function moveOutwards(
  emission: Emission,
  value: string,
  stored: readonly number[],
  sizes: readonly number[],
  from: number,
  target: number,
): string {
  if (from === target) return value;
  const product = (runs: readonly number[]): number => elementCount(runs.map((run) => sizes[run] ?? 1));
  const outer = product(stored.slice(0, target));
  const between = product(stored.slice(target, from));
  const moved = product(stored.slice(from, from + 1));
  const inner = product(stored.slice(from + 1));
  if (inner === 1) return transposed(emission, value, [outer, between, moved], [0, 2, 1]);
  if (outer === 1) return transposed(emission, value, [between, moved, inner], [1, 0, 2]);
  // [o, b, m·i] → [o, m·i, b] = [o·m, i, b] → [o·m, b, i].
  const all = transposed(emission, value, [outer, between, moved * inner], [0, 2, 1]);
  return transposed(emission, all, [outer * moved, inner, between], [0, 2, 1]);
}

function transposed(
  emission: Emission,
  value: string,
  shape: readonly number[],
  permutation: readonly number[],
): string {
  const { builder, base } = emission;
  const input = view(emission, value, shape);
  return builder.add({ op: "transpose", name: builder.uniqueName(`${base}/transpose`), inputs: [input], permutation });
}

/** The axes of `stored` in runs that stand one behind the other in `wanted` too. */
function runsOf(stored: readonly number[], wanted: readonly number[]): readonly (readonly number[])[] {
  const runs: number[][] = [];
  for (const axis of stored) {
    const last = runs.at(-1);
    const before = last?.at(-1);
    if (last !== undefined && before !== undefined && wanted.indexOf(before) + 1 === wanted.indexOf(axis)) {
      last.push(axis);
    } else {
      runs.push([axis]);
    }
  }
  return runs;
}

function rangeTo(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

/** The image [rows, columns, channels] in which the tensor lies with `channels` innermost; other axes keep their order. */
export function asChannelsLast(emission: Emission, value: NetworkValue, channels: number): NetworkValue {
  return arranged(emission, value, [...value.order.filter((axis) => axis !== channels), channels]);
}

/** The whole value as a vector. */
export function asVector(emission: Emission, value: NetworkValue): string {
  return view(emission, value.name, [elementCount(storedSizes(value))]);
}
