/** MaxPool, AveragePool, LpPool and their global forms, one to three spatial axes. */

import { dilatedExtent, slidingWindows, type WindowAxis } from "../arithmetic/windows.ts";
import { flagAttribute, integerAttribute, nodeError, typedInput } from "../node-access.ts";
import type { TensorOperator } from "../operator.ts";
import { FLOAT_TYPES, requireShape, zeros } from "../tensor.ts";
import type { AnyTensor, ElementType, TensorNode } from "../tensor-graph.ts";
import { expectRank, float64Of, roundedTensor, since } from "./operands.ts";
import { MAXIMUM_SPATIAL_AXES, windowAttributes } from "./window-attributes.ts";

/** What a window yields: `positions` of it are elements of `plane`, which starts at `start`. */
type Reduction = (x: Float64Array, positions: Int32Array, count: number, padded: number) => number;

export interface PoolGeometry {
  readonly axes: readonly WindowAxis[];
  readonly outputShape: readonly number[];
}

/** Geometry of a pool over `x`: batch × channels × positions. */
export function poolGeometry(node: TensorNode, x: AnyTensor): PoolGeometry {
  expectRank(x, "X", 3, MAXIMUM_SPATIAL_AXES + 2);
  const [batch = 0, channels = 0, ...sizes] = x.shape;
  const attributes = windowAttributes(node, sizes.length);
  const axes = slidingWindows(sizes, { ...attributes, ceilMode: flagAttribute(node, "ceil_mode", false) });
  for (const { kernel, dilation, before, after } of axes) {
    const extent = dilatedExtent(kernel, dilation);
    if (before >= extent || after >= extent) {
      throw nodeError(
        "attribute pads",
        `found ${before} and ${after}, expected less than the window's ${extent}`,
        "a window must not lie in padding alone",
      );
    }
  }
  const outputShape = [batch, channels, ...axes.map((axis) => axis.output)];
  requireShape(outputShape);
  return { axes, outputShape };
}

/**
 * Calls `reduce` for every window of every plane, in row-major order. `positions` are those of the window's elements in `x`,
 * `padded` counts the window's positions with padding, but without those beyond it.
 */
function slide(x: AnyTensor, { axes, outputShape }: PoolGeometry, reduce: Reduction): Float64Array {
  const data = float64Of(x);
  const y = new Float64Array(requireShape(outputShape));
  const planes = (x.shape[0] ?? 0) * (x.shape[1] ?? 0);
  const plane = planes === 0 ? 0 : data.length / planes;
  const windows = planes === 0 ? 0 : y.length / planes;
  const spots = axes.map(spotsOf);
  const positions = new Int32Array(axes.reduce((total, { kernel, input }) => total * Math.min(kernel, input), 1));
  const window = axes.map(() => 0);
  for (let index = 0; index < windows; index++) {
    let rest = index;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      const size = axes[axis]?.output ?? 1;
      window[axis] = rest % size;
      rest = Math.floor(rest / size);
    }
    let count = 1;
    let padded = 1;
    positions[0] = 0;
    for (const [axis, { input }] of axes.entries()) {
      const { inside, paddedCount } = spots[axis]?.[window[axis] ?? 0] ?? { inside: [], paddedCount: 0 };
      // Every position so far, times every one on this axis; from the last to the first, so that none is overwritten.
      for (let base = count - 1; base >= 0; base--) {
        const from = (positions[base] as number) * input;
        for (let k = inside.length - 1; k >= 0; k--) positions[base * inside.length + k] = from + (inside[k] ?? 0);
      }
      count *= inside.length;
      padded *= paddedCount;
    }
    for (let p = 0; p < planes; p++) {
      if (p > 0) for (let k = 0; k < count; k++) positions[k] = (positions[k] as number) + plane;
      y[p * windows + index] = reduce(data, positions, count, padded);
    }
  }
  return y;
}

/** For every window of an axis: the elements it meets, and how many of its positions are elements or padding. */
function spotsOf(axis: WindowAxis): readonly { inside: readonly number[]; paddedCount: number }[] {
  const { input, output, kernel, stride, dilation, before, after } = axis;
  return Array.from({ length: output }, (_, window) => {
    const start = window * stride - before;
    const first = Math.max(Math.ceil(-start / dilation), 0);
    const inside: number[] = [];
    for (let k = first; k < kernel && start + k * dilation < input; k++) inside.push(start + k * dilation);
    const paddedCount = Math.min(Math.ceil((input + after - start) / dilation), kernel);
    return { inside, paddedCount };
  });
}

function maximum(x: Float64Array, positions: Int32Array, count: number): number {
  let best = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < count; k++) best = Math.max(best, x[positions[k] as number] as number);
  return best;
}

function sum(x: Float64Array, positions: Int32Array, count: number): number {
  let total = 0;
  for (let k = 0; k < count; k++) total += x[positions[k] as number] as number;
  return total;
}

function norm(power: number): Reduction {
  return (x, positions, count) => {
    let total = 0;
    for (let k = 0; k < count; k++) total += Math.abs(x[positions[k] as number] as number) ** power;
    return total ** (1 / power);
  };
}

/** Positions of the maxima, the first where several are equal, counted over the whole tensor; `column`: columns count first. */
function maximumIndices(x: AnyTensor, geometry: PoolGeometry, columnMajor: boolean): AnyTensor {
  const sizes = x.shape.slice(2);
  const plane = sizes.reduce((total, size) => total * size, 1);
  const indices = slide(x, geometry, (data, positions, count) => {
    let best = positions[0] as number;
    for (let k = 1; k < count; k++) {
      const position = positions[k] as number;
      if ((data[position] as number) > (data[best] as number)) best = position;
    }
    return columnMajor ? best - (best % plane) + columnMajorIndex(best % plane, sizes) : best;
  });
  return roundedTensor("int64", geometry.outputShape, indices);
}

function columnMajorIndex(index: number, sizes: readonly number[]): number {
  let rest = index;
  let result = 0;
  const place = sizes.map((_, axis) => sizes.slice(0, axis).reduce((total, size) => total * size, 1));
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    const size = sizes[axis] ?? 1;
    result += (rest % size) * (place[axis] ?? 1);
    rest = Math.floor(rest / size);
  }
  return result;
}

function pool(
  name: string,
  opsets: readonly number[],
  attributes: readonly string[],
  types: readonly ElementType[],
  reductionOf: (node: TensorNode) => Reduction,
): readonly TensorOperator[] {
  const wantsIndices = (node: TensorNode): boolean => name === "MaxPool" && (node.outputs[1] ?? "") !== "";
  return since(opsets, {
    domain: "",
    name,
    attributes: [...WINDOW, ...attributes],
    arity: [1, 1],
    evaluate(node, inputs) {
      const x = typedInput(inputs, 0, "X", types);
      const geometry = poolGeometry(node, x);
      const y = roundedTensor(x.type, geometry.outputShape, slide(x, geometry, reductionOf(node)));
      return wantsIndices(node) ? [y, maximumIndices(x, geometry, flagAttribute(node, "storage_order", false))] : [y];
    },
    infer(node, inputs) {
      const x = typedInput(inputs, 0, "X", types);
      const { outputShape } = poolGeometry(node, x);
      const y = zeros(x.type, outputShape);
      return wantsIndices(node) ? [y, zeros("int64", outputShape)] : [y];
    },
  });
}

function averageOf(node: TensorNode): Reduction {
  const countPadding = flagAttribute(node, "count_include_pad", false);
  return (x, positions, count, padded) => sum(x, positions, count) / (countPadding ? padded : count);
}

function global(
  name: string,
  opsets: readonly number[],
  attributes: readonly string[],
  reductionOf: (node: TensorNode) => Reduction,
): readonly TensorOperator[] {
  return since(opsets, {
    domain: "",
    name,
    attributes,
    arity: [1, 1],
    evaluate(node, inputs) {
      const x = typedInput(inputs, 0, "X", FLOAT_TYPES);
      expectRank(x, "X", 2, Infinity);
      const [batch = 0, channels = 0, ...sizes] = x.shape;
      const count = requireShape(sizes);
      const data = float64Of(x);
      const positions = new Int32Array(count);
      const y = new Float64Array(batch * channels);
      const reduce = reductionOf(node);
      for (let plane = 0; plane < y.length; plane++) {
        for (let k = 0; k < count; k++) positions[k] = plane * count + k;
        y[plane] = reduce(data, positions, count, count);
      }
      return [roundedTensor(x.type, [batch, channels, ...sizes.map(() => 1)], y)];
    },
  });
}

/** The power of LpPool: an integer since opset 2, at least 1. */
function powerOf(node: TensorNode): number {
  const power = integerAttribute(node, "p", 2);
  if (power >= 1) return power;
  throw nodeError("attribute p", `found ${power}, expected at least 1`, "export the model again");
}

const WINDOW = ["auto_pad", "kernel_shape", "pads", "strides"] as const;
const CEIL = ["ceil_mode", "dilations"] as const;
const MAXIMUM_TYPES: readonly ElementType[] = [...FLOAT_TYPES, "int8", "uint8"];
const normOf = (node: TensorNode): Reduction => norm(powerOf(node));

export const POOLING_OPERATORS: readonly TensorOperator[] = [
  ...pool("MaxPool", [1], [], FLOAT_TYPES, () => maximum),
  ...pool("MaxPool", [8], ["storage_order"], FLOAT_TYPES, () => maximum),
  ...pool("MaxPool", [10, 11], ["storage_order", ...CEIL], FLOAT_TYPES, () => maximum),
  ...pool("MaxPool", [12, 22], ["storage_order", ...CEIL], MAXIMUM_TYPES, () => maximum),
  ...pool("AveragePool", [7], ["count_include_pad"], FLOAT_TYPES, averageOf),
  ...pool("AveragePool", [10, 11], ["count_include_pad", "ceil_mode"], FLOAT_TYPES, averageOf),
  ...pool("AveragePool", [19, 22], ["count_include_pad", ...CEIL], FLOAT_TYPES, averageOf),
  ...pool("LpPool", [2, 11], ["p"], FLOAT_TYPES, normOf),
  ...pool("LpPool", [18, 22], ["p", ...CEIL], FLOAT_TYPES, normOf),
  ...global("GlobalMaxPool", [1, 22], [], () => maximum),
  ...global("GlobalAveragePool", [1, 22], [], () => (x, positions, count) => sum(x, positions, count) / count),
  ...global("GlobalLpPool", [2, 22], ["p"], normOf),
];
