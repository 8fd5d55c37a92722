/** The same elements under another shape or in another order of axes. */
import { elementCount, formatShape } from "../../graph/shape.ts";
import { transposed } from "../arithmetic/pick.ts";
import {
  flagAttribute,
  integerAttribute,
  integersAttribute,
  nodeError,
  normalAxes,
  normalAxis,
  requiredInput,
} from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { integersOf, reshaped } from "../tensor.ts";
import type { AnyTensor, TensorNode } from "../tensor-graph.ts";

export const LAYOUT_OPERATORS: readonly TensorOperator[] = [
  ...[5, 13, 14, 19, 21, 23, 24, 25].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Reshape",
      since,
      attributes: since < 14 ? [] : ["allowzero"],
      arity: [2, 2],
      shapeInputs: [1],
      evaluate: (node, inputs) => {
        const data = requiredInput(inputs, 0, "data");
        const wanted = integersOf(requiredInput(inputs, 1, "shape"), "input shape");
        return [reshaped(data, resolveShape(data.shape, wanted, flagAttribute(node, "allowzero", false)))];
      },
    }),
  ),
  ...[1, 9, 11, 13, 21, 23, 24, 25].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Flatten",
      since,
      attributes: ["axis"],
      arity: [1, 1],
      evaluate: (node, inputs) => {
        const input = requiredInput(inputs, 0, "input");
        const rank = input.shape.length;
        const axis = integerAttribute(node, "axis", 1);
        const first = axis === rank ? rank : normalAxis(axis, rank);
        return [reshaped(input, [elementCount(input.shape.slice(0, first)), elementCount(input.shape.slice(first))])];
      },
    }),
  ),
  ...[1, 13, 21, 23, 24, 25].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Transpose",
      since,
      attributes: ["perm"],
      arity: [1, 1],
      evaluate: (node, inputs) => {
        const data = requiredInput(inputs, 0, "data");
        const rank = data.shape.length;
        const reverse = Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
        const order = integersAttribute(node, "perm") ?? reverse;
        if (order.length !== rank || new Set(order).size !== rank || order.some((axis) => axis < 0 || axis >= rank)) {
          throw nodeError(
            "attribute perm",
            `found ${order.join(", ")}, expected each of the ${rank} axes once`,
            "export the model again",
          );
        }
        return [transposed(data, order)];
      },
    }),
  ),
  ...axesOperator("Squeeze", [1, 11], [13, 21, 23, 24, 25], [1, 2], squeeze),
  ...axesOperator("Unsqueeze", [1, 11], [13, 21, 23, 24, 25], [2, 2], unsqueeze),
];

/** Axes are an attribute in the older meanings and the second input in the newer. */
function axesOperator(
  name: string,
  byAttribute: readonly number[],
  byInput: readonly number[],
  arity: readonly [number, number],
  apply: (data: AnyTensor, axes: readonly number[] | undefined) => AnyTensor,
): TensorOperator[] {
  const older = (node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] => [
    apply(requiredInput(inputs, 0, "data"), integersAttribute(node, "axes")),
  ];
  const newer = (_node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] => {
    const axes = inputs[1];
    return [apply(requiredInput(inputs, 0, "data"), axes && integersOf(axes, "input axes"))];
  };
  const common = { domain: "", name };
  return [
    ...byAttribute.map(
      (since): TensorOperator => ({ ...common, since, attributes: ["axes"], arity: [1, 1], evaluate: older }),
    ),
    ...byInput.map(
      (since): TensorOperator => ({ ...common, since, attributes: [], arity, shapeInputs: [1], evaluate: newer }),
    ),
  ];
}

/** 0 keeps the size of the same axis unless `zeroIsSize`; −1 takes what is left. */
function resolveShape(shape: readonly number[], wanted: readonly number[], zeroIsSize: boolean): readonly number[] {
  const open = wanted.indexOf(-1);
  const sizes = wanted.map((size, axis) => (size === 0 && !zeroIsSize ? shape[axis] : size));
  const others = elementCount(sizes.filter((_size, axis) => axis !== open).map((size) => size ?? Number.NaN));
  const count = elementCount(shape);
  const resolved = sizes.map((size, axis) => (axis === open ? (others === 0 ? Number.NaN : count / others) : size));
  const whole = resolved.filter(
    (size): size is number => size !== undefined && Number.isSafeInteger(size) && size >= 0,
  );
  if (whole.length === resolved.length && elementCount(whole) === count) return whole;
  throw nodeError(
    "input shape",
    `found ${formatShape(wanted)} for a tensor ${formatShape(shape)}`,
    "give sizes of as many elements, with at most one −1",
  );
}

/** Without axes, all of size 1 go. */
function squeeze(data: AnyTensor, axes: readonly number[] | undefined): AnyTensor {
  if (axes === undefined)
    return reshaped(
      data,
      data.shape.filter((size) => size !== 1),
    );
  const gone = normalAxes(axes, data.shape.length, "axes");
  const large = gone.find((axis) => data.shape[axis] !== 1);
  if (large !== undefined) {
    throw nodeError("axes", `found axis ${large} of size ${data.shape[large]}, expected size 1`, "name other axes");
  }
  return reshaped(
    data,
    data.shape.filter((_size, axis) => !gone.includes(axis)),
  );
}

/** The axes count in the result. */
function unsqueeze(data: AnyTensor, axes: readonly number[] | undefined): AnyTensor {
  if (axes === undefined) throw nodeError("axes", "found none, expected some", "export the model again");
  const added = normalAxes(axes, data.shape.length + axes.length, "axes");
  const rest = data.shape.values();
  const shape = Array.from({ length: data.shape.length + added.length }, (_, axis) =>
    added.includes(axis) ? 1 : (rest.next().value ?? 1),
  );
  return reshaped(data, shape);
}
