/** Reductions along axes: the axes were an attribute before they became an input. */
import { stridesOf } from "../arithmetic/broadcast.ts";
import { rangeTable } from "../arithmetic/pick.ts";
import { flagAttribute, integersAttribute, normalAxes, requiredInput, requireType } from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { FLOAT_TYPES, integersOf, isBig, NUMBER_TYPES, zeros } from "../tensor.ts";
import type { AnyTensor, ElementType, TensorNode } from "../tensor-graph.ts";

/** How elements are taken together, in float64, and what becomes of the total of `count` elements. */
interface Reduction {
  readonly start: number;
  readonly add: (total: number, value: number) => number;
  readonly finish?: (total: number, count: number) => number;
  /** The same for 64-bit integers. */
  readonly big?: {
    readonly start: bigint;
    readonly add: (total: bigint, value: bigint) => bigint;
    readonly isMean?: boolean;
  };
}

const SUM: Reduction = {
  start: 0,
  add: (total, value) => total + value,
  big: { start: 0n, add: (total, value) => total + value },
};

const REDUCTIONS: Readonly<Record<string, Reduction>> = {
  ReduceSum: SUM,
  ReduceMean: {
    ...SUM,
    finish: (total, count) => total / count,
    big: { start: 0n, add: (total, value) => total + value, isMean: true },
  },
  ReduceMax: {
    start: Number.NEGATIVE_INFINITY,
    add: Math.max,
    big: { start: -(2n ** 63n), add: (total, value) => (value > total ? value : total) },
  },
  ReduceMin: {
    start: Number.POSITIVE_INFINITY,
    add: Math.min,
    big: { start: 2n ** 63n - 1n, add: (total, value) => (value < total ? value : total) },
  },
  ReduceProd: {
    start: 1,
    add: (total, value) => total * value,
    big: { start: 1n, add: (total, value) => BigInt.asIntN(64, total * value) },
  },
  ReduceSumSquare: {
    start: 0,
    add: (total, value) => total + value * value,
    big: { start: 0n, add: (total, value) => BigInt.asIntN(64, total + value * value) },
  },
  ReduceL1: {
    start: 0,
    add: (total, value) => total + Math.abs(value),
    big: { start: 0n, add: (total, value) => total + (value < 0n ? -value : value) },
  },
  ReduceL2: { start: 0, add: (total, value) => total + value * value, finish: Math.sqrt },
  ReduceLogSum: { start: 0, add: (total, value) => total + value, finish: Math.log },
};

/** Opsets of the meanings with axes as attribute, and of those with axes as input. */
const OPSETS: Readonly<Record<string, readonly [byAttribute: readonly number[], byInput: readonly number[]]>> = {
  ReduceSum: [[1, 11], [13]],
  ReduceMax: [
    [1, 11, 12, 13],
    [18, 20],
  ],
  ReduceMin: [
    [1, 11, 12, 13],
    [18, 20],
  ],
};
const OTHER_OPSETS: readonly [readonly number[], readonly number[]] = [[1, 11, 13], [18]];

export const REDUCTION_OPERATORS: readonly TensorOperator[] = [
  ...Object.entries(REDUCTIONS).flatMap(([name, reduction]) =>
    reductionOperators(name, (input, axes, keep) => reduced(input, axes, keep, reduction)),
  ),
  ...reductionOperators("ReduceLogSumExp", logSumExp),
];

function reductionOperators(
  name: string,
  reduce: (input: AnyTensor, axes: readonly number[], keep: boolean) => AnyTensor,
): TensorOperator[] {
  const [byAttribute, byInput] = OPSETS[name] ?? OTHER_OPSETS;
  const run = (node: TensorNode, inputs: OperatorInputs, axes: readonly number[] | undefined): readonly AnyTensor[] => {
    const input = requiredInput(inputs, 0, "data");
    const rank = input.shape.length;
    const none = axes === undefined || axes.length === 0;
    if (none && flagAttribute(node, "noop_with_empty_axes", false)) return [reduce(input, [], true)];
    const all = input.shape.map((_size, axis) => axis);
    return [reduce(input, none ? all : normalAxes(axes, rank, "axes"), flagAttribute(node, "keepdims", true))];
  };
  return [
    ...byAttribute.map(
      (since): TensorOperator => ({
        domain: "",
        name,
        since,
        attributes: ["axes", "keepdims"],
        arity: [1, 1],
        evaluate: (node, inputs) => run(node, inputs, integersAttribute(node, "axes")),
      }),
    ),
    ...byInput.map(
      (since): TensorOperator => ({
        domain: "",
        name,
        since,
        attributes: ["keepdims", "noop_with_empty_axes"],
        arity: [1, 2],
        shapeInputs: [1],
        evaluate: (node, inputs) => run(node, inputs, inputs[1] && integersOf(inputs[1], "input axes")),
      }),
    ),
  ];
}

/** Offsets of the first elements of all groups that are reduced, and of a group's elements from its first. */
function groupsOf(
  input: AnyTensor,
  axes: readonly number[],
): { readonly firsts: Float64Array; readonly group: Float64Array } {
  const strides = stridesOf(input.shape);
  const along = (chosen: (axis: number) => boolean): Float64Array =>
    input.shape.reduce<Float64Array>((offsets, size, axis) => {
      if (!chosen(axis)) return offsets;
      const steps = rangeTable(size, strides[axis] ?? 1);
      const next = new Float64Array(offsets.length * size);
      offsets.forEach((offset, index) => {
        for (let at = 0; at < size; at++) next[index * size + at] = offset + (steps[at] ?? 0);
      });
      return next;
    }, new Float64Array(1));
  return { firsts: along((axis) => !axes.includes(axis)), group: along((axis) => axes.includes(axis)) };
}

function reducedShape(shape: readonly number[], axes: readonly number[], keep: boolean): readonly number[] {
  return keep
    ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    : shape.filter((_size, axis) => !axes.includes(axis));
}

function reduced(input: AnyTensor, axes: readonly number[], keep: boolean, reduction: Reduction): AnyTensor {
  requireType(input, "data", reduction.big === undefined ? FLOAT_TYPES : NUMBER_TYPES);
  const { firsts, group } = groupsOf(input, axes);
  const result = zeros(input.type as ElementType, reducedShape(input.shape, axes, keep));
  if (isBig(input)) {
    const { big } = reduction;
    if (big === undefined || !isBig(result)) return result;
    firsts.forEach((first, position) => {
      let total = big.start;
      for (const offset of group) total = big.add(total, input.data[first + offset] ?? 0n);
      result.data[position] = big.isMean === true && group.length > 0 ? total / BigInt(group.length) : total;
    });
    return result;
  }
  const { start, add, finish = (total: number): number => total } = reduction;
  const from: ArrayLike<number> = input.data;
  firsts.forEach((first, position) => {
    let total = start;
    for (let at = 0; at < group.length; at++) total = add(total, from[first + (group[at] ?? 0)] ?? 0);
    if (!isBig(result)) result.data[position] = finish(total, group.length);
  });
  return result;
}

/** Without overflow: the greatest element is taken out of the sum. */
function logSumExp(input: AnyTensor, axes: readonly number[], keep: boolean): AnyTensor {
  requireType(input, "data", FLOAT_TYPES);
  const { firsts, group } = groupsOf(input, axes);
  const result = zeros(input.type as "float32" | "float64", reducedShape(input.shape, axes, keep));
  const from = input.data as Float32Array | Float64Array;
  firsts.forEach((first, position) => {
    let greatest = Number.NEGATIVE_INFINITY;
    for (const offset of group) greatest = Math.max(greatest, from[first + offset] ?? 0);
    const base = Number.isFinite(greatest) ? greatest : 0;
    let total = 0;
    for (const offset of group) total += Math.exp((from[first + offset] ?? 0) - base);
    result.data[position] = base + Math.log(total);
  });
  return result;
}
