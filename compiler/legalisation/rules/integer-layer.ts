/** Layers of an integer network: what is summed, and the integers that scale the sums. */
import type { IntegerRequantization } from "../../graph/graph.ts";
import { elementCount } from "../../graph/shape.ts";
import { choiceAttribute, floatsAttribute, integerAttribute } from "../../tensor-graph/node-access.ts";
import { arranged, asChannelsLast } from "../arrange.ts";
import { INTEGER_ROUNDINGS } from "../recognise/integer-chain.ts";
import { addNamed, type LegalisationRule, networkInput, outputShape, type RuleCall } from "../rule.ts";
import { withShape } from "../value.ts";
import { addConvolution, addTransposedConvolution } from "./convolution.ts";
import { addGemm } from "./matrix.ts";
import { addPool, pooledAxes } from "./pooling.ts";

export const integerConvolutionRule: LegalisationRule = (call) =>
  addConvolution(call, requantizationOf(call, outputShape(call)[1] ?? 1));

export const integerTransposedConvolutionRule: LegalisationRule = (call) =>
  addTransposedConvolution(call, requantizationOf(call, outputShape(call)[1] ?? 1));

export const integerGemmRule: LegalisationRule = (call) =>
  addGemm(call, requantizationOf(call, outputShape(call)[1] ?? 1));

export const integerPoolRule: LegalisationRule = (call) =>
  addPool(call, "average", requantizationOf(call, outputShape(call)[1] ?? 1));

/** Sums over all positions of a channel, which stay as axes of one position or go. */
export const integerGlobalPoolRule: LegalisationRule = (call) => {
  const x = networkInput(call, 0, "X");
  const axes = x.shape.flatMap((_size, axis) => (axis < 2 ? [] : [axis]));
  const pooled = pooledAxes(call, "average", x, axes, requantizationOf(call, x.shape[1] ?? 1));
  return [withShape(pooled, outputShape(call)) ?? pooled];
};

/** One value scaled, or the sum of two. The axis along which factors differ comes to lie innermost. */
export const requantizeRule: LegalisationRule = (call) => {
  const { node, builder } = call;
  const axis = integerAttribute(node, "requantization_axis", -1);
  const given = node.inputs.map((_name, position) => networkInput(call, position, position === 0 ? "A" : "B"));
  const [a] = given;
  if (a === undefined) return [];
  const first = axis < 0 ? a : asChannelsLast(call, a, axis);
  const values = given.map((value, index) => (index === 0 ? first : arranged(call, value, first.order)));
  const own = builder.shapeOf(first.name);
  const length = axis < 0 ? (own.at(-1) ?? 1) : (a.shape[axis] ?? 1);
  const shape = own.at(-1) === length ? own : [1, elementCount(own) / length, length];
  const inputs = values.map(({ name }) =>
    builder.shapeOf(name).join() === shape.join()
      ? name
      : builder.add({ op: "reshape", name: builder.uniqueName(`${call.base}/view`), inputs: [name], shape }),
  );
  const second = floatsAttribute(node, "requantization_second");
  const name = addNamed(call, {
    op: "requantize",
    inputs,
    requantization: requantizationOf(call, length),
    secondMultipliers: second === undefined ? null : repeated(second, length),
  });
  return [{ ...first, name, words: undefined }];
};

function requantizationOf({ node }: RuleCall, channels: number): IntegerRequantization {
  const offsets = floatsAttribute(node, "requantization_offsets") ?? [];
  const end = (name: string): number | null =>
    node.attributes[name] === undefined ? null : integerAttribute(node, name, 0);
  return {
    multipliers: repeated(floatsAttribute(node, "requantization_multipliers") ?? [], channels),
    offsets: offsets.every((offset) => offset === 0) ? null : repeated(offsets, channels),
    shift: integerAttribute(node, "requantization_shift", 0),
    divisor: integerAttribute(node, "requantization_divisor", 1),
    rounding: choiceAttribute(node, "requantization_rounding", INTEGER_ROUNDINGS, "down"),
    minimum: end("requantization_minimum"),
    maximum: end("requantization_maximum"),
  };
}

function repeated(numbers: readonly number[], length: number): Float64Array {
  return Float64Array.from({ length }, (_, index) => numbers[numbers.length === 1 ? 0 : index] ?? 0);
}
