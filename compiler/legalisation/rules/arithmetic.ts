/** Sums, differences, products and quotients: of two values, or of a value and constants as scale and shift. */
import { numbersOf } from "../../tensor-graph/tensor.ts";
import type { AnyTensor } from "../../tensor-graph/tensor-graph.ts";
import { combine } from "../combine.ts";
import { addNamed, type LegalisationRule, legalisationError, networkInput, type Operand, outputShape, type RuleCall } from "../rule.ts";
import { scaleAndShift } from "../scale.ts";
import { broadcastTo } from "../repeat.ts";
import type { NetworkValue } from "../value.ts";

export const addRule: LegalisationRule = (call) => {
  const [a, b] = both(call);
  if (a.value !== undefined && b.value !== undefined) return [combine(call, "add", a.value, b.value)];
  if (a.value !== undefined) return [withConstant(call, a.value, { shift: b.constant })];
  return [withConstant(call, b.value, { shift: a.constant })];
};

export const subtractRule: LegalisationRule = (call) => {
  const [a, b] = both(call);
  if (a.value !== undefined && b.value !== undefined) return [combine(call, "subtract", a.value, b.value)];
  if (a.value !== undefined) return [withConstant(call, a.value, { shift: mapped(b.constant, (c) => -c) })];
  return [withConstant(call, b.value, { scale: -1, shift: a.constant })];
};

export const multiplyRule: LegalisationRule = (call) => {
  const [a, b] = both(call);
  if (a.value !== undefined && b.value !== undefined) return [combine(call, "multiply", a.value, b.value)];
  if (a.value !== undefined) return [withConstant(call, a.value, { scale: b.constant })];
  return [withConstant(call, b.value, { scale: a.constant })];
};

export const divideRule: LegalisationRule = (call) => {
  const [a, b] = both(call);
  if (a.value !== undefined && b.constant !== undefined) {
    return [withConstant(call, a.value, { scale: mapped(b.constant, (c) => 1 / c) })];
  }
  throw legalisationError(
    "input B",
    "found a divisor that the network computes, expected a constant",
    "the machine has no divider for two values: multiply with a constant instead",
  );
};

export const negateRule: LegalisationRule = (call) => [scaleAndShift(call, networkInput(call, 0, "X"), { scale: -1 })];

/** Sum of any number of values and constants. */
export const sumRule: LegalisationRule = (call) => {
  const { operands } = call;
  const values = operands.flatMap((operand) => (operand?.value === undefined ? [] : [operand.value]));
  const constants = operands.flatMap((operand) => (operand?.constant === undefined ? [] : [operand.constant]));
  const [first, ...others] = values;
  if (first === undefined) throw legalisationError("inputs", "found none", "export the model again");
  let sum = first;
  others.forEach((value, index) => {
    sum = combine(call, "add", sum, value, index + 1 < others.length || constants.length > 0 ? "sum" : undefined);
  });
  constants.forEach((constant, index) => {
    const value = broadcastTo(call, sum, outputShape(call));
    sum = scaleAndShift(call, value, { shift: constant }, index + 1 < constants.length ? "sum" : undefined);
  });
  return [sum];
};

/** x to a constant power. */
export const powerRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "X");
  const exponents = new Set(numbersOf(requireConstant(call.operands[1], "Y")) as Iterable<number>);
  const [exponent, ...others] = exponents;
  if (exponent === undefined || others.length > 0) {
    throw legalisationError("input Y", `found ${exponents.size} exponents, expected one`, "split the operation");
  }
  if (exponent === 2) return [combine(call, "multiply", x, x)];
  const name = addNamed(call, { op: "function", inputs: [x.name], function: { kind: "power", exponent } });
  return [{ ...x, name }];
};

function both(call: RuleCall): readonly [Operand, Operand] {
  const [a, b] = call.operands;
  if (a !== undefined && b !== undefined) return [a, b];
  throw legalisationError("inputs", "one is left out, expected two", "export the model again");
}

/** The value repeated to the output's shape first, where the constant is the larger of the two. */
function withConstant(
  call: RuleCall,
  value: NetworkValue,
  factors: { readonly scale?: number | AnyTensor | undefined; readonly shift?: AnyTensor | undefined },
): NetworkValue {
  const { scale = 1, shift = 0 } = factors;
  return scaleAndShift(call, broadcastTo(call, value, outputShape(call)), { scale, shift });
}

function requireConstant(operand: Operand | undefined, name: string): AnyTensor {
  if (operand?.constant !== undefined) return operand.constant;
  throw legalisationError(`input ${name}`, "found a value that the network computes, expected a constant", "export the model with a constant");
}

function mapped(tensor: AnyTensor, map: (value: number) => number): AnyTensor {
  return { type: "float64", shape: tensor.shape, data: Float64Array.from(numbersOf(tensor), map) };
}
