/** How every operator becomes a part of the network. */

import type { NamedFunction } from "../../graph/element-function.ts";
import { choiceAttribute, floatAttribute } from "../../tensor-graph/node-access.ts";
import { QONNX_DOMAINS } from "../../tensor-graph/operators/qonnx.ts";
import { INTEGER_DOMAIN, WORDS_DOMAIN } from "../own-domains.ts";
import type { LegalisationRule } from "../rule.ts";
import { boundRule, clipRule, elementRule, parametricReluRule, reluRule, softmaxRule } from "./activation.ts";
import { addRule, divideRule, multiplyRule, negateRule, powerRule, subtractRule, sumRule } from "./arithmetic.ts";
import { convolutionRule, transposedConvolutionRule } from "./convolution.ts";
import { depthToSpaceRule, spaceToDepthRule } from "./depth-space.ts";
import {
  integerConvolutionRule,
  integerGemmRule,
  integerGlobalPoolRule,
  integerPoolRule,
  integerTransposedConvolutionRule,
  requantizeRule,
} from "./integer-layer.ts";
import { concatRule, padRule } from "./joining.ts";
import { gemmRule, matrixProductRule } from "./matrix.ts";
import { batchNormalizationRule, localResponseRule } from "./normalization.ts";
import { globalPoolRule, poolRule, reductionRule } from "./pooling.ts";
import { bipolarRule, castRule, dequantizeRule, quantizeRule, quantRule, truncRule } from "./quantization.ts";
import { resizeRule } from "./resize.ts";
import { gatherRule, sliceRule, splitRule } from "./selection.ts";
import { dropoutRule, expandRule, identityRule, reshapeRule, transposeRule } from "./structure.ts";
import { WORDS_RULES } from "./words.ts";

/** Quantizers of QONNX, under every domain that carries them. */
const QONNX_RULES: Readonly<Record<string, LegalisationRule>> = {
  Quant: quantRule,
  IntQuant: quantRule,
  Trunc: truncRule,
  BipolarQuant: bipolarRule,
};

/** Functions that bear their usual names. */
const NAMED_FUNCTIONS: Readonly<Record<string, NamedFunction>> = {
  Tanh: "tanh",
  Exp: "exp",
  Log: "log",
  Erf: "erf",
  Sin: "sin",
  Cos: "cos",
  Tan: "tan",
  Asin: "asin",
  Acos: "acos",
  Atan: "atan",
  Sinh: "sinh",
  Cosh: "cosh",
  Asinh: "asinh",
  Acosh: "acosh",
  Atanh: "atanh",
};

/** Functions of one element whose constants are attributes; their values where a node has none are those of ONNX. */
const FUNCTION_RULES: Readonly<Record<string, LegalisationRule>> = {
  Abs: elementRule(() => ({ kind: "abs" })),
  ThresholdedRelu: elementRule((node) => ({ kind: "thresholdedRelu", threshold: floatAttribute(node, "alpha", 1) })),
  Shrink: elementRule((node) => ({
    kind: "shrink",
    threshold: floatAttribute(node, "lambd", 0.5),
    bias: floatAttribute(node, "bias", 0),
  })),
  Elu: elementRule((node) => ({ kind: "elu", scale: floatAttribute(node, "alpha", 1), width: 1, gain: 1 })),
  Celu: elementRule((node) => {
    const alpha = floatAttribute(node, "alpha", 1);
    return { kind: "elu", scale: alpha, width: alpha, gain: 1 };
  }),
  Selu: elementRule((node) => ({
    kind: "elu",
    scale: floatAttribute(node, "alpha", 1.6732632423543772),
    width: 1,
    gain: floatAttribute(node, "gamma", 1.0507009873554805),
  })),
  Softplus: elementRule(() => ({ kind: "softplus" })),
  Softsign: elementRule(() => ({ kind: "softsign" })),
  Mish: elementRule(() => ({ kind: "mish" })),
  Swish: elementRule((node) => ({ kind: "swish", slope: floatAttribute(node, "alpha", 1) })),
  Gelu: elementRule((node) => ({
    kind: "gelu",
    approximate: choiceAttribute(node, "approximate", ["none", "tanh"], "none") === "tanh",
  })),
  ...Object.fromEntries(Object.entries(NAMED_FUNCTIONS).map(([name, kind]) => [name, elementRule(() => ({ kind }))])),
};

/** Rule by the operator's qualified name. */
export const LEGALISATION_RULES: Readonly<Record<string, LegalisationRule>> = {
  Conv: convolutionRule,
  ConvTranspose: transposedConvolutionRule,
  Gemm: gemmRule,
  MatMul: matrixProductRule,
  BatchNormalization: batchNormalizationRule,
  LRN: localResponseRule,
  Add: addRule,
  Sub: subtractRule,
  Mul: multiplyRule,
  Div: divideRule,
  Neg: negateRule,
  Sum: sumRule,
  Pow: powerRule,
  Relu: reluRule,
  Clip: clipRule,
  Max: boundRule("minimum"),
  Min: boundRule("maximum"),
  LeakyRelu: elementRule((node) => ({ kind: "leakyRelu", slope: floatAttribute(node, "alpha", 0.01) })),
  PRelu: parametricReluRule,
  Sigmoid: elementRule(() => ({ kind: "sigmoid" })),
  HardSigmoid: elementRule((node) => ({
    kind: "hardSigmoid",
    slope: floatAttribute(node, "alpha", 0.2),
    offset: floatAttribute(node, "beta", 0.5),
  })),
  HardSwish: elementRule(() => ({ kind: "hardSwish" })),
  ...FUNCTION_RULES,
  Reciprocal: elementRule(() => ({ kind: "power", exponent: -1 })),
  Sqrt: elementRule(() => ({ kind: "power", exponent: 0.5 })),
  Softmax: softmaxRule,
  MaxPool: poolRule("maximum"),
  AveragePool: poolRule("average"),
  GlobalMaxPool: globalPoolRule("maximum"),
  GlobalAveragePool: globalPoolRule("average"),
  ReduceMean: reductionRule("average"),
  ReduceMax: reductionRule("maximum"),
  Concat: concatRule,
  Pad: padRule,
  Slice: sliceRule,
  Split: splitRule,
  Gather: gatherRule,
  Resize: resizeRule,
  Upsample: resizeRule,
  Reshape: reshapeRule,
  Flatten: reshapeRule,
  Squeeze: reshapeRule,
  Unsqueeze: reshapeRule,
  Transpose: transposeRule,
  DepthToSpace: depthToSpaceRule,
  SpaceToDepth: spaceToDepthRule,
  Expand: expandRule,
  Identity: identityRule,
  Dropout: dropoutRule,
  Cast: castRule,
  CastLike: castRule,
  QuantizeLinear: quantizeRule,
  DequantizeLinear: dequantizeRule,
  ...Object.fromEntries(
    QONNX_DOMAINS.flatMap((domain) => Object.entries(QONNX_RULES).map(([name, rule]) => [`${domain}.${name}`, rule])),
  ),
  ...Object.fromEntries(Object.entries(WORDS_RULES).map(([name, rule]) => [`${WORDS_DOMAIN}.${name}`, rule])),
  [`${INTEGER_DOMAIN}.Conv`]: integerConvolutionRule,
  [`${INTEGER_DOMAIN}.ConvTranspose`]: integerTransposedConvolutionRule,
  [`${INTEGER_DOMAIN}.Gemm`]: integerGemmRule,
  [`${INTEGER_DOMAIN}.AveragePool`]: integerPoolRule,
  [`${INTEGER_DOMAIN}.GlobalAveragePool`]: integerGlobalPoolRule,
  [`${INTEGER_DOMAIN}.Requantize`]: requantizeRule,
};
