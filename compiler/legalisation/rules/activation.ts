/** Functions of each element, and softmax. */
import type { ElementFunction } from "../../graph/element-function.ts";
import type { Tensor } from "../../graph/graph.ts";
import { elementCount } from "../../graph/shape.ts";
import { floatAttribute, integerAttribute, normalAxis } from "../../tensor-graph/node-access.ts";
import { numbersOf } from "../../tensor-graph/tensor.ts";
import type { TensorNode } from "../../tensor-graph/tensor-graph.ts";
import { arranged, view } from "../arrange.ts";
import { combine } from "../combine.ts";
import { cut, inUnits, kept, narrowedRegister } from "../integer-words.ts";
import {
  addHelper,
  addNamed,
  constantInput,
  type LegalisationRule,
  legalisationError,
  networkInput,
  optionalConstant,
  type RuleCall,
  scalarOf,
} from "../rule.ts";
import { channelConstants } from "../scale.ts";
import type { NetworkValue } from "../value.ts";

/** A function with constants from attributes alone. */
export function elementRule(make: (node: TensorNode) => ElementFunction): LegalisationRule {
  return (call) => [apply(call, networkInput(call, 0, "X"), make(call.node))];
}

function apply(call: RuleCall, value: NetworkValue, definition: ElementFunction): NetworkValue {
  return { ...value, name: addNamed(call, { op: "function", inputs: [value.name], function: definition }) };
}

export const reluRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "X");
  return [clipped(call, x, inUnits(x.words, 0), Infinity)];
};

/** Bounds are attributes up to opset 10 and inputs since. */
export const clipRule: LegalisationRule = (call) => {
  const { node } = call;
  const low = optionalConstant(call, 1, "min");
  const high = optionalConstant(call, 2, "max");
  const minimum = low === undefined ? floatAttribute(node, "min", -Infinity) : scalarOf(low, "min");
  const maximum = high === undefined ? floatAttribute(node, "max", Infinity) : scalarOf(high, "max");
  const input = networkInput(call, 0, "input");
  return [clipped(call, input, inUnits(input.words, minimum), inUnits(input.words, maximum))];
};

/** Max or Min of values and constants. */
export function boundRule(side: "minimum" | "maximum"): LegalisationRule {
  return (call) => {
    const constants = call.operands.flatMap((operand) => (operand?.constant === undefined ? [] : [operand.constant]));
    const values = call.operands.flatMap((operand) => (operand?.value === undefined ? [] : [operand.value]));
    const [first, ...others] = values;
    const bounds = constants.map((constant) => inUnits(first?.words, scalarOf(constant, "bound")));
    if (first === undefined || (others.length > 0 && values.some(({ words }) => words !== undefined))) {
      throw legalisationError(
        "inputs",
        `found ${values.length} quantized values of the network, expected one and constants`,
        "compare values before they are quantized",
      );
    }
    const value = others.reduce(
      (a, b, index) =>
        extremum(call, side, [a, b], index + 1 < others.length || bounds.length > 0 ? "part" : undefined),
      first,
    );
    if (bounds.length === 0) return [value];
    return [
      side === "minimum"
        ? clipped(call, value, Math.max(...bounds), Infinity)
        : clipped(call, value, -Infinity, Math.min(...bounds)),
    ];
  };
}

/** max(a, b) = b + relu(a − b); min(a, b) = a − relu(a − b). */
function extremum(
  call: RuleCall,
  side: "minimum" | "maximum",
  [a, b]: readonly [NetworkValue, NetworkValue],
  role: string | undefined,
): NetworkValue {
  const excess = combine(call, "subtract", a, b, "excess", "relu");
  return side === "minimum" ? combine(call, "add", b, excess, role) : combine(call, "subtract", a, excess, role);
}

/** Largest float32: bounds from there on are none. */
const LARGEST = 3.4028234663852886e38;

/** Of quantized integers the words that are left are often those of a shorter register: then it is that. */
function clipped(call: RuleCall, value: NetworkValue, minimum: number, maximum: number): NetworkValue {
  const { words } = value;
  if (words === undefined || words.register === null) return clippedReal(call, value, minimum, maximum);
  const register = narrowedRegister(words, minimum, maximum);
  if (register !== undefined) return cut(call, value, { ...words, register });
  const name = addHelper(call, "clip", {
    op: "function",
    inputs: [value.name],
    function: { kind: "clip", minimum, maximum },
  });
  return kept(call, { ...value, name }, words);
}

function clippedReal(call: RuleCall, value: NetworkValue, minimum: number, maximum: number): NetworkValue {
  const unbounded = maximum >= LARGEST;
  if (minimum === 0 && (unbounded || maximum === 6)) {
    const activation = unbounded ? "relu" : "relu6";
    return { ...value, name: addNamed(call, { op: "activation", inputs: [value.name], activation }) };
  }
  return apply(call, value, {
    kind: "clip",
    minimum: minimum <= -LARGEST ? -Infinity : minimum,
    maximum: unbounded ? Infinity : maximum,
  });
}

/** x from 0 up, slope · x below: a leaky ReLU where all slopes are one. */
export const parametricReluRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "X");
  const slope = constantInput(call, 1, "slope");
  const [first = 0, ...others] = new Set(Array.from(numbersOf(slope)));
  if (others.length === 0) return [apply(call, x, { kind: "leakyRelu", slope: first })];
  const { input, constants } = channelConstants(call, x, [slope]);
  const [slopes] = constants as [Tensor];
  return [{ ...x, name: addNamed(call, { op: "prelu", inputs: [input], slopes }) }];
};

/** Along one axis since opset 13; before, along all axes from `axis` on. */
export const softmaxRule: LegalisationRule = (call) => {
  const { node } = call;
  const x = networkInput(call, 0, "input");
  const rank = x.shape.length;
  const axis = normalAxis(integerAttribute(node, "axis", node.opset >= 13 ? -1 : 1), rank);
  const within = (candidate: number): boolean => (node.opset >= 13 ? candidate === axis : candidate >= axis);
  const order = [...x.order.filter((candidate) => !within(candidate)), ...x.order.filter(within)];
  const value = arranged(call, x, order);
  const length = elementCount(x.shape.filter((_size, candidate) => within(candidate)));
  const own = call.builder.shapeOf(value.name);
  const total = elementCount(own);
  const shape = total === length ? [length] : own.at(-1) === length ? own : [1, total / length, length];
  const name = addNamed(call, { op: "softmax", inputs: [view(call, value.name, shape)] });
  return [{ ...value, name }];
};
