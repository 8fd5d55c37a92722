/** Names for other values, other shapes and other orders of axes. */
import { formatShape } from "../../../../graph/shape.ts";
import { permuted, reshapedTo } from "../../values/arrange.ts";
import { nodeError } from "../../values/node-error.ts";
import type { NetworkValue } from "../../values/value.ts";
import { typeAttribute } from "../attributes.ts";
import { elementTypeOf } from "../element-types.ts";
import { integersInput, type NodeRule, scalarInput, valueInput } from "../rule.ts";
import { expandedShape, requestedShape, squeezedShape } from "../shapes.ts";

/** Hands its input on. */
export const identityRule: NodeRule = (call) => [withoutLayer(valueInput(call, 0, "input"))];

/** Several values handed on. */
export const identitiesRule: NodeRule = (call) =>
  call.operands.map((_operand, position) => withoutLayer(valueInput(call, position, `${position}`)));

/** Another reader may stand between a layer and a bias behind this node. */
function withoutLayer({ takesBias: _, ...value }: NetworkValue): NetworkValue {
  return value;
}

/** Integers become floats as they are; a float cannot become an integer. */
export const castRule: NodeRule = (call) => {
  const { isInteger, ...value } = valueInput(call, 0, "x");
  const target = elementTypeOf(call, typeAttribute(call, "DstT"));
  if (target === "float32") return [withoutLayer(value)];
  if (target === "int32" && isInteger === true) return [{ ...withoutLayer(value), isInteger }];
  throw nodeError(
    call,
    "attribute DstT",
    `found ${target}, expected floats`,
    "the machine's registers round: leave the conversion out and choose their formats",
  );
};

export const reshapeRule: NodeRule = (call) => {
  const value = valueInput(call, 0, "tensor");
  return [reshapedTo(call, value, requestedShape(call, value.shape, integersInput(call, 1, "shape")))];
};

export const squeezeRule: NodeRule = (call) => {
  const value = valueInput(call, 0, "input");
  return [reshapedTo(call, value, squeezedShape(call, value.shape))];
};

export const expandRule: NodeRule = (call) => {
  const value = valueInput(call, 0, "input");
  return [reshapedTo(call, value, expandedShape(call, value.shape, scalarInput(call, 1, "dim")))];
};

export const transposeRule: NodeRule = (call) => {
  const value = valueInput(call, 0, "x");
  const permutation = integersInput(call, 1, "perm");
  const { shape } = value;
  if (permutation.length !== shape.length || !shape.every((_size, axis) => permutation.includes(axis))) {
    const what = `found ${formatShape(permutation)} for ${formatShape(shape)}, expected every axis once`;
    throw nodeError(call, "input perm", what, "export the model again");
  }
  const { isInteger } = value;
  return [{ ...permuted(call, value, permutation), ...(isInteger && { isInteger }) }];
};
