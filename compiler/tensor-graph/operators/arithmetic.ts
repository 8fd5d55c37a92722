/** Add, Sub, Mul, Div, Mod, Pow and the variadic Min, Max, Sum, Mean. */
import { broadcastIndex, broadcastShape } from "../arithmetic/broadcast.ts";
import { flagAttribute, nodeError, requiredInput, requireType } from "../node-access.ts";
import type { TensorOperator } from "../operator.ts";
import { bigFrom, FLOAT_TYPES, isBig, isFloat, NUMBER_TYPES, numbersOf, zeros } from "../tensor.ts";
import type { AnyTensor, ElementType } from "../tensor-graph.ts";
import { type BinaryFunction, broadcastBinary, likeBroadcast, requireSameType } from "./elementwise.ts";

const ADD: BinaryFunction = { number: (a, b) => a + b, bigint: (a, b) => a + b };
const SUBTRACT: BinaryFunction = { number: (a, b) => a - b, bigint: (a, b) => a - b };
const MULTIPLY: BinaryFunction = { number: (a, b) => a * b, bigint: (a, b) => a * b };
/** For integers up to 32 bits, of which the low bits of the product remain. */
const MULTIPLY_INTEGERS: BinaryFunction = { number: Math.imul, bigint: (a, b) => a * b };
const DIVIDE: BinaryFunction = { number: (a, b) => a / b, bigint: (a, b) => a / nonZero(b) };
/** Towards zero. */
const DIVIDE_INTEGERS: BinaryFunction = { number: (a, b) => Math.trunc(a / nonZero(b)), bigint: DIVIDE.bigint };
/** The sign of the dividend, as C's fmod. */
const REMAINDER: BinaryFunction = { number: (a, b) => a % b, bigint: (a, b) => a % nonZero(b) };
/** The sign of the divisor, as Python's %. */
const MODULO: BinaryFunction = {
  number: (a, b) => {
    const rest = a % nonZero(b);
    return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
  },
  bigint: (a, b) => {
    const rest = a % nonZero(b);
    return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest;
  },
};
const LEAST: BinaryFunction = { number: Math.min, bigint: (a, b) => (a < b ? a : b) };
const GREATEST: BinaryFunction = { number: Math.max, bigint: (a, b) => (a > b ? a : b) };

function nonZero<T extends number | bigint>(divisor: T): T {
  if (divisor === 0 || divisor === 0n) throw nodeError("input B", "division of an integer by 0", "check the divisor");
  return divisor;
}

export const ARITHMETIC_OPERATORS: readonly TensorOperator[] = [
  ...binary("Add", [7, 13, 14], () => ADD),
  ...binary("Sub", [7, 13, 14], () => SUBTRACT),
  ...binary("Mul", [7, 13, 14], (a) => (isFloat(a) ? MULTIPLY : MULTIPLY_INTEGERS)),
  ...binary("Div", [7, 13, 14], (a) => (isFloat(a) ? DIVIDE : DIVIDE_INTEGERS)),
  ...[10, 13].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Mod",
      since,
      attributes: ["fmod"],
      arity: [2, 2],
      evaluate: (node, inputs) => {
        const a = requiredInput(inputs, 0, "A");
        const fmod = flagAttribute(node, "fmod", false);
        if (isFloat(a) && !fmod) throw nodeError("attribute fmod", "found 0, expected 1 for floats", "set it to 1");
        return [broadcastBinary(a, requiredInput(inputs, 1, "B"), fmod ? REMAINDER : MODULO)];
      },
      infer: likeBroadcast,
    }),
  ),
  ...[7, 12, 13, 15].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Pow",
      since,
      attributes: [],
      arity: [2, 2],
      evaluate: (_node, inputs) => [power(requiredInput(inputs, 0, "X"), requiredInput(inputs, 1, "Y"))],
    }),
  ),
  ...variadic("Min", [6, 8, 12, 13], NUMBER_TYPES, LEAST),
  ...variadic("Max", [6, 8, 12, 13], NUMBER_TYPES, GREATEST),
  ...variadic("Sum", [6, 8, 13], FLOAT_TYPES, ADD),
  ...variadic("Mean", [6, 8, 13], FLOAT_TYPES, ADD, (sum, count) => sum / count),
];

function binary(name: string, since: readonly number[], choose: (a: AnyTensor) => BinaryFunction): TensorOperator[] {
  return since.map((opset) => ({
    domain: "",
    name,
    since: opset,
    attributes: [],
    arity: [2, 2],
    evaluate: (_node, inputs) => {
      const a = requiredInput(inputs, 0, "A");
      requireType(a, "A", NUMBER_TYPES);
      return [broadcastBinary(a, requiredInput(inputs, 1, "B"), choose(a))];
    },
    infer: likeBroadcast,
  }));
}

/** From the left, in float64, rounded once; broadcasting from opset 8 on. */
function variadic(
  name: string,
  since: readonly number[],
  types: readonly ElementType[],
  combine: BinaryFunction,
  finish: (value: number, count: number) => number = (value) => value,
): TensorOperator[] {
  return since.map((opset) => ({
    domain: "",
    name,
    since: opset,
    attributes: [],
    arity: [1, Number.POSITIVE_INFINITY],
    evaluate: (_node, inputs) => {
      const tensors = inputs.map((_input, position) => requiredInput(inputs, position, `${position}`));
      const first = requiredInput(inputs, 0, "0");
      requireType(first, "0", types);
      requireSameType(tensors);
      if (!isFloat(first)) return [tensors.reduce((result, tensor) => broadcastBinary(result, tensor, combine))];
      const total = tensors.map(widened).reduce((result, tensor) => broadcastBinary(result, tensor, combine));
      const result = zeros(first.type, total.shape);
      const numbers = numbersOf(total);
      for (let i = 0; i < result.data.length; i++) result.data[i] = finish(numbers[i] ?? 0, tensors.length);
      return [result];
    },
    infer: likeBroadcast,
  }));
}

/** In float64. */
function widened(tensor: AnyTensor): AnyTensor {
  if (tensor.type !== "float32") return tensor;
  return { type: "float64", shape: tensor.shape, data: Float64Array.from(tensor.data) };
}

/** Of the base's type; the exponent may be of another. */
function power(base: AnyTensor, exponent: AnyTensor): AnyTensor {
  requireType(base, "X", NUMBER_TYPES);
  requireType(exponent, "Y", NUMBER_TYPES);
  const shape = broadcastShape([base.shape, exponent.shape]);
  const baseIndex = broadcastIndex(base.shape, shape);
  const exponentIndex = broadcastIndex(exponent.shape, shape);
  const result = zeros(base.type as ElementType, shape);
  const count = result.data.length;
  if (isBig(base) && isBig(result)) {
    const bases: BigInt64Array | BigUint64Array = base.data;
    const data: BigInt64Array | BigUint64Array = result.data;
    for (let i = 0; i < count; i++) {
      const x = bases[baseIndex?.[i] ?? i] ?? 0n;
      const y = exponent.data[exponentIndex?.[i] ?? i] ?? 0;
      data[i] = bigPower(x, y);
    }
    return result;
  }
  const bases = numbersOf(base);
  const exponents = numbersOf(exponent);
  const powers = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    powers[i] = (bases[baseIndex?.[i] ?? i] ?? 0) ** (exponents[exponentIndex?.[i] ?? i] ?? 0);
  }
  if (!isBig(result)) result.data.set(powers);
  return result;
}

/** Exact modulo 2^64 for whole exponents from 0 up, else by way of float64, towards zero. */
function bigPower(base: bigint, exponent: number | bigint): bigint {
  if (typeof exponent === "bigint" || Number.isSafeInteger(exponent)) {
    let rest = BigInt(exponent);
    if (rest >= 0n) {
      let result = 1n;
      for (let factor = base; rest > 0n; rest >>= 1n) {
        if ((rest & 1n) === 1n) result = BigInt.asIntN(64, result * factor);
        factor = BigInt.asIntN(64, factor * factor);
      }
      return result;
    }
  }
  return bigFrom(Number(base) ** Number(exponent));
}
