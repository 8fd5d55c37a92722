/** Sums, differences, products and quotients: of two values, or of a value and constants as scale and shift. */
import { broadcastShape } from "../../../../tensor-graph/arithmetic/broadcast.ts";
import { numbersOf } from "../../../../tensor-graph/tensor.ts";
import type { AnyTensor } from "../../../../tensor-graph/tensor-graph.ts";
import { repeatedTo } from "../../values/arrange.ts";
import { applied, combine } from "../../values/element-wise.ts";
import { nodeError } from "../../values/node-error.ts";
import { type Factor, perChannel, scaleAndShift } from "../../values/scale.ts";
import { addNamed, type NetworkValue, view } from "../../values/value.ts";
import { constantInput, type NodeCall, type NodeRule, scalarInput, valueInput } from "../rule.ts";
import { channelsLastOnly } from "../windows.ts";

export const addRule: NodeRule = (call) => {
  const { values, constant, position } = operandsOf(call);
  if (constant === undefined) return [combine(call, "add", values)];
  return [biased(call, position, constant) ?? withConstant(call, values[0], { shift: constant })];
};

export const biasAddRule: NodeRule = (call) => {
  channelsLastOnly(call);
  const value = valueInput(call, 0, "value");
  const bias = constantInput(call, 1, "bias");
  return [biased(call, 0, bias) ?? withConstant(call, value, { shift: bias })];
};

/**
 * The layer before with the constant as its bias, where nothing else reads it and the constant has one number per channel;
 * else undefined.
 */
function biased(call: NodeCall, position: number, constant: AnyTensor): NetworkValue | undefined {
  const value = call.operands[position]?.value;
  if (value?.takesBias !== true || call.readersOf(position) !== 1) return undefined;
  const bias = perChannel(constant, value.shape.at(-1) ?? 0);
  if (bias === undefined || constant.shape.length > value.shape.length) return undefined;
  call.biases.set(value.name, bias);
  return { name: value.name, shape: value.shape };
}

export const subtractRule: NodeRule = (call) => {
  const { values, constant, position } = operandsOf(call);
  if (constant === undefined) return [combine(call, "subtract", values)];
  const factors = position === 0 ? { shift: mapped(constant, (x) => -x) } : { scale: -1, shift: constant };
  return [withConstant(call, values[0], factors)];
};

export const multiplyRule: NodeRule = (call) => {
  const { values, constant } = operandsOf(call);
  if (constant === undefined) return [combine(call, "multiply", values)];
  return [withConstant(call, values[0], { scale: constant })];
};

/** By a value: times its reciprocal. */
export const divideRule: NodeRule = (call) => {
  const { values, constant, position } = operandsOf(call);
  const [first, second] = values;
  if (constant !== undefined && position === 0) {
    return [withConstant(call, first, { scale: mapped(constant, (x) => 1 / x) })];
  }
  const divisor = applied(call, constant === undefined ? second : first, { kind: "power", exponent: -1 }, "reciprocal");
  return [
    constant === undefined
      ? combine(call, "multiply", [first, divisor])
      : withConstant(call, divisor, { scale: constant }),
  ];
};

export const negateRule: NodeRule = (call) => [scaleAndShift(call, valueInput(call, 0, "x"), { scale: -1 })];

export const squareRule: NodeRule = (call) => {
  const x = valueInput(call, 0, "x");
  return [combine(call, "multiply", [x, x])];
};

export const powerRule: NodeRule = (call) => {
  const x = valueInput(call, 0, "x");
  const exponent = scalarInput(call, 1, "y");
  return [exponent === 2 ? combine(call, "multiply", [x, x]) : applied(call, x, { kind: "power", exponent })];
};

/** AddN: the sum of any number of values of one shape. */
export const sumRule: NodeRule = (call) => {
  const values = call.operands.map((_operand, position) => valueInput(call, position, `${position}`));
  const [first, ...others] = values;
  if (first === undefined) throw nodeError(call, "inputs", "found none, expected values", "export the model again");
  if (others.length === 0) return [{ name: first.name, shape: first.shape }];
  const own = call.builder.shapeOf(first.name);
  const inputs = values.map(({ name }) => view(call, name, own));
  return [{ name: addNamed(call, { op: "add", inputs, activation: "none" }), shape: first.shape }];
};

interface Operands {
  /** Twice the same where the other operand is a constant. */
  readonly values: readonly [NetworkValue, NetworkValue];
  readonly constant: AnyTensor | undefined;
  /** Where the first value stands. */
  readonly position: number;
}

/** Two values, or a value and a constant. */
function operandsOf(call: NodeCall): Operands {
  const [a, b] = call.operands;
  if (call.operands.length !== 2 || a === undefined || b === undefined) {
    throw nodeError(call, "inputs", `found ${call.operands.length}, expected two`, "export the model again");
  }
  const first = a.value ?? b.value;
  if (first === undefined)
    return { values: [valueInput(call, 0, "x"), valueInput(call, 1, "y")], constant: undefined, position: 0 };
  return {
    values: [first, b.value ?? first],
    constant: a.constant ?? b.constant,
    position: a.value === undefined ? 1 : 0,
  };
}

/** The value repeated to the common shape first, where the constant is the larger of the two. */
function withConstant(
  call: NodeCall,
  value: NetworkValue,
  factors: { readonly scale?: Factor; readonly shift?: Factor },
): NetworkValue {
  const shapes = Object.values(factors).flatMap((factor: Factor) => (typeof factor === "number" ? [] : [factor.shape]));
  return scaleAndShift(call, repeatedTo(call, value, broadcastShape([value.shape, ...shapes])), factors);
}

function mapped(tensor: AnyTensor, map: (value: number) => number): AnyTensor {
  return { type: "float64", shape: tensor.shape, data: Float64Array.from(numbersOf(tensor), map) };
}
