/** Blocks of channels become positions and back: other axes for the same elements, and a transpose. */
import { choiceAttribute, integerAttribute } from "../../tensor-graph/node-access.ts";
import { type LegalisationRule, legalisationError, networkInput, outputShape, type RuleCall } from "../rule.ts";
import { type NetworkValue, withAxesPermuted } from "../value.ts";
import { reshaped } from "./structure.ts";

export const depthToSpaceRule: LegalisationRule = (call) => {
  const { x, block, sizes } = blocksOf(call);
  const [batch, channels, rows, columns] = sizes;
  const depth = channels / block ** 2;
  const columnsFirst = choiceAttribute(call.node, "mode", ["DCR", "CRD"], "DCR") === "CRD";
  const split = columnsFirst
    ? [batch, depth, block, block, rows, columns]
    : [batch, block, block, depth, rows, columns];
  const permutation = columnsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
  return [reshaped(call, withAxesPermuted(reshaped(call, x, split), permutation), outputShape(call))];
};

export const spaceToDepthRule: LegalisationRule = (call) => {
  const { x, block, sizes } = blocksOf(call);
  const [batch, channels, rows, columns] = sizes;
  const split = [batch, channels, rows / block, block, columns / block, block];
  return [reshaped(call, withAxesPermuted(reshaped(call, x, split), [0, 3, 5, 1, 2, 4]), outputShape(call))];
};

function blocksOf(call: RuleCall): {
  readonly x: NetworkValue;
  readonly block: number;
  readonly sizes: readonly [batch: number, channels: number, rows: number, columns: number];
} {
  const x = networkInput(call, 0, "input");
  const block = integerAttribute(call.node, "blocksize", undefined);
  if (block === undefined) {
    throw legalisationError("attribute blocksize", "found none, expected an integer", "export the model again");
  }
  const [batch = 1, channels = 1, rows = 1, columns = 1] = x.shape;
  return { x, block, sizes: [batch, channels, rows, columns] };
}
