/** Batch normalization with the statistics of training, and local response normalization. */
import { nodeError } from "../../values/node-error.ts";
import { addNamed, imageInput, storedShape, view } from "../../values/value.ts";
import { flagAttribute, integerAttribute, numberAttribute } from "../attributes.ts";
import { type NodeRule, shapedConstant, valueInput } from "../rule.ts";
import { channelsLastOnly } from "../windows.ts";

export const batchNormalizationRule: NodeRule = (call) => {
  channelsLastOnly(call);
  // Absent it is true by TensorFlow's definition; TensorFlow.js takes the statistics given all the same.
  if (flagAttribute(call, "is_training", false)) {
    throw nodeError(call, "attribute is_training", "found true, expected false", "export the model for inference");
  }
  const { name, shape } = valueInput(call, 0, "x");
  const vector = [shape.at(-1) ?? 0];
  const node = {
    op: "batchNormalization",
    inputs: [view(call, name, storedShape(shape))],
    gamma: shapedConstant(call, 1, "scale", vector),
    beta: shapedConstant(call, 2, "offset", vector),
    mean: shapedConstant(call, 3, "mean", vector),
    variance: shapedConstant(call, 4, "variance", vector),
    epsilon: numberAttribute(call, "epsilon", 1e-3),
  } as const;
  return [{ name: addNamed(call, node), shape }];
};

/** TensorFlow's alpha counts for one channel, the network's for the whole window. */
export const localResponseRule: NodeRule = (call) => {
  const x = valueInput(call, 0, "input");
  const { input } = imageInput(call, x);
  const size = 2 * integerAttribute(call, "depth_radius", 5) + 1;
  const node = {
    op: "lrn",
    inputs: [input],
    alpha: numberAttribute(call, "alpha", 1) * size,
    beta: numberAttribute(call, "beta", 0.5),
    bias: numberAttribute(call, "bias", 1),
    size,
  } as const;
  return [{ name: addNamed(call, node), shape: x.shape }];
};
