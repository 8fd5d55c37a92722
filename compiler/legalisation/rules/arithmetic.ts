/** Sums, differences, products and quotients: of two values, or of a value and constants as scale and shift. */
import { numbersOf } from "../../tensor-graph/tensor.ts";
import type { AnyTensor } from "../../tensor-graph/tensor-graph.ts";
import { combine } from "../combine.ts";
import { affineIntegers, kept, requireSameWords } from "../integer-words.ts";
import { broadcastTo } from "../repeat.ts";
import {
  addHelper,
  addNamed,
  constantInput,
  type LegalisationRule,
  legalisationError,
  networkInput,
  outputShape,
  type RuleCall,
  scalarOf,
} from "../rule.ts";
import { scaleAndShift } from "../scale.ts";
import type { IntegerWords, NetworkValue } from "../value.ts";

export const addRule: LegalisationRule = (call) => {
  const { values, value, constant } = operandsOf(call);
  if (values) return [ofIntegers(call, values, "add") ?? combine(call, "add", ...values)];
  return [integersWith(call, value, { shift: constant }) ?? withConstant(call, value, { shift: constant })];
};

export const subtractRule: LegalisationRule = (call) => {
  const { values, value, constant, valueFirst } = operandsOf(call);
  if (values) return [ofIntegers(call, values, "subtract") ?? combine(call, "subtract", ...values)];
  const factors = valueFirst ? { shift: mapped(constant, (number) => -number) } : { scale: -1, shift: constant };
  return [integersWith(call, value, factors) ?? withConstant(call, value, factors)];
};

export const multiplyRule: LegalisationRule = (call) => {
  const { values, value, constant } = operandsOf(call);
  if (values) {
    for (const { words } of values) requireReal(words);
    return [combine(call, "multiply", ...values)];
  }
  if (value.words?.register) return [affine(call, value, value.words, { scale: scalarOf(constant, "B") })];
  return [withConstant(call, value, { scale: constant })];
};

/** By a value: times its reciprocal, which is a look-up table. */
export const divideRule: LegalisationRule = (call) => {
  const { values, value, constant, valueFirst } = operandsOf(call);
  if (values) {
    for (const { words } of values) requireReal(words);
    return [combine(call, "multiply", values[0], reciprocal(call, values[1]))];
  }
  requireReal(value.words);
  if (!valueFirst) return [withConstant(call, reciprocal(call, value), { scale: constant })];
  return [withConstant(call, value, { scale: mapped(constant, (number) => 1 / number) })];
};

function reciprocal(call: RuleCall, value: NetworkValue): NetworkValue {
  const node = { op: "function", inputs: [value.name], function: { kind: "power", exponent: -1 } } as const;
  return { ...value, name: addHelper(call, "reciprocal", node) };
}

export const negateRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "X");
  return [integersWith(call, x, { scale: -1 }) ?? scaleAndShift(call, x, { scale: -1 })];
};

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
  const exponents = new Set(Array.from(numbersOf(constantInput(call, 1, "Y"))));
  const [exponent, ...others] = exponents;
  if (exponent === undefined || others.length > 0) {
    throw legalisationError("input Y", `found ${exponents.size} exponents, expected one`, "split the operation");
  }
  if (exponent === 2) return [combine(call, "multiply", x, x)];
  const name = addNamed(call, { op: "function", inputs: [x.name], function: { kind: "power", exponent } });
  return [{ ...x, name }];
};

/** The sum or difference of quantized integers, which wraps as theirs does; undefined for other values. */
function ofIntegers(
  call: RuleCall,
  values: readonly [NetworkValue, NetworkValue],
  op: "add" | "subtract",
): NetworkValue | undefined {
  if (values.every(({ words }) => !words?.register)) return undefined;
  const words = requireSameWords(values);
  if (!words?.register) return undefined;
  const combined = combine(call, op, ...values, "integers");
  const { zeroPoint, unit } = words;
  const shift = (op === "add" ? zeroPoint : -zeroPoint) * unit;
  const shifted = shift === 0 ? combined : scaleAndShift(call, combined, { shift }, "zero");
  return kept(call, shifted, { ...words, register: { ...words.register, overflow: "wrap" } });
}

/** scale · q + shift of quantized integers; undefined for other values. */
function integersWith(
  call: RuleCall,
  value: NetworkValue,
  { scale = 1, shift }: { readonly scale?: number | undefined; readonly shift?: AnyTensor | undefined },
): NetworkValue | undefined {
  if (!value.words?.register) return undefined;
  return affine(call, value, value.words, { scale, shift });
}

function affine(
  call: RuleCall,
  value: NetworkValue,
  words: IntegerWords,
  factors: { readonly scale?: number; readonly shift?: AnyTensor | undefined },
): NetworkValue {
  return affineIntegers(call, { ...broadcastTo(call, value, outputShape(call)), words }, factors);
}

function requireReal(words: IntegerWords | undefined): void {
  if (!words?.register) return;
  throw legalisationError(
    "inputs",
    "found quantized integers, expected floats",
    "put DequantizeLinear before it, and QuantizeLinear behind it",
  );
}

type Operands =
  | {
      readonly values: readonly [NetworkValue, NetworkValue];
      readonly value?: never;
      readonly constant?: never;
      readonly valueFirst?: never;
    }
  | {
      readonly values?: never;
      readonly value: NetworkValue;
      readonly constant: AnyTensor;
      readonly valueFirst: boolean;
    };

/** Two values, or a value and a constant. */
function operandsOf(call: RuleCall): Operands {
  const [a, b] = call.operands;
  if (a?.value !== undefined && b?.value !== undefined) return { values: [a.value, b.value] };
  if (a?.value !== undefined && b?.constant !== undefined)
    return { value: a.value, constant: b.constant, valueFirst: true };
  if (a?.constant !== undefined && b?.value !== undefined)
    return { value: b.value, constant: a.constant, valueFirst: false };
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

function mapped(tensor: AnyTensor, map: (value: number) => number): AnyTensor {
  return { type: "float64", shape: tensor.shape, data: Float64Array.from(numbersOf(tensor), map) };
}
