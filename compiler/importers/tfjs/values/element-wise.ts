/** Functions of each element, and sums, differences and products of two values. */
import type { ElementFunction } from "../../../graph/element-function.ts";
import type { Activation, Tensor } from "../../../graph/graph.ts";
import { broadcastShape } from "../../../tensor-graph/arithmetic/broadcast.ts";
import { numbersOf } from "../../../tensor-graph/tensor.ts";
import type { AnyTensor } from "../../../tensor-graph/tensor-graph.ts";
import { repeatedTo } from "./arrange.ts";
import { channelConstants } from "./scale.ts";
import { addAs, addNamed, type NetworkValue, type ValueCall, view } from "./value.ts";

/** The constants that Keras and ONNX have, in float64. */
export const SELU: ElementFunction = { kind: "elu", scale: 1.6732632423543772, width: 1, gain: 1.0507009873554805 };

/** A function of a value, as a node of its own. */
export function applied(
  call: ValueCall,
  { name, shape }: NetworkValue,
  definition: ElementFunction,
  role?: string,
): NetworkValue {
  return { name: addAs(call, role, { op: "function", inputs: [name], function: definition }), shape };
}

/** min(max(x, minimum), maximum); a bound may be infinite. */
export function clipped(call: ValueCall, x: NetworkValue, minimum: number, maximum: number): NetworkValue {
  if (minimum === 0 && (maximum === Infinity || maximum === 6)) {
    const activation = maximum === 6 ? "relu6" : "relu";
    return { name: addNamed(call, { op: "activation", inputs: [x.name], activation }), shape: x.shape };
  }
  return applied(call, x, { kind: "clip", minimum, maximum });
}

/** x from 0 up, slope · x below: a leaky ReLU where all slopes are one. */
export function parametricRelu(call: ValueCall, x: NetworkValue, slope: AnyTensor, role?: string): NetworkValue {
  const [first = 0, ...others] = new Set(Array.from(numbersOf(slope)));
  if (others.length === 0) return applied(call, x, { kind: "leakyRelu", slope: first }, role);
  const { input, constants } = channelConstants(call, x, [slope], 1);
  const [slopes] = constants as [Tensor];
  return { name: addAs(call, role, { op: "prelu", inputs: [input], slopes }), shape: x.shape };
}

/** Two values of shapes that broadcast. */
export function combine(
  call: ValueCall,
  op: "add" | "subtract" | "multiply",
  [left, right]: readonly [NetworkValue, NetworkValue],
  role?: string,
  activation: Activation = "none",
): NetworkValue {
  const shape = broadcastShape([left.shape, right.shape]);
  const [a, b] = [repeatedTo(call, left, shape), repeatedTo(call, right, shape)];
  // The stored shape of the one that need not be repeated.
  const own = call.builder.shapeOf(a.name === left.name ? a.name : b.name);
  const inputs = [view(call, a.name, own), view(call, b.name, own)];
  return { name: addAs(call, role, { op, inputs, activation }), shape };
}
