/** BatchNormalization and LRN. */
import { elementCount } from "../../graph/shape.ts";
import { floatAttribute, integerAttribute } from "../../tensor-graph/node-access.ts";
import { asChannelsLast, view } from "../arrange.ts";
import {
  addNamed,
  constantInput,
  type LegalisationRule,
  legalisationError,
  networkInput,
  type RuleCall,
  vectorConstant,
} from "../rule.ts";
import type { NetworkValue } from "../value.ts";

export const batchNormalizationRule: LegalisationRule = (call) => {
  const { node } = call;
  if (integerAttribute(node, "training_mode", 0) !== 0) throw training("attribute training_mode", "1");
  if (integerAttribute(node, "spatial", 1) !== 1) throw training("attribute spatial", "0");
  const { value, channels, input } = channelsInnermost(call);
  const perChannel = (position: number, name: string) =>
    vectorConstant(constantInput(call, position, name), channels, name);
  const name = addNamed(call, {
    op: "batchNormalization",
    inputs: [input],
    gamma: perChannel(1, "scale"),
    beta: perChannel(2, "B"),
    mean: perChannel(3, "mean"),
    variance: perChannel(4, "var"),
    epsilon: floatAttribute(node, "epsilon", 1e-5),
  });
  return [{ ...value, name }];
};

export const localResponseRule: LegalisationRule = (call) => {
  const { node } = call;
  const { value, input, channels } = channelsInnermost(call);
  const size = integerAttribute(node, "size", undefined);
  if (size === undefined)
    throw legalisationError("attribute size", "found none, expected an integer", "export the model again");
  const shape = call.builder.shapeOf(input);
  const image = shape.length === 3 ? input : view(call, input, [1, elementCount(shape) / channels, channels]);
  const name = addNamed(call, {
    op: "lrn",
    inputs: [image],
    alpha: floatAttribute(node, "alpha", 1e-4),
    beta: floatAttribute(node, "beta", 0.75),
    bias: floatAttribute(node, "bias", 1),
    size,
  });
  return [{ ...value, name }];
};

/** The input with its axis 1 innermost, as an image or a vector whose last axis that is. */
function channelsInnermost(call: RuleCall): {
  readonly value: NetworkValue;
  readonly channels: number;
  readonly input: string;
} {
  const x = networkInput(call, 0, "X");
  const channels = x.shape[1] ?? 1;
  const value = asChannelsLast(call, x, 1);
  const own = call.builder.shapeOf(value.name);
  const input =
    own.at(-1) === channels ? value.name : view(call, value.name, [1, elementCount(own) / channels, channels]);
  return { value: { ...value, name: input }, channels, input };
}

function training(place: string, found: string): Error {
  return legalisationError(place, `found ${found}, which is for training`, "export the model for inference");
}
