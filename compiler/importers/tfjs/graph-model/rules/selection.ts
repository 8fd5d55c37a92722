/** Parts of a value: slices, and splits into several. */
import { cut, type TensorPart } from "../../values/arrange.ts";
import { nodeError } from "../../values/node-error.ts";
import type { NetworkValue } from "../../values/value.ts";
import { integerAttribute } from "../attributes.ts";
import { plainSlice, stridedSlice } from "../ranges.ts";
import { integersInput, type NodeCall, type NodeRule, normalAxis, scalarInput, valueInput } from "../rule.ts";

export const sliceRule: NodeRule = (call) => {
  const x = valueInput(call, 0, "input");
  return [cut(call, x, plainSlice(call, x.shape, integersInput(call, 1, "begin"), integersInput(call, 2, "size")))];
};

export const stridedSliceRule: NodeRule = (call) => {
  const x = valueInput(call, 0, "input");
  const [begin, end] = [integersInput(call, 1, "begin"), integersInput(call, 2, "end")];
  return [cut(call, x, stridedSlice(call, x.shape, begin, end, integersInput(call, 3, "strides")))];
};

/** Split: into equal parts. */
export const splitRule: NodeRule = (call) => {
  const x = valueInput(call, 1, "value");
  const axis = normalAxis(call, scalarInput(call, 0, "split_dim"), x.shape.length);
  const parts = integerAttribute(call, "num_split", 1);
  const size = x.shape[axis] ?? 1;
  if (parts < 1 || size % parts !== 0) throw unequal(call, `${size} in ${parts} parts`);
  return divided(
    call,
    x,
    axis,
    Array.from({ length: parts }, () => size / parts),
  );
};

/** SplitV: into parts of sizes given, of which one may be −1. */
export const sizedSplitRule: NodeRule = (call) => {
  const x = valueInput(call, 0, "value");
  const given = integersInput(call, 1, "size_splits");
  const axis = normalAxis(call, scalarInput(call, 2, "split_dim"), x.shape.length);
  const size = x.shape[axis] ?? 1;
  const known = given.reduce((sum, part) => sum + Math.max(part, 0), 0);
  const sizes = given.map((part) => (part === -1 ? size - known : part));
  const total = sizes.reduce((sum, part) => sum + part, 0);
  if (total !== size || sizes.some((part) => part < 1)) throw unequal(call, `${size} in parts of ${given.join(", ")}`);
  return divided(call, x, axis, sizes);
};

/** Unpack: one part per position of an axis, which is gone. */
export const unpackRule: NodeRule = (call) => {
  const x = valueInput(call, 0, "value");
  const axis = normalAxis(call, integerAttribute(call, "axis", 0), x.shape.length);
  const size = x.shape[axis] ?? 1;
  if (integerAttribute(call, "num", size) !== size) throw unequal(call, `${size} positions`);
  const parts = divided(
    call,
    x,
    axis,
    Array.from({ length: size }, () => 1),
  );
  return parts.map(({ name, shape }) => ({ name, shape: shape.toSpliced(axis, 1) }));
};

/** Most parts of one value; far above what networks have. */
const MOST_PARTS = 4096;

function divided(call: NodeCall, x: NetworkValue, axis: number, sizes: readonly number[]): readonly NetworkValue[] {
  if (sizes.length > MOST_PARTS) throw unequal(call, `${sizes.length} parts`);
  let start = 0;
  return sizes.map((count, index) => {
    const whole = x.shape.map((size) => ({ start: 0, count: size, step: 1 }));
    const part: TensorPart = {
      ranges: whole.with(axis, { start, count, step: 1 }),
      shape: x.shape.with(axis, count),
    };
    start += count;
    return cut(call, x, part, `${index}`);
  });
}

function unequal(call: NodeCall, found: string): Error {
  return nodeError(call, "inputs", `found ${found}, expected parts that make up the axis`, "export the model again");
}
