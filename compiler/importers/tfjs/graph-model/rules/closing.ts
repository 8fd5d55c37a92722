/** Operators that make a class of the last layer's outputs: the host computes them. */
import type { ClosingOperator } from "../../../../graph/graph.ts";
import { elementCount, formatShape } from "../../../../graph/shape.ts";
import { nodeError } from "../../values/node-error.ts";
import type { NetworkValue } from "../../values/value.ts";
import { type NodeCall, type NodeRule, normalAxis, scalarInput, valueInput } from "../rule.ts";

/** ArgMax along a constant axis, which goes. */
export const argMaxRule: NodeRule = (call) => {
  const x = valueInput(call, 0, "input");
  const axis = normalAxis(call, scalarInput(call, 1, "dimension"), x.shape.length);
  requireClasses(call, x, axis);
  return [{ ...closed(x, "argmax"), shape: x.shape.toSpliced(axis, 1), isInteger: true }];
};

/** TopKV2 along the last axis: the values, and where they stand. */
export const topKRule: NodeRule = (call) => {
  const x = valueInput(call, 0, "input");
  requireClasses(call, x, x.shape.length - 1);
  const value = { ...closed(x, "top-k"), shape: x.shape.with(-1, scalarInput(call, 1, "k")) };
  return [value, { ...value, isInteger: true }];
};

export const logSoftmaxRule: NodeRule = (call) => [closed(valueInput(call, 0, "logits"), "log-softmax")];

function closed({ name, shape, isSoftmax, closing = [] }: NetworkValue, operator: ClosingOperator): NetworkValue {
  return { name, shape, ...(isSoftmax && { isSoftmax }), closing: [...closing, operator] };
}

function requireClasses(call: NodeCall, { shape }: NetworkValue, axis: number): void {
  if (shape[axis] !== 1 || elementCount(shape) === 1) return;
  const what = `found axis ${axis} of ${formatShape(shape)}, along which there is one element`;
  throw nodeError(call, "axis", what, "give the axis of the classes");
}
