/** The classes of layers that are imported. `InputLayer` and models within the model are read with the topology. */
import { z } from "zod";
import { type LayerRule, layerRule, onlyInput } from "../layer-rule.ts";
import {
  activationRule,
  eluRule,
  leakyReluRule,
  parametricReluRule,
  relu6Rule,
  reluRule,
  softmaxRule,
  thresholdedReluRule,
} from "./activation.ts";
import { convolutionRule, depthwiseRule, separableRule, transposedRule } from "./convolution.ts";
import { denseRule } from "./dense.ts";
import {
  addRule,
  averageRule,
  concatenateRule,
  maximumRule,
  minimumRule,
  multiplyRule,
  subtractRule,
} from "./merge.ts";
import { batchNormalizationRule, rescalingRule } from "./normalization.ts";
import { globalPoolRule, poolRule, upSamplingRule } from "./pooling.ts";
import { croppingRule, flattenRule, permuteRule, repeatVectorRule, reshapeRule, zeroPaddingRule } from "./reshaping.ts";

/** Acts in training only. */
const trainingOnly: LayerRule = layerRule(z.looseObject({}), (_config, call) => onlyInput(call));

/** Rule by `class_name`. */
export const LAYER_RULES: Readonly<Record<string, LayerRule>> = {
  Conv1D: convolutionRule(1),
  Conv2D: convolutionRule(2),
  Conv2DTranspose: transposedRule,
  DepthwiseConv2D: depthwiseRule,
  SeparableConv2D: separableRule,
  Dense: denseRule,
  MaxPooling1D: poolRule("maximum", 1),
  MaxPooling2D: poolRule("maximum", 2),
  AveragePooling1D: poolRule("average", 1),
  AveragePooling2D: poolRule("average", 2),
  GlobalMaxPooling1D: globalPoolRule("maximum", 1),
  GlobalMaxPooling2D: globalPoolRule("maximum", 2),
  GlobalAveragePooling1D: globalPoolRule("average", 1),
  GlobalAveragePooling2D: globalPoolRule("average", 2),
  UpSampling1D: upSamplingRule(1),
  UpSampling2D: upSamplingRule(2),
  BatchNormalization: batchNormalizationRule,
  BatchNormalizationV1: batchNormalizationRule,
  Rescaling: rescalingRule,
  Activation: activationRule,
  ReLU: reluRule,
  ReLU6: relu6Rule,
  LeakyReLU: leakyReluRule,
  PReLU: parametricReluRule,
  ELU: eluRule,
  ThresholdedReLU: thresholdedReluRule,
  Softmax: softmaxRule,
  Flatten: flattenRule,
  Reshape: reshapeRule,
  Permute: permuteRule,
  RepeatVector: repeatVectorRule,
  ZeroPadding1D: zeroPaddingRule(1),
  ZeroPadding2D: zeroPaddingRule(2),
  Cropping1D: croppingRule(1),
  Cropping2D: croppingRule(2),
  Add: addRule,
  Subtract: subtractRule,
  Multiply: multiplyRule,
  Average: averageRule,
  Maximum: maximumRule,
  Minimum: minimumRule,
  Concatenate: concatenateRule,
  Dropout: trainingOnly,
  SpatialDropout1D: trainingOnly,
  SpatialDropout2D: trainingOnly,
  AlphaDropout: trainingOnly,
  GaussianDropout: trainingOnly,
  GaussianNoise: trainingOnly,
  ActivityRegularization: trainingOnly,
};
