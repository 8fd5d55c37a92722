/** Operations on two values of the network: brought to one shape and one order in memory. */
import type { Activation } from "../graph/graph.ts";
import { elementCount, sameShape } from "../graph/shape.ts";
import { broadcastShape } from "../tensor-graph/arithmetic/broadcast.ts";
import { arranged, view } from "./arrange.ts";
import { ranked, repeated } from "./repeat.ts";
import { addHelper, addNamed, type RuleCall } from "./rule.ts";
import type { NetworkValue } from "./value.ts";

type Combination = "add" | "subtract" | "multiply";

/** Adds the operation, named after the operator or, with a role, as a helper. Sizes of 1 repeat as in ONNX. */
export function combine(
  call: RuleCall,
  op: Combination,
  left: NetworkValue,
  right: NetworkValue,
  role?: string,
  activation: Activation = "none",
): NetworkValue {
  const shape = broadcastShape([left.shape, right.shape]);
  const [a, b] = [ranked(left, shape.length), ranked(right, shape.length)];
  // The order of an operand that need not be repeated, where there is one.
  const { order } = sameShape(a.shape, shape) || !sameShape(b.shape, shape) ? a : b;
  const inputs = [a, b].map((value) => repeated(call, arranged(call, value, order), shape));
  const [first = "", second = ""] = inputs.map(({ name }) => name);
  const own = call.builder.shapeOf(elementCount(left.shape) === elementCount(shape) ? first : second);
  const node = { op, inputs: [view(call, first, own), view(call, second, own)], activation } as const;
  const name = role === undefined ? addNamed(call, node) : addHelper(call, role, node);
  return { name, shape, order };
}

export function addValues(call: RuleCall, left: NetworkValue, right: NetworkValue, role?: string): NetworkValue {
  return combine(call, "add", left, right, role);
}
