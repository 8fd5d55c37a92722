/** Concat, Split, Slice, Gather: parts of tensors. */
import { elementCount, formatShape } from "../../graph/shape.ts";
import { stridesOf } from "../arithmetic/broadcast.ts";
import { pick, rangeTable, wholeTables } from "../arithmetic/pick.ts";
import {
  integerAttribute,
  integersAttribute,
  nodeError,
  normalAxes,
  normalAxis,
  requiredInput,
} from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { integersOf, movable, reshaped, sameType } from "../tensor.ts";
import type { AnyTensor, TensorNode } from "../tensor-graph.ts";
import { requireSameType } from "./elementwise.ts";

export const SELECTION_OPERATORS: readonly TensorOperator[] = [
  ...[4, 11, 13].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Concat",
      since,
      attributes: ["axis"],
      arity: [1, Number.POSITIVE_INFINITY],
      evaluate: (node, inputs) => [concatenated(node, inputs)],
    }),
  ),
  ...[2, 11].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Split",
      since,
      attributes: ["axis", "split"],
      arity: [1, 1],
      evaluate: (node, inputs) => split(node, inputs, integersAttribute(node, "split")),
    }),
  ),
  ...[13, 18].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Split",
      since,
      attributes: since < 18 ? ["axis"] : ["axis", "num_outputs"],
      arity: [1, 2],
      shapeInputs: [1],
      evaluate: (node, inputs) => split(node, inputs, inputs[1] && integersOf(inputs[1], "input split")),
    }),
  ),
  {
    domain: "",
    name: "Slice",
    since: 1,
    attributes: ["starts", "ends", "axes"],
    arity: [1, 1],
    evaluate: (node, inputs) => [
      sliced(requiredInput(inputs, 0, "data"), {
        starts: integersAttribute(node, "starts") ?? [],
        ends: integersAttribute(node, "ends") ?? [],
        axes: integersAttribute(node, "axes"),
        steps: undefined,
      }),
    ],
  },
  ...[10, 11, 13].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Slice",
      since,
      attributes: [],
      arity: [3, 5],
      shapeInputs: [1, 2, 3, 4],
      evaluate: (_node, inputs) => [
        sliced(requiredInput(inputs, 0, "data"), {
          starts: integersOf(requiredInput(inputs, 1, "starts"), "input starts"),
          ends: integersOf(requiredInput(inputs, 2, "ends"), "input ends"),
          axes: inputs[3] && integersOf(inputs[3], "input axes"),
          steps: inputs[4] && integersOf(inputs[4], "input steps"),
        }),
      ],
    }),
  ),
  ...[1, 11, 13].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Gather",
      since,
      attributes: ["axis"],
      arity: [2, 2],
      evaluate: (node, inputs) => [gathered(node, inputs)],
    }),
  ),
];

function concatenated(node: TensorNode, inputs: OperatorInputs): AnyTensor {
  const tensors = inputs.map((_input, position) => requiredInput(inputs, position, `${position}`));
  const first = requiredInput(inputs, 0, "0");
  requireSameType(tensors);
  const axis = integerAttribute(node, "axis", undefined);
  if (axis === undefined) throw nodeError("attribute axis", "found none, expected one", "export the model again");
  const along = normalAxis(axis, first.shape.length);
  const fits = tensors.every(
    ({ shape }) =>
      shape.length === first.shape.length && shape.every((size, at) => at === along || size === first.shape[at]),
  );
  if (!fits) {
    throw nodeError(
      "inputs",
      `found shapes ${tensors.map(({ shape }) => formatShape(shape)).join(", ")} to be joined along axis ${along}`,
      "all other sizes must agree",
    );
  }
  const total = tensors.reduce((sum, { shape }) => sum + (shape[along] ?? 0), 0);
  const result = sameType(
    first,
    first.shape.map((size, at) => (at === along ? total : size)),
  );
  const to = movable(result);
  const outer = elementCount(first.shape.slice(0, along));
  const inner = elementCount(first.shape.slice(along + 1));
  let offset = 0;
  for (const tensor of tensors) {
    const block = (tensor.shape[along] ?? 0) * inner;
    const from = movable(tensor);
    for (let row = 0; row < outer; row++)
      to.set(from.subarray(row * block, (row + 1) * block), row * total * inner + offset);
    offset += block;
  }
  return result;
}

/** Parts of the sizes `given`, else of equal size; from opset 18 on the last of `num_outputs` may be smaller. */
function split(node: TensorNode, inputs: OperatorInputs, given: readonly number[] | undefined): readonly AnyTensor[] {
  const input = requiredInput(inputs, 0, "input");
  const axis = normalAxis(integerAttribute(node, "axis", 0), input.shape.length);
  const size = input.shape[axis] ?? 0;
  const uneven = integerAttribute(node, "num_outputs", undefined);
  const parts = given ?? equalParts(size, uneven ?? node.outputs.length, uneven !== undefined);
  if (
    parts.length !== node.outputs.length ||
    parts.some((part) => part < 0) ||
    parts.reduce((a, b) => a + b, 0) !== size
  ) {
    throw nodeError(
      "split",
      `found parts ${parts.join(", ")} for ${node.outputs.length} outputs along an axis of size ${size}`,
      "give one size per output, together the axis",
    );
  }
  const tables: Float64Array[] = wholeTables(input.shape);
  let start = 0;
  return parts.map((part) => {
    const table = tables[axis]?.subarray(start, start + part) ?? new Float64Array();
    start += part;
    return pick(input, tables.with(axis, table));
  });
}

function equalParts(size: number, count: number, uneven: boolean): readonly number[] {
  const part = Math.ceil(size / count);
  if (count < 1 || count > 2 ** 16 || (!uneven && part * count !== size)) {
    throw nodeError("split", `${count} equal parts of an axis of size ${size}`, "give the sizes of the parts");
  }
  return Array.from({ length: count }, (_, index) => Math.max(0, Math.min(part, size - index * part)));
}

interface Cut {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly axes: readonly number[] | undefined;
  readonly steps: readonly number[] | undefined;
}

/** As Python slices: ends excluded, negative places count from the end, what lies outside is cut. */
function sliced(data: AnyTensor, { starts, ends, axes, steps }: Cut): AnyTensor {
  const along = normalAxes(axes ?? starts.map((_start, axis) => axis), data.shape.length, "axes");
  const counts = [starts.length, ends.length, along.length, steps?.length ?? starts.length];
  if (counts.some((count) => count !== starts.length)) {
    throw nodeError("inputs", `found ${counts.join(", ")} starts, ends, axes, steps`, "give as many of each");
  }
  const strides = stridesOf(data.shape);
  const tables: Float64Array[] = wholeTables(data.shape);
  along.forEach((axis, index) => {
    const size = data.shape[axis] ?? 0;
    const step = steps?.[index] ?? 1;
    if (step === 0) throw nodeError("steps", "found 0, expected another number", "give a step");
    const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
    const place = (value: number, least: number): number =>
      Math.max(least, Math.min(high, value < 0 ? value + size : value));
    const start = place(starts[index] ?? 0, Math.max(0, low));
    const end = place(ends[index] ?? 0, low);
    const count = size === 0 ? 0 : Math.max(0, Math.ceil((end - start) / step));
    tables[axis] = rangeTable(count, strides[axis] ?? 1, start, step);
  });
  return pick(data, tables);
}

/** Along one axis, whose place the axes of the indices take. */
function gathered(node: TensorNode, inputs: OperatorInputs): AnyTensor {
  const data = requiredInput(inputs, 0, "data");
  const indices = requiredInput(inputs, 1, "indices");
  const axis = normalAxis(integerAttribute(node, "axis", 0), data.shape.length);
  const size = data.shape[axis] ?? 0;
  const stride = stridesOf(data.shape)[axis] ?? 1;
  const places = integersOf(indices, "input indices").map((index) => {
    if (index < -size || index >= size) {
      throw nodeError("input indices", `found ${index}, expected ${-size} to ${size - 1}`, "check the indices");
    }
    return (index < 0 ? index + size : index) * stride;
  });
  const part = pick(data, wholeTables(data.shape).with(axis, Float64Array.from(places)));
  return reshaped(part, [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)]);
}
