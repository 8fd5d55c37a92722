/** Values repeated along axes of size 1, as shapes broadcast: nearest-neighbour resizing of one pixel. */
import { elementCount, sameShape } from "../graph/shape.ts";
import { view } from "./arrange.ts";
import { addHelper, type RuleCall } from "./rule.ts";
import { type NetworkValue, rowMajor } from "./value.ts";

/** The value under a shape to which its own broadcasts. */
export function broadcastTo(call: RuleCall, value: NetworkValue, shape: readonly number[]): NetworkValue {
  if (sameShape(value.shape, shape)) return value;
  return repeated(call, ranked(value, shape.length), shape);
}

/** The value with axes of size 1 in front. */
export function ranked(value: NetworkValue, rank: number): NetworkValue {
  const missing = rank - value.shape.length;
  return {
    name: value.name,
    shape: [...rowMajor(missing).map(() => 1), ...value.shape],
    order: [...rowMajor(missing), ...value.order.map((axis) => axis + missing)],
  };
}

/** The value repeated along its axes of size 1 until it has `shape`, of as many axes. */
export function repeated(call: RuleCall, value: NetworkValue, shape: readonly number[]): NetworkValue {
  let { name } = value;
  const { order } = value;
  let position = 0;
  const done = [...value.shape];
  const grows = (axis: number | undefined): boolean => axis !== undefined && done[axis] === 1 && shape[axis] !== 1;
  while (position < order.length) {
    if (!grows(order[position])) {
      position++;
      continue;
    }
    // Neighbours in memory grow together.
    let end = position + 1;
    while (end < order.length && (grows(order[end]) || shape[order[end] ?? 0] === 1)) end++;
    const run = order.slice(position, end);
    const size = (axes: readonly number[], of: readonly number[]): number =>
      elementCount(axes.map((axis) => of[axis] ?? 1));
    const outer = size(order.slice(0, position), done);
    const inner = size(order.slice(end), done);
    const input = view(call, name, [outer, 1, inner]);
    name = addHelper(call, "repeat", { op: "resize", inputs: [input], factors: [1, size(run, shape)] });
    for (const axis of run) done[axis] = shape[axis] ?? 1;
    position = end;
  }
  return { name, shape, order };
}
