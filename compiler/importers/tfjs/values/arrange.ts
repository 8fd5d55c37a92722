/** Values repeated, cut, and with axes in another order. */
import { elementCount, sameShape } from "../../../graph/shape.ts";
import { nodeError } from "./node-error.ts";
import {
  addAs,
  addHelper,
  addNamed,
  type NetworkValue,
  type NewNodeWithoutName,
  storedShape,
  type ValueCall,
  view,
} from "./value.ts";

/** Positions start, start + step, …, `count` of them, of one axis. The step may be negative. */
export interface AxisRange {
  readonly start: number;
  readonly count: number;
  readonly step: number;
}

export interface TensorPart {
  /** One range per axis of the tensor. */
  readonly ranges: readonly AxisRange[];
  /** Shape of the part: axes may be new or gone, all of size 1. */
  readonly shape: readonly number[];
}

/** The value repeated along its axes of size 1, to a shape that it broadcasts to: nearest-neighbour resizing of one pixel. */
export function repeatedTo(call: ValueCall, value: NetworkValue, shape: readonly number[]): NetworkValue {
  const missing = shape.length - value.shape.length;
  const done = shape.map((_size, axis) => (axis < missing ? 1 : (value.shape[axis - missing] ?? 1)));
  let { name } = value;
  shape.forEach((size, axis) => {
    if (done[axis] === size) return;
    const outer = elementCount(done.slice(0, axis));
    const inner = elementCount(done.slice(axis + 1));
    name = addHelper(call, "repeat", {
      op: "resize",
      inputs: [view(call, name, [outer, 1, inner])],
      factors: [1, size],
    });
    done[axis] = size;
  });
  return { name, shape };
}

/** The value under another shape of as many elements. */
export function reshapedTo(call: ValueCall, value: NetworkValue, shape: readonly number[]): NetworkValue {
  const { takesBias: _, ...rest } = value;
  const stored = storedShape(shape);
  const isHosts = value.isSoftmax === true || value.closing !== undefined;
  if (isHosts || sameShape(call.builder.shapeOf(value.name), stored)) return { ...rest, shape };
  return { ...rest, name: addNamed(call, { op: "reshape", inputs: [value.name], shape: stored }), shape };
}

/** What lies outside, at and inside an axis, in elements. */
export function around(shape: readonly number[], axis: number): readonly [outer: number, size: number, inner: number] {
  return [elementCount(shape.slice(0, axis)), shape[axis] ?? 1, elementCount(shape.slice(axis + 1))];
}

/** A part of the value; the last cut bears the operator's name, or that of the role. */
export function cut(call: ValueCall, value: NetworkValue, part: TensorPart, role?: string): NetworkValue {
  const { shape } = value;
  part.ranges.forEach(({ start, count, step }, axis) => {
    if (count >= 1 && step >= 1) return;
    throw nodeError(
      call,
      `axis ${axis}`,
      count < 1 ? `nothing is left from ${start} on` : `found step ${step}, expected 1 or more`,
      count < 1 ? "a value needs elements" : "the machine does not reverse axes",
    );
  });
  const isCut = ({ start, count }: AxisRange, axis: number): boolean => start > 0 || count !== shape[axis];
  const axes = part.ranges.flatMap((range, axis) => (isCut(range, axis) ? [axis] : []));
  if (axes.length === 0) return { name: value.name, shape: part.shape };
  const stored = storedShape(shape);
  const offset = shape.length - stored.length;
  // An image or a vector, whose axes the network has one by one.
  if (offset === 1 && shape[0] === 1) {
    const node = slice(view(call, value.name, stored), part.ranges.slice(1));
    return { name: addAs(call, role, node), shape: part.shape };
  }
  let { name } = value;
  const done = [...shape];
  axes.forEach((axis, index) => {
    const [outer, , inner] = around(done, axis);
    const range = part.ranges[axis] ?? { start: 0, count: 1, step: 1 };
    const whole = (count: number): AxisRange => ({ start: 0, count, step: 1 });
    const node = slice(view(call, name, [...around(done, axis)]), [whole(outer), range, whole(inner)]);
    name = index + 1 < axes.length ? addHelper(call, "part", node) : addAs(call, role, node);
    done[axis] = range.count;
  });
  return { name, shape: part.shape };
}

function slice(input: string, ranges: readonly AxisRange[]): NewNodeWithoutName {
  return {
    op: "slice",
    inputs: [input],
    start: ranges.map(({ start }) => start),
    stop: ranges.map(({ start, count, step }) => start + (count - 1) * step + 1),
    step: ranges.map(({ step }) => step),
  };
}

/** Values one after the other along an axis in which alone they differ. What lies inside the axis joins it. */
export function concatenated(call: ValueCall, values: readonly NetworkValue[], axis: number): NetworkValue {
  const [first, ...others] = values;
  if (first === undefined) throw nodeError(call, "inputs", "found none, expected values", "export the model again");
  const differs = others.some(({ shape }) => {
    const sameRank = shape.length === first.shape.length;
    return !sameRank || shape.some((size, candidate) => candidate !== axis && size !== first.shape[candidate]);
  });
  if (differs) {
    const what = `found ${values.map(({ shape }) => `[${shape.join(", ")}]`).join(", ")}`;
    throw nodeError(call, "inputs", what, "sizes may differ along the axis only");
  }
  if (others.length === 0) return { name: first.name, shape: first.shape };
  const shape = first.shape.with(
    axis,
    values.reduce((sum, value) => sum + (value.shape[axis] ?? 0), 0),
  );
  const stored = storedShape(first.shape);
  const isLast = axis === first.shape.length - 1;
  const [outer] = around(first.shape, axis);
  const rows = isLast && stored.length === 3 ? stored.slice(0, 2) : outer === 1 ? [] : [1, outer];
  const inputs = values.map((value) => {
    const [, size, inner] = around(value.shape, axis);
    return view(call, value.name, [...rows, size * inner]);
  });
  return { name: addNamed(call, { op: "concatenate", inputs }), shape };
}

/** Axis n of the result is axis permutation[n] of the value. */
export function permuted(call: ValueCall, value: NetworkValue, permutation: readonly number[]): NetworkValue {
  const { shape } = value;
  const result = permutation.map((axis) => shape[axis] ?? 1);
  const runs = runsOf(permutation.filter((axis) => shape[axis] !== 1));
  // The runs in memory, and the order wanted of them.
  const memory = runs.toSorted((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
  const wanted = runs.map((run) => memory.indexOf(run));
  const sizes = memory.map((run) => elementCount(run.map((axis) => shape[axis] ?? 1)));
  if (wanted.length <= 1) return { name: value.name, shape: result };
  if (wanted.length <= 3) {
    const padded = [...sizes, 1].slice(0, 3);
    const node = { op: "transpose", permutation: [...wanted, 2].slice(0, 3) } as const;
    return { name: addNamed(call, { ...node, inputs: [view(call, value.name, padded)] }), shape: result };
  }
  // More than three: one run after the other is moved to its place, [outer, between, moved · inner].
  let { name } = value;
  const now = sizes.map((_, run) => run);
  wanted.forEach((run, target) => {
    const from = now.indexOf(run);
    if (from === target) return;
    const product = (start: number, stop: number): number =>
      elementCount(now.slice(start, stop).map((at) => sizes[at] ?? 1));
    const [outer, between, moved] = [product(0, target), product(target, from), product(from, from + 1)];
    const inner = product(from + 1, now.length);
    name = exchanged(call, name, [outer, between, moved * inner]);
    // Now [outer · moved, inner, between].
    if (inner > 1) name = exchanged(call, name, [outer * moved, inner, between]);
    now.splice(from, 1);
    now.splice(target, 0, run);
  });
  return { name, shape: result };
}

/** The last two of three axes exchanged. */
function exchanged(call: ValueCall, name: string, shape: readonly number[]): string {
  return addHelper(call, "transpose", { op: "transpose", inputs: [view(call, name, shape)], permutation: [0, 2, 1] });
}

/** The axes in runs that stand one behind the other in memory too, as far as none lies between that is not of size 1. */
function runsOf(axes: readonly number[]): readonly (readonly number[])[] {
  const rank = axes.toSorted((a, b) => a - b);
  const runs: number[][] = [];
  for (const axis of axes) {
    const last = runs.at(-1);
    const before = last?.at(-1);
    if (last !== undefined && before !== undefined && rank.indexOf(before) + 1 === rank.indexOf(axis)) last.push(axis);
    else runs.push([axis]);
  }
  return runs;
}
