/** Pooling over windows, over whole images, and means along axes. */
import type { IntegerRequantization, Padding, PoolNode } from "../../graph/graph.ts";
import { elementCount, formatShape, NO_PADDING } from "../../graph/shape.ts";
import { slidingWindows, type WindowAxis } from "../../tensor-graph/arithmetic/windows.ts";
import { flagAttribute, integersAttribute, normalAxes } from "../../tensor-graph/node-access.ts";
import { windowAttributes } from "../../tensor-graph/operators/window-attributes.ts";
import { integersOf } from "../../tensor-graph/tensor.ts";
import { arranged, view } from "../arrange.ts";
import {
  addHelper,
  addNamed,
  type LegalisationRule,
  legalisationError,
  networkInput,
  optionalConstant,
  outputShape,
  type RuleCall,
} from "../rule.ts";
import { channelsLast, type NetworkValue, rowMajor, storedSizes, withShape } from "../value.ts";

type Kind = PoolNode["kind"];

export function poolRule(kind: Kind): LegalisationRule {
  return (call) => addPool(call, kind, null);
}

/** The pool; with a requantization that of the windows' sums. */
export function addPool(
  call: RuleCall,
  kind: Kind,
  requantization: IntegerRequantization | null,
): readonly NetworkValue[] {
  const { node } = call;
  const x = networkInput(call, 0, "X");
  const rank = x.shape.length;
  if ((rank !== 3 && rank !== 4) || x.shape[0] !== 1) throw spatialError(x);
  if ((node.outputs[1] ?? "") !== "") {
    throw legalisationError("output Indices", "is read, expected the maxima alone", "the machine keeps no positions");
  }
  const sizes = x.shape.slice(2);
  const windows = slidingWindows(sizes, {
    ...windowAttributes(node, sizes.length),
    ceilMode: flagAttribute(node, "ceil_mode", false),
  });
  const dilated = windows.find(({ dilation, kernel }) => dilation !== 1 && kernel !== 1);
  if (dilated !== undefined) {
    throw legalisationError(
      "attribute dilations",
      `found ${dilated.dilation}, expected 1`,
      "the machine's pools have no dilation",
    );
  }
  const value = arranged(call, x, channelsLast(rank));
  const image = view(call, value.name, [...(rank === 3 ? [1] : []), ...sizes, x.shape[1] ?? 0]);
  const hasPadding = windows.some(({ before, after }) => before > 0 || after > 0);
  const countsPadding = kind === "average" && hasPadding && flagAttribute(node, "count_include_pad", false);
  const hasExcess = windows.some(({ excess }) => excess > 0);
  // Zeros that count, and beyond them positions that do not: the zeros become a node of their own.
  const separate = countsPadding && hasExcess;
  const before = sidesOf(
    windows,
    (axis) => axis.before,
    (axis) => axis.after,
  );
  const input = separate ? addHelper(call, "padding", { op: "pad", inputs: [image], padding: before }) : image;
  const name = addNamed(call, {
    op: "pool",
    inputs: [input],
    kind,
    kernel: pairOf(windows, ({ kernel }) => kernel),
    strides: pairOf(windows, ({ stride }) => stride),
    padding: separate
      ? sidesOf(
          windows,
          () => 0,
          (axis) => axis.excess,
        )
      : sidesOf(
          windows,
          (axis) => axis.before,
          (axis) => axis.after + axis.excess,
        ),
    countPadding: requantization === null && countsPadding && !separate,
    requantization,
  });
  return [{ name, shape: outputShape(call), order: channelsLast(rank) }];
}

/** Over all positions of every channel. */
export function globalPoolRule(kind: Kind): LegalisationRule {
  return (call) => {
    const x = networkInput(call, 0, "X");
    const axes = rowMajor(x.shape.length).slice(2);
    return [pooledAxes(call, kind, x, axes)];
  };
}

/** ReduceMean and ReduceMax: axes are an attribute up to opset 17 and an input since. */
export function reductionRule(kind: Kind): LegalisationRule {
  return (call) => {
    const { node } = call;
    const x = networkInput(call, 0, "data");
    const rank = x.shape.length;
    const given = optionalConstant(call, 1, "axes");
    const listed = given === undefined ? integersAttribute(node, "axes") : integersOf(given, "input axes");
    const none = listed === undefined || listed.length === 0;
    if (none && flagAttribute(node, "noop_with_empty_axes", false)) return [x];
    const axes = none ? rowMajor(rank) : normalAxes(listed, rank);
    const reduced = withShape(pooledAxes(call, kind, x, axes), outputShape(call));
    if (reduced === undefined) throw spatialError(x);
    return [reduced];
  };
}

/** One window over the axes `axes`, which become 1. */
export function pooledAxes(
  call: RuleCall,
  kind: Kind,
  x: NetworkValue,
  axes: readonly number[],
  requantization: IntegerRequantization | null = null,
): NetworkValue {
  const shape = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const reduces = (axis: number): boolean => axes.includes(axis) && x.shape[axis] !== 1;
  if (!axes.some(reduces) && requantization === null) return { ...x, shape };
  // The axes to reduce stand together in memory, where the outermost of them stands.
  const start = x.order.findIndex(reduces);
  const order = [
    ...x.order.slice(0, start),
    ...x.order.filter(reduces),
    ...x.order.slice(start).filter((axis) => !reduces(axis)),
  ];
  const value = arranged(call, x, order);
  const own = call.builder.shapeOf(value.name);
  const count = elementCount(axes.map((axis) => x.shape[axis] ?? 1));
  const outer = elementCount(storedSizes(value).slice(0, start));
  const inner = elementCount(x.shape) / outer / count;
  const [rows = 1, columns = 1] = own;
  const whole = outer === 1 && own.length === 3 && rows * columns === count;
  const name = addNamed(call, {
    op: "pool",
    inputs: [whole ? value.name : view(call, value.name, [outer, count, inner])],
    kind,
    kernel: whole ? [rows, columns] : [1, count],
    strides: [1, 1],
    padding: NO_PADDING,
    countPadding: false,
    requantization,
  });
  return { name, shape, order };
}

function pairOf(windows: readonly WindowAxis[], read: (axis: WindowAxis) => number): readonly [number, number] {
  const [first, second] = windows;
  if (first === undefined) return [1, 1];
  return second === undefined ? [1, read(first)] : [read(first), read(second)];
}

function sidesOf(
  windows: readonly WindowAxis[],
  before: (axis: WindowAxis) => number,
  after: (axis: WindowAxis) => number,
): Padding {
  const columns = windows.at(-1);
  const rows = windows.length > 1 ? windows[0] : undefined;
  return {
    top: rows === undefined ? 0 : before(rows),
    bottom: rows === undefined ? 0 : after(rows),
    left: columns === undefined ? 0 : before(columns),
    right: columns === undefined ? 0 : after(columns),
  };
}

function spatialError(x: NetworkValue): Error {
  return legalisationError(
    "input X",
    `found ${formatShape(x.shape)}, expected a batch of 1 and one or two spatial axes`,
    "the machine takes images of rows and columns",
  );
}
