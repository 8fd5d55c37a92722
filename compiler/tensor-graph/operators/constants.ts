/** Values that come from attributes or shapes, and operators that hand values on. */
import {
  floatAttribute,
  floatsAttribute,
  integerAttribute,
  integersAttribute,
  nodeError,
  requiredInput,
  requireType,
  tensorAttribute,
} from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { integersOf, isBig, movable, sameType, tensorFrom, zeros } from "../tensor.ts";
import type { AnyTensor, ElementType, TensorNode } from "../tensor-graph.ts";
import { requireSameType } from "./elementwise.ts";

const RANGE_TYPES: readonly ElementType[] = ["float32", "float64", "int16", "int32", "int64"];

export const CONSTANT_OPERATORS: readonly TensorOperator[] = [
  ...[1, 9, 11, 12, 13, 19, 21, 23, 24, 25].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Constant",
      since,
      attributes: since < 12 ? ["value"] : ["value", "value_float", "value_floats", "value_int", "value_ints"],
      arity: [0, 0],
      evaluate: (node) => [constant(node)],
    }),
  ),
  ...[9, 20, 21, 23, 24, 25].map(
    (since): TensorOperator => ({
      domain: "",
      name: "ConstantOfShape",
      since,
      attributes: ["value"],
      arity: [1, 1],
      shapeInputs: [0],
      evaluate: (node, inputs) => {
        const shape = integersOf(requiredInput(inputs, 0, "input"), "input");
        const value = tensorAttribute(node, "value") ?? zeros("float32", [1]);
        const first = movable(value)[0];
        if (first === undefined || value.data.length !== 1) {
          throw nodeError("attribute value", `found ${value.data.length} elements, expected one`, "give one number");
        }
        const result = sameType(value, shape);
        movable(result).fill(first);
        return [result];
      },
    }),
  ),
  ...[1, 13, 15, 19, 21, 23, 24, 25].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Shape",
      since,
      attributes: since < 15 ? [] : ["start", "end"],
      arity: [1, 1],
      evaluate: (node, inputs) => {
        const { shape } = requiredInput(inputs, 0, "data");
        const sizes = shape.slice(
          integerAttribute(node, "start", 0),
          integerAttribute(node, "end", Number.MAX_SAFE_INTEGER),
        );
        return [tensorFrom("int64", [sizes.length], sizes)];
      },
    }),
  ),
  ...[1, 13, 19, 21, 23, 24, 25].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Size",
      since,
      attributes: [],
      arity: [1, 1],
      evaluate: (_node, inputs) => [tensorFrom("int64", [], [requiredInput(inputs, 0, "data").data.length])],
    }),
  ),
  {
    domain: "",
    name: "Range",
    since: 11,
    attributes: [],
    arity: [3, 3],
    shapeInputs: [0, 1, 2],
    evaluate: (_node, inputs) => [range(inputs)],
  },
  ...[1, 13, 14, 16, 19, 21, 23, 24, 25].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Identity",
      since,
      attributes: [],
      arity: [1, 1],
      evaluate: (_node, inputs) => [requiredInput(inputs, 0, "input")],
    }),
  ),
  ...[7, 10].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Dropout",
      since,
      attributes: ["ratio"],
      arity: [1, 1],
      evaluate: (_node, inputs) => dropout(inputs),
    }),
  ),
  ...[12, 13, 22].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Dropout",
      since,
      attributes: ["seed"],
      arity: [1, 3],
      evaluate: (_node, inputs) => {
        const training = inputs[2];
        if (training?.data.some((value) => value !== 0)) {
          throw nodeError("input training_mode", "found true, expected false", "export the model for inference");
        }
        return dropout(inputs);
      },
    }),
  ),
];

function constant(node: TensorNode): AnyTensor {
  const [name, ...others] = Object.keys(node.attributes);
  if (others.length === 0) {
    if (name === "value") return tensorAttribute(node, "value") ?? zeros("float32", []);
    if (name === "value_float") return tensorFrom("float32", [], [floatAttribute(node, name, 0)]);
    if (name === "value_int") return tensorFrom("int64", [], [integerAttribute(node, name, 0)]);
    if (name === "value_floats") {
      const values = floatsAttribute(node, name) ?? [];
      return tensorFrom("float32", [values.length], values);
    }
    if (name === "value_ints") {
      const values = integersAttribute(node, name) ?? [];
      return tensorFrom("int64", [values.length], values);
    }
  }
  throw nodeError(
    "attributes",
    `found ${Object.keys(node.attributes).join(", ") || "none"}, expected one that is a value`,
    "export the model again",
  );
}

/** The input, and a mask that lets everything through. */
function dropout(inputs: OperatorInputs): readonly AnyTensor[] {
  const data = requiredInput(inputs, 0, "data");
  const mask = zeros("bool", data.shape);
  mask.data.fill(1);
  return [data, mask];
}

/** start, start + delta, … up to but without limit: max(⌈(limit − start) / delta⌉, 0) elements. */
function range(inputs: OperatorInputs): AnyTensor {
  const [start, limit, delta] = [0, 1, 2].map((position) => {
    const input = requiredInput(inputs, position, `${position}`);
    requireType(input, `${position}`, RANGE_TYPES);
    if (input.data.length !== 1)
      throw nodeError(`input ${position}`, "found no scalar, expected one", "give one number");
    return input;
  });
  if (start === undefined || limit === undefined || delta === undefined) return zeros("float32", [0]);
  requireSameType([start, limit, delta]);
  const [first, end, step] = [start, limit, delta].map((tensor) => Number(tensor.data[0])) as [number, number, number];
  if (step === 0) throw nodeError("input delta", "found 0, expected another number", "give a step");
  const count = Math.max(0, Math.ceil((end - first) / step));
  const result = zeros(start.type as ElementType, [Number.isNaN(count) ? 0 : count]);
  if (isBig(result)) {
    const [from, by] = [BigInt(start.data[0] ?? 0), BigInt(delta.data[0] ?? 0)];
    for (let i = 0; i < count; i++) result.data[i] = from + BigInt(i) * by;
  } else {
    for (let i = 0; i < count; i++) result.data[i] = first + i * step;
  }
  return result;
}
