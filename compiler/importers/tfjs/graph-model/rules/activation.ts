/** Functions of each element, and softmax. */
import type { ElementFunction } from "../../../../graph/element-function.ts";
import { numbersOf } from "../../../../tensor-graph/tensor.ts";
import type { AnyTensor } from "../../../../tensor-graph/tensor-graph.ts";
import { numberAttribute } from "../attributes.ts";
import { nodeError } from "../node-error.ts";
import {
  addAs,
  addHelper,
  addNamed,
  constantInput,
  type NetworkValue,
  type NodeCall,
  type NodeRule,
  scalarInput,
  storedShape,
  valueInput,
  view,
} from "../rule.ts";
import { scaleAndShift } from "../scale.ts";

export function functionRule(make: (call: NodeCall) => ElementFunction): NodeRule {
  return (call) => [applied(call, valueInput(call, 0, "x"), make(call))];
}

export function activationRule(activation: "relu" | "relu6"): NodeRule {
  return (call) => {
    const { name, shape } = valueInput(call, 0, "features");
    return [{ name: addNamed(call, { op: "activation", inputs: [name], activation }), shape }];
  };
}

/** A function of a value, as a node of its own. */
export function applied(
  call: NodeCall,
  { name, shape }: NetworkValue,
  definition: ElementFunction,
  role?: string,
): NetworkValue {
  return { name: addAs(call, role, { op: "function", inputs: [name], function: definition }), shape };
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

function clipped(call: NodeCall, x: NetworkValue, minimum: number, maximum: number): NetworkValue {
  if (minimum === 0 && (maximum === Infinity || maximum === 6)) {
    const activation = maximum === 6 ? "relu6" : "relu";
    return { name: addNamed(call, { op: "activation", inputs: [x.name], activation }), shape: x.shape };
  }
  return applied(call, x, { kind: "clip", minimum, maximum });
}

export const parametricReluRule: NodeRule = (call) => [
  parametricRelu(call, valueInput(call, 0, "x"), constantInput(call, 1, "alpha")),
];

/** x from 0 up, slope · x below; with slopes that differ relu(x) − slope · relu(−x). */
export function parametricRelu(call: NodeCall, x: NetworkValue, slope: AnyTensor, role?: string): NetworkValue {
  const [first = 0, ...others] = new Set(Array.from(numbersOf(slope)));
  if (others.length === 0) return applied(call, x, { kind: "leakyRelu", slope: first }, role);
  const relu = ({ name, shape }: NetworkValue, part: string): NetworkValue => ({
    name: addHelper(call, part, { op: "activation", inputs: [name], activation: "relu" }),
    shape,
  });
  const positive = relu(x, "positive");
  const negative = relu(scaleAndShift(call, x, { scale: -1 }, "negated"), "negative");
  const scaled = scaleAndShift(call, negative, { scale: slope }, "scaled");
  const own = call.builder.shapeOf(positive.name);
  const inputs = [positive.name, view(call, scaled.name, own)];
  return { name: addAs(call, role, { op: "subtract", inputs, activation: "none" }), shape: x.shape };
}

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
