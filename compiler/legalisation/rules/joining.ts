/** Concat and Pad: values made longer. */
import { elementCount, NO_PADDING } from "../../graph/shape.ts";
import {
  choiceAttribute,
  floatAttribute,
  integerAttribute,
  integersAttribute,
  normalAxes,
  normalAxis,
} from "../../tensor-graph/node-access.ts";
import { integersOf } from "../../tensor-graph/tensor.ts";
import { view } from "../arrange.ts";
import { constantInUnits, inUnits, requireSameWords } from "../integer-words.ts";
import { concatenated } from "../join.ts";
import {
  addHelper,
  addNamed,
  type LegalisationRule,
  legalisationError,
  networkConstant,
  networkInput,
  optionalConstant,
  type RuleCall,
  scalarOf,
} from "../rule.ts";
import { around, imagePositions, type NetworkValue, rowMajor } from "../value.ts";

export const concatRule: LegalisationRule = (call) => {
  const { node, operands } = call;
  const present = operands.flatMap((operand) => (operand === undefined ? [] : [operand]));
  const rank = present.find(({ value }) => value !== undefined)?.value?.shape.length ?? 1;
  const axis = normalAxis(integerAttribute(node, "axis", 1), rank);
  const words = requireSameWords(present.flatMap(({ value }) => (value === undefined ? [] : [value])));
  const values = present.map(({ value, constant }, position): NetworkValue => {
    if (value !== undefined) return value;
    const shape = constant.shape;
    const tensor = networkConstant(constantInUnits(words, constant), [elementCount(shape)]);
    const name = addHelper(call, `constant${position}`, { op: "constant", inputs: [], value: tensor });
    return { name, shape, order: rowMajor(shape.length) };
  });
  // The order of a value that the network computes, so that constants move and not values.
  const first = present.findIndex(({ value }) => value !== undefined);
  if (first <= 0) return [concatenated(call, values, axis)];
  const { order = [] } = values[first] ?? {};
  return [concatenated(call, values, axis, undefined, order)];
};

/** Zeros around; negative padding cuts. Padding is an attribute up to opset 10 and an input since. */
export const padRule: LegalisationRule = (call) => {
  const { node } = call;
  const x = networkInput(call, 0, "data");
  const rank = x.shape.length;
  const mode = choiceAttribute(node, "mode", ["constant", "reflect", "edge", "wrap"], "constant");
  if (mode !== "constant")
    throw legalisationError("attribute mode", `found ${mode}, expected constant`, "the machine pads with zeros");
  const given = optionalConstant(call, 1, "pads");
  const pads = given === undefined ? (integersAttribute(node, "pads") ?? []) : integersOf(given, "input pads");
  const constant = optionalConstant(call, 2, "constant_value");
  const filling = constant === undefined ? floatAttribute(node, "value", 0) : scalarOf(constant, "constant_value");
  const value = inUnits(x.words, filling);
  const listed = optionalConstant(call, 3, "axes");
  const axes = listed === undefined ? rowMajor(rank) : normalAxes(integersOf(listed, "input axes"), rank, "input axes");
  const sides = axes
    .map((axis, index) => ({ axis, before: pads[index] ?? 0, after: pads[index + axes.length] ?? 0 }))
    .filter(({ before, after }) => before !== 0 || after !== 0);
  if (sides.some(({ before, after }) => before < 0 || after < 0)) {
    throw legalisationError("input pads", "found a negative number, expected 0 or more", "cut with Slice");
  }
  if (sides.length > 0 && value !== 0) {
    throw legalisationError(
      "input constant_value",
      `found ${filling}, expected ${x.words?.zeroPoint ?? 0}`,
      "the machine pads with zeros",
    );
  }
  return [padded(call, x, sides)];
};

interface Sides {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

/** Axes that are the rows and columns of an image are padded together, all others one by one as columns. */
function padded(call: RuleCall, x: NetworkValue, sides: readonly Sides[]): NetworkValue {
  const own = call.builder.shapeOf(x.name);
  const image = imagePositions(
    x,
    sides.map(({ axis }) => axis),
    own,
  );
  if (image !== undefined) {
    const of = (position: 0 | 1): Sides | undefined => sides[image.indexOf(position)];
    const padding = {
      top: of(0)?.before ?? 0,
      bottom: of(0)?.after ?? 0,
      left: of(1)?.before ?? 0,
      right: of(1)?.after ?? 0,
    };
    return grown(x, sides, addNamed(call, { op: "pad", inputs: [x.name], padding }));
  }
  let value = x;
  sides.forEach((side, index) => {
    const input = view(call, value.name, around(value, side.axis));
    const node = {
      op: "pad",
      inputs: [input],
      padding: { ...NO_PADDING, left: side.before, right: side.after },
    } as const;
    value = grown(value, [side], index + 1 === sides.length ? addNamed(call, node) : addHelper(call, "padding", node));
  });
  return value;
}

function grown(value: NetworkValue, sides: readonly Sides[], name: string): NetworkValue {
  const shape = value.shape.map((size, axis) => {
    const side = sides.find((candidate) => candidate.axis === axis);
    return side === undefined ? size : size + side.before + side.after;
  });
  return { name, shape, order: value.order };
}
