/** DepthToSpace and SpaceToDepth: blocks of an image become channels, or channels blocks. */

import { transposed } from "../arithmetic/pick.ts";
import { choiceAttribute, integerAttribute, nodeError, requiredInput } from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { reshaped } from "../tensor.ts";
import type { AnyTensor, TensorNode } from "../tensor-graph.ts";
import { expectRank, since } from "./operands.ts";

interface Image {
  readonly x: AnyTensor;
  readonly shape: readonly [batch: number, channels: number, rows: number, columns: number];
  readonly block: number;
}

function imageOf(node: TensorNode, inputs: OperatorInputs): Image {
  const x = requiredInput(inputs, 0, "input");
  expectRank(x, "input", 4, 4);
  const [batch = 0, channels = 0, rows = 0, columns = 0] = x.shape;
  return { x, shape: [batch, channels, rows, columns], block: integerAttribute(node, "blocksize", 0) };
}

function requireBlock(block: number, fits: boolean, shape: readonly number[]): void {
  if (block >= 1 && fits) return;
  throw nodeError(
    "attribute blocksize",
    `found ${block}, which does not divide [${shape.join(", ")}]`,
    "export the model again",
  );
}

/** `DCR`: the block's position is the slowest part of the channel; `CRD`: the fastest. */
function depthToSpace(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const { x, shape, block } = imageOf(node, inputs);
  const [batch, channels, rows, columns] = shape;
  requireBlock(block, channels % (block * block) === 0, shape);
  const depth = channels / (block * block);
  const columnRowDepth = choiceAttribute(node, "mode", ["DCR", "CRD"], "DCR") === "CRD";
  const blocks = columnRowDepth
    ? [batch, depth, block, block, rows, columns]
    : [batch, block, block, depth, rows, columns];
  const order = columnRowDepth ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
  return [reshaped(transposed(reshaped(x, blocks), order), [batch, depth, rows * block, columns * block])];
}

function spaceToDepth(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const { x, shape, block } = imageOf(node, inputs);
  const [batch, channels, rows, columns] = shape;
  requireBlock(block, rows % block === 0 && columns % block === 0, shape);
  const blocks = [batch, channels, rows / block, block, columns / block, block];
  const moved = transposed(reshaped(x, blocks), [0, 3, 5, 1, 2, 4]);
  return [reshaped(moved, [batch, channels * block * block, rows / block, columns / block])];
}

const DEPTH_TO_SPACE: Omit<TensorOperator, "since" | "attributes"> = {
  domain: "",
  name: "DepthToSpace",
  arity: [1, 1],
  evaluate: depthToSpace,
};

export const DEPTH_SPACE_OPERATORS: readonly TensorOperator[] = [
  ...since([1], { ...DEPTH_TO_SPACE, attributes: ["blocksize"] }),
  ...since([11, 13], { ...DEPTH_TO_SPACE, attributes: ["blocksize", "mode"] }),
  ...since([1, 13], {
    domain: "",
    name: "SpaceToDepth",
    attributes: ["blocksize"],
    arity: [1, 1],
    evaluate: spaceToDepth,
  }),
];
