/** The classes of layers that are imported. `InputLayer` is read with the topology. */
import { z } from "zod";
import { type LayerRule, layerRule, onlyInput } from "../layer-rule.ts";
import { activationRule, relu6Rule, reluRule, softmaxRule } from "./activation.ts";
import { convolutionRule, depthwiseRule, separableRule } from "./convolution.ts";
import { denseRule } from "./dense.ts";
import { addRule, concatenateRule } from "./merge.ts";
import { batchNormalizationRule } from "./normalization.ts";
import { globalPoolRule, poolRule } from "./pooling.ts";
import { flattenRule, reshapeRule, zeroPaddingRule } from "./reshaping.ts";

/** Acts in training only. */
const trainingOnly: LayerRule = layerRule(z.looseObject({}), (_config, call) => onlyInput(call));

/** Rule by `class_name`. */
export const LAYER_RULES: Readonly<Record<string, LayerRule>> = {
  Conv2D: convolutionRule,
  DepthwiseConv2D: depthwiseRule,
  SeparableConv2D: separableRule,
  Dense: denseRule,
  MaxPooling2D: poolRule("maximum"),
  AveragePooling2D: poolRule("average"),
  GlobalMaxPooling2D: globalPoolRule("maximum"),
  GlobalAveragePooling2D: globalPoolRule("average"),
  BatchNormalization: batchNormalizationRule,
  BatchNormalizationV1: batchNormalizationRule,
  Activation: activationRule,
  ReLU: reluRule,
  ReLU6: relu6Rule,
  Softmax: softmaxRule,
  Flatten: flattenRule,
  Reshape: reshapeRule,
  ZeroPadding2D: zeroPaddingRule,
  Add: addRule,
  Concatenate: concatenateRule,
  Dropout: trainingOnly,
  SpatialDropout2D: trainingOnly,
  AlphaDropout: trainingOnly,
  GaussianDropout: trainingOnly,
  GaussianNoise: trainingOnly,
  ActivityRegularization: trainingOnly,
};
