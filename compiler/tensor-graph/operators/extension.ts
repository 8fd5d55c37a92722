/** Pad, Expand, Tile: tensors made larger. */
import { broadcastShape, stridesOf } from "../arithmetic/broadcast.ts";
import { OUTSIDE, pick } from "../arithmetic/pick.ts";
import {
  choiceAttribute,
  floatAttribute,
  integersAttribute,
  nodeError,
  normalAxes,
  requiredInput,
} from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { integersOf, requireShape, tensorFrom } from "../tensor.ts";
import type { AnyTensor, ElementType, TensorNode } from "../tensor-graph.ts";
import { requireSameType } from "./elementwise.ts";

const PAD_MODES = ["constant", "reflect", "edge", "wrap"] as const;

type PadMode = (typeof PAD_MODES)[number];

export const EXTENSION_OPERATORS: readonly TensorOperator[] = [
  {
    domain: "",
    name: "Pad",
    since: 2,
    attributes: ["mode", "pads", "value"],
    arity: [1, 1],
    evaluate: (node, inputs) => {
      const data = requiredInput(inputs, 0, "data");
      const fill = tensorFrom(data.type as ElementType, [], [floatAttribute(node, "value", 0)]);
      return [padded(data, integersAttribute(node, "pads") ?? [], undefined, padMode(node, 2), fill)];
    },
  },
  ...[11, 13, 18, 19, 21, 23, 24, 25].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Pad",
      since,
      attributes: ["mode"],
      arity: [2, since < 18 ? 3 : 4],
      shapeInputs: [1, 3],
      evaluate: (node, inputs) => {
        const data = requiredInput(inputs, 0, "data");
        const pads = integersOf(requiredInput(inputs, 1, "pads"), "input pads");
        const axes = inputs[3] && integersOf(inputs[3], "input axes");
        return [padded(data, pads, axes, padMode(node, since), fillOf(inputs, data))];
      },
    }),
  ),
  ...[8, 13].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Expand",
      since,
      attributes: [],
      arity: [2, 2],
      shapeInputs: [1],
      evaluate: (_node, inputs) => {
        const input = requiredInput(inputs, 0, "input");
        return [expanded(input, integersOf(requiredInput(inputs, 1, "shape"), "input shape"))];
      },
    }),
  ),
  ...[6, 13].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Tile",
      since,
      attributes: [],
      arity: [2, 2],
      shapeInputs: [1],
      evaluate: (_node, inputs) => {
        const input = requiredInput(inputs, 0, "input");
        const repeats = integersOf(requiredInput(inputs, 1, "repeats"), "input repeats");
        if (repeats.length !== input.shape.length) {
          throw nodeError(
            "input repeats",
            `found ${repeats.length} for ${input.shape.length} axes`,
            "give one per axis",
          );
        }
        const strides = stridesOf(input.shape);
        const shape = input.shape.map((size, axis) => size * (repeats[axis] ?? 1));
        requireShape(shape);
        return [
          pick(
            input,
            shape.map((count, axis) => offsets(count, strides[axis] ?? 1, (at) => at % (input.shape[axis] ?? 1))),
          ),
        ];
      },
    }),
  ),
];

function padMode(node: TensorNode, since: number): PadMode {
  const mode = choiceAttribute(node, "mode", PAD_MODES, "constant");
  if (mode === "wrap" && since < 19)
    throw nodeError("attribute mode", "found wrap, which came with opset 19", "convert the model");
  return mode;
}

function fillOf(inputs: OperatorInputs, data: AnyTensor): AnyTensor | undefined {
  const fill = inputs[2];
  if (fill === undefined || fill.data.length === 0) return undefined;
  requireSameType([data, fill]);
  if (fill.data.length > 1)
    throw nodeError("input constant_value", `found ${fill.data.length} elements, expected one`, "give a scalar");
  return fill;
}

/** `pads`: elements added before each axis, then after each; negative ones are cut off. */
function padded(
  data: AnyTensor,
  pads: readonly number[],
  axes: readonly number[] | undefined,
  mode: PadMode,
  fill: AnyTensor | undefined,
): AnyTensor {
  const rank = data.shape.length;
  const along = axes === undefined ? data.shape.map((_size, axis) => axis) : normalAxes(axes, rank, "input axes");
  if (pads.length !== 2 * along.length) {
    throw nodeError(
      "pads",
      `found ${pads.length} for ${along.length} axes, expected ${2 * along.length}`,
      "give two per axis",
    );
  }
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  along.forEach((axis, index) => {
    before[axis] = pads[index] ?? 0;
    after[axis] = pads[index + along.length] ?? 0;
  });
  const shape = data.shape.map((size, axis) => size + (before[axis] ?? 0) + (after[axis] ?? 0));
  requireShape(shape);
  const strides = stridesOf(data.shape);
  const tables = shape.map((count, axis) => {
    const size = data.shape[axis] ?? 0;
    const needsElements = mode !== "constant" && ((before[axis] ?? 0) > 0 || (after[axis] ?? 0) > 0);
    if (needsElements && size === 0) throw nodeError("pads", `mode ${mode} along an empty axis`, "pad with a constant");
    const table = offsets(count, strides[axis] ?? 1, (at) => PLACES[mode](at - (before[axis] ?? 0), size));
    return table;
  });
  return pick(data, tables, fill);
}

/** Where along an axis of `size` elements the one at `at`, which may lie outside, is taken; OUTSIDE for none. */
const PLACES: Readonly<Record<PadMode, (at: number, size: number) => number>> = {
  constant: (at, size) => (at < 0 || at >= size ? OUTSIDE : at),
  edge: (at, size) => Math.max(0, Math.min(size - 1, at)),
  wrap: (at, size) => ((at % size) + size) % size,
  reflect: (at, size) => {
    if (size === 1) return 0;
    // Back and forth between the ends, which are not repeated.
    const period = 2 * (size - 1);
    const place = ((at % period) + period) % period;
    return place < size ? place : period - place;
  },
};

function expanded(input: AnyTensor, wanted: readonly number[]): AnyTensor {
  requireShape(wanted);
  const shape = broadcastShape([input.shape, wanted]);
  const strides = stridesOf(input.shape);
  const tables = shape.map((count, axis) => {
    const own = axis - shape.length + input.shape.length;
    const step = (input.shape[own] ?? 1) === 1 ? 0 : 1;
    return offsets(count, strides[own] ?? 1, (at) => at * step);
  });
  return pick(input, tables);
}

function offsets(count: number, stride: number, place: (at: number) => number): Float64Array {
  const table = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const found = place(at);
    table[at] = found === OUTSIDE ? OUTSIDE : found * stride;
  }
  return table;
}
