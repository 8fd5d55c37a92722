/** Values made longer: ConcatV2, Pack, and zeros around. */
import { elementCount, formatShape, NO_PADDING } from "../../../../graph/shape.ts";
import { numbersOf } from "../../../../tensor-graph/tensor.ts";
import { around, concatenated } from "../../values/arrange.ts";
import { nodeError } from "../../values/node-error.ts";
import { addAs, addHelper, addNamed, type NetworkValue, networkTensor, storedShape, view } from "../../values/value.ts";
import { integerAttribute } from "../attributes.ts";
import {
  constantInput,
  type NodeCall,
  type NodeRule,
  normalAxis,
  type Operand,
  scalarInput,
  valueInput,
} from "../rule.ts";
import { expandedShape } from "../shapes.ts";

export const concatRule: NodeRule = (call) => {
  const values = call.operands.slice(0, -1).map((operand, position) => materialized(call, operand, position));
  const axis = scalarInput(call, call.operands.length - 1, "axis");
  return [concatenated(call, values, normalAxis(call, axis, values[0]?.shape.length ?? 0))];
};

/** Along a new axis. */
export const packRule: NodeRule = (call) => {
  const given = integerAttribute(call, "axis", 0);
  const values = call.operands.map((operand, position) => {
    const { name, shape } = materialized(call, operand, position);
    return { name, shape: expandedShape(call, shape, given) };
  });
  return [concatenated(call, values, normalAxis(call, given, values[0]?.shape.length ?? 0))];
};

/** A constant as a value. */
function materialized(call: NodeCall, { value, constant }: Operand, position: number): NetworkValue {
  if (value !== undefined) return value;
  const { shape } = constant;
  const tensor = networkTensor(constant, [elementCount(shape)]);
  return { name: addHelper(call, `constant${position}`, { op: "constant", inputs: [], value: tensor }), shape };
}

/** Pad, PadV2: zeros. Rows and columns of an image together, every other axis on its own. */
export const padRule: NodeRule = (call) => {
  const x = valueInput(call, 0, "input");
  const paddings = constantInput(call, 1, "paddings");
  const value = call.operands.length > 2 ? scalarInput(call, 2, "constant_values") : 0;
  const numbers = Array.from(paddings.data.length === 2 * x.shape.length ? numbersOf(paddings) : []);
  if (numbers.length === 0 || numbers.some((side) => !Number.isSafeInteger(side) || side < 0)) {
    const what = `found ${formatShape(numbers)} for ${formatShape(x.shape)}, expected two numbers from 0 up for every axis`;
    throw nodeError(call, "input paddings", what, "export the model again");
  }
  if (value !== 0) {
    throw nodeError(call, "input constant_values", `found ${value}, expected 0`, "the machine pads with zeros");
  }
  const sides = x.shape.map((_size, axis) => [numbers[2 * axis] ?? 0, numbers[2 * axis + 1] ?? 0] as const);
  const axes = sides.flatMap(([before, after], axis) => (before + after > 0 ? [axis] : []));
  const shape = x.shape.map((size, axis) => size + (sides[axis]?.[0] ?? 0) + (sides[axis]?.[1] ?? 0));
  if (axes.length === 0) return [{ name: x.name, shape }];
  const [, [top, bottom] = [0, 0], [left, right] = [0, 0]] = sides;
  if (x.shape.length === 4 && x.shape[0] === 1 && axes.every((axis) => axis === 1 || axis === 2)) {
    const input = view(call, x.name, storedShape(x.shape));
    const padding = { top, bottom, left, right };
    return [{ name: addNamed(call, { op: "pad", inputs: [input], padding }), shape }];
  }
  let { name } = x;
  const done = [...x.shape];
  axes.forEach((axis, index) => {
    const [before = 0, after = 0] = sides[axis] ?? [];
    const input = view(call, name, around(done, axis));
    const padding = { ...NO_PADDING, left: before, right: after };
    name = addAs(call, index + 1 < axes.length ? "padding" : undefined, { op: "pad", inputs: [input], padding });
    done[axis] = shape[axis] ?? 1;
  });
  return [{ name, shape }];
};
