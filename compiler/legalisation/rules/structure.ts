/** Other shapes and other orders of axes: names for the same words wherever possible. */
import { integersAttribute } from "../../tensor-graph/node-access.ts";
import { arranged } from "../arrange.ts";
import { broadcastTo } from "../repeat.ts";
import {
  type LegalisationRule,
  legalisationError,
  networkInput,
  optionalConstant,
  outputShape,
  type RuleCall,
} from "../rule.ts";
import { type NetworkValue, orderForShape, rowMajor, withAxesPermuted, withShape } from "../value.ts";

/** Hands its first input on. */
export const identityRule: LegalisationRule = (call) => [networkInput(call, 0, "input")];

/** Identity when not training. */
export const dropoutRule: LegalisationRule = (call) => {
  const training = optionalConstant(call, 2, "training_mode");
  if (training?.data[0]) throw inference("input training_mode", "true");
  if ((call.node.outputs[1] ?? "") !== "") throw inference("output mask", "a reader");
  return [networkInput(call, 0, "data")];
};

/** Reshape, Flatten, Squeeze, Unsqueeze: the interpreter tells the shape. */
export const reshapeRule: LegalisationRule = (call) => {
  const value = networkInput(call, 0, "data");
  return [reshaped(call, value, outputShape(call))];
};

/** The value in row-major order under another shape; words move where axes that lie apart are joined. */
export function reshaped(call: RuleCall, value: NetworkValue, shape: readonly number[]): NetworkValue {
  const same = withShape(value, shape);
  if (same !== undefined) return same;
  const moved = withShape(arranged(call, value, orderForShape(value, shape)), shape);
  if (moved !== undefined) return moved;
  throw legalisationError("input data", "cannot be reshaped", "export the model again");
}

export const transposeRule: LegalisationRule = (call) => {
  const value = networkInput(call, 0, "data");
  const permutation = integersAttribute(call.node, "perm") ?? rowMajor(value.shape.length).toReversed();
  return [withAxesPermuted(value, permutation)];
};

/** Repeats along axes of size 1. */
export const expandRule: LegalisationRule = (call) => [
  broadcastTo(call, networkInput(call, 0, "input"), outputShape(call)),
];

function inference(place: string, found: string): Error {
  return legalisationError(place, `found ${found}, which is for training`, "export the model for inference");
}
