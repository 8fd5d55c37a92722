/** Functions of each element, and softmax. */
import type { ElementFunction } from "../../../../graph/element-function.ts";
import { numbersOf } from "../../../../tensor-graph/tensor.ts";
import { applied, clipped, parametricRelu } from "../../values/element-wise.ts";
import { nodeError } from "../../values/node-error.ts";
import { addNamed, type NetworkValue, storedShape, view } from "../../values/value.ts";
import { numberAttribute } from "../attributes.ts";
import { constantInput, type NodeCall, type NodeRule, scalarInput, valueInput } from "../rule.ts";

export function functionRule(make: (call: NodeCall) => ElementFunction): NodeRule {
  return (call) => [applied(call, valueInput(call, 0, "x"), make(call))];
}

export function activationRule(activation: "relu" | "relu6"): NodeRule {
  return (call) => {
    const { name, shape } = valueInput(call, 0, "features");
    return [{ name: addNamed(call, { op: "activation", inputs: [name], activation }), shape }];
  };
}

export const leakyReluRule: NodeRule = functionRule((call) => ({
  kind: "leakyRelu",
  slope: numberAttribute(call, "alpha", 0.2),
}));

export const clipRule: NodeRule = (call) => {
  const x = valueInput(call, 0, "t");
  const [minimum, maximum] = [scalarInput(call, 1, "clip_value_min"), scalarInput(call, 2, "clip_value_max")];
  return [clipped(call, x, minimum, maximum)];
};

/** Maximum or Minimum of a value and a number. */
export function boundRule(side: "minimum" | "maximum"): NodeRule {
  return (call) => {
    const position = call.operands[0]?.value === undefined ? 1 : 0;
    const x = valueInput(call, position, position === 0 ? "x" : "y");
    const bounds = numbersOf(constantInput(call, 1 - position, position === 0 ? "y" : "x"));
    const [bound = 0] = Array.from(bounds);
    if (bounds.length === 0 || Array.from(bounds).some((other) => other !== bound)) {
      throw nodeError(
        call,
        "inputs",
        "found bounds that differ, expected one number",
        "the machine has one bound for all",
      );
    }
    return [side === "minimum" ? clipped(call, x, bound, Infinity) : clipped(call, x, -Infinity, bound)];
  };
}

export const parametricReluRule: NodeRule = (call) => [
  parametricRelu(call, valueInput(call, 0, "x"), constantInput(call, 1, "alpha")),
];

export const softmaxRule: NodeRule = (call) => {
  const { name, shape } = valueInput(call, 0, "logits");
  const input = view(call, name, storedShape(shape));
  return [{ name: addNamed(call, { op: "softmax", inputs: [input] }), shape, isSoftmax: true }];
};

/** What a fused layer does behind its bias. */
export type FusedActivation = (call: NodeCall, x: NetworkValue) => NetworkValue;

/** Activations that fused layers may have beside relu and relu6, which are fields of the network's layers. */
export const FUSED_ACTIVATIONS: Readonly<Record<string, FusedActivation>> = {
  LeakyRelu: (call, x) =>
    applied(call, x, { kind: "leakyRelu", slope: numberAttribute(call, "leakyrelu_alpha", 0.2) }, "activation"),
  Prelu: (call, x) => parametricRelu(call, x, constantInput(call, call.operands.length - 1, "alpha"), "activation"),
  Sigmoid: (call, x) => applied(call, x, { kind: "sigmoid" }, "activation"),
  Tanh: (call, x) => applied(call, x, { kind: "tanh" }, "activation"),
};
