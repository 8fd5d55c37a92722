/** Parts of a value along its axes: Slice, Split, Gather with constant indices. */
import { elementCount, formatShape } from "../../graph/shape.ts";
import { integerAttribute, integersAttribute, normalAxis } from "../../tensor-graph/node-access.ts";
import { integersOf } from "../../tensor-graph/tensor.ts";
import { view } from "../arrange.ts";
import { concatenated } from "../join.ts";
import {
  addHelper,
  addNamed,
  constantInput,
  type LegalisationRule,
  legalisationError,
  type NewNodeWithoutName,
  networkInput,
  optionalConstant,
  outputShape,
  type RuleCall,
} from "../rule.ts";
import { around, type NetworkValue, withShape } from "../value.ts";

/** Positions start, start + step, … below stop, of one axis. */
interface Range {
  readonly axis: number;
  readonly start: number;
  readonly stop: number;
  /** From 1 up. */
  readonly step: number;
}

/** Bounds are attributes up to opset 9 and inputs since. */
export const sliceRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "data");
  const rank = x.shape.length;
  const read = (position: number, name: string): readonly number[] | undefined => {
    const tensor = optionalConstant(call, position, name);
    return tensor === undefined ? integersAttribute(call.node, name) : integersOf(tensor, `input ${name}`);
  };
  const starts = read(1, "starts") ?? [];
  const ends = read(2, "ends") ?? [];
  const axes = read(3, "axes") ?? starts.map((_, index) => index);
  const steps = read(4, "steps") ?? starts.map(() => 1);
  const ranges = axes.map((given, index): Range => {
    const axis = normalAxis(given, rank, "axes");
    const step = steps[index] ?? 1;
    if (step < 1) {
      throw legalisationError("input steps", `found ${step}, expected 1 or more`, "the machine does not reverse axes");
    }
    const size = x.shape[axis] ?? 1;
    const bound = (value: number): number => Math.min(Math.max(value < 0 ? value + size : value, 0), size);
    return { axis, start: bound(starts[index] ?? 0), stop: bound(ends[index] ?? size), step };
  });
  return [cut(call, x, ranges)];
};

/** Into equal parts, or parts of the sizes given. */
export const splitRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "input");
  const axis = normalAxis(integerAttribute(call.node, "axis", 0), x.shape.length);
  let start = 0;
  return call.shapes.map((shape, output) => {
    const size = shape[axis] ?? 0;
    const range = { axis, start, stop: start + size, step: 1 };
    start += size;
    return cut(call, x, [range], call.shapes.length === 1 ? undefined : `${output}`);
  });
};

/** One index or several along an axis. */
export const gatherRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "data");
  const axis = normalAxis(integerAttribute(call.node, "axis", 0), x.shape.length);
  const size = x.shape[axis] ?? 1;
  const indices = integersOf(constantInput(call, 1, "indices"), "input indices").map((index) =>
    index < 0 ? index + size : index,
  );
  const ranges = progressions(indices, axis);
  const [only] = ranges;
  let gathered: NetworkValue;
  if (only !== undefined && ranges.length === 1) gathered = cut(call, x, [only]);
  else
    gathered = concatenated(
      call,
      ranges.map((range, part) => cut(call, x, [range], `${part}`)),
      axis,
    );
  // The axis is replaced by the axes of the indices.
  const shaped = withShape(gathered, outputShape(call));
  if (shaped !== undefined) return [shaped];
  throw legalisationError(
    "input indices",
    `found shape ${formatShape(outputShape(call))}`,
    "gather with a list of indices",
  );
};

/** The indices as as few ascending progressions as a walk from the first to the last finds. */
function progressions(indices: readonly number[], axis: number): readonly Range[] {
  const ranges: { axis: number; start: number; stop: number; step: number; count: number }[] = [];
  for (const index of indices) {
    const last = ranges.at(-1);
    const end = last === undefined ? 0 : last.start + (last.count - 1) * last.step;
    const step = index - end;
    if (last !== undefined && step >= 1 && (last.count === 1 || step === last.step)) {
      last.step = step;
      last.count++;
      last.stop = index + 1;
    } else {
      ranges.push({ axis, start: index, stop: index + 1, step: 1, count: 1 });
    }
  }
  return ranges.map(({ start, stop, step }) => ({ axis, start, stop, step }));
}

/** The part of the value in all ranges; the last cut bears the operator's name, or that of the role. */
function cut(call: RuleCall, value: NetworkValue, ranges: readonly Range[], role?: string): NetworkValue {
  const needed = ranges.filter(({ axis, start, stop, step }) => {
    if (start >= stop)
      throw legalisationError(`axis ${axis}`, `nothing is left between ${start} and ${stop}`, "a value needs elements");
    return start > 0 || stop < (value.shape[axis] ?? 1) || step > 1;
  });
  let part = value;
  needed.forEach((range, index) => {
    const { axis, start, stop, step } = range;
    const { input, at } = axisOf(call, part, axis);
    const own = call.builder.shapeOf(input);
    const node: NewNodeWithoutName = {
      op: "slice",
      inputs: [input],
      start: own.map((_size, position) => (position === at ? start : 0)),
      stop: own.map((length, position) => (position === at ? stop : length)),
      step: own.map((_size, position) => (position === at ? step : 1)),
    };
    const last = index + 1 === needed.length;
    const name =
      last && role === undefined ? addNamed(call, node) : addHelper(call, last ? (role ?? "part") : "part", node);
    const shape = part.shape.map((length, candidate) =>
      candidate === axis ? Math.ceil((stop - start) / step) : length,
    );
    part = { name, shape, order: part.order };
  });
  return part;
}

/** A shape of the network in which `axis` stands alone, and where: the value's own where it does. */
function axisOf(call: RuleCall, value: NetworkValue, axis: number): { readonly input: string; readonly at: number } {
  const [outer, size, inner] = around(value, axis);
  const own = call.builder.shapeOf(value.name);
  const at = own.findIndex((length, position) => length === size && elementCount(own.slice(0, position)) === outer);
  if (at >= 0 && elementCount(own.slice(at + 1)) === inner) return { input: value.name, at };
  return { input: view(call, value.name, [outer, size, inner]), at: 1 };
}
