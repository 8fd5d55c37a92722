/** The operators of graph models that may work on values of the network. */
import { SELU } from "../../values/element-wise.ts";
import type { NodeRule } from "../rule.ts";
import {
  activationRule,
  boundRule,
  clipRule,
  functionRule,
  leakyReluRule,
  parametricReluRule,
  softmaxRule,
} from "./activation.ts";
import {
  addRule,
  biasAddRule,
  divideRule,
  multiplyRule,
  negateRule,
  powerRule,
  squareRule,
  subtractRule,
  sumRule,
} from "./arithmetic.ts";
import { argMaxRule, logSoftmaxRule, topKRule } from "./closing.ts";
import { convolutionRule, fusedConvolutionRule } from "./convolution.ts";
import { concatRule, packRule, padRule } from "./joining.ts";
import { fusedMatrixProductRule, matrixProductRule } from "./matrix.ts";
import { batchNormalizationRule, localResponseRule } from "./normalization.ts";
import { poolRule, reductionRule } from "./pooling.ts";
import { resizeRule } from "./resize.ts";
import { sizedSplitRule, sliceRule, splitRule, stridedSliceRule, unpackRule } from "./selection.ts";
import {
  castRule,
  expandRule,
  identitiesRule,
  identityRule,
  reshapeRule,
  squeezeRule,
  transposeRule,
} from "./structure.ts";
import { transposedConvolutionRule } from "./transposed-convolution.ts";

/** Rule by TensorFlow's name of the operator. */
export const NODE_RULES: Readonly<Record<string, NodeRule>> = {
  Conv2D: convolutionRule("ordinary"),
  DepthwiseConv2d: convolutionRule("depthwise"),
  DepthwiseConv2dNative: convolutionRule("depthwise"),
  _FusedConv2D: fusedConvolutionRule("ordinary"),
  FusedConv2D: fusedConvolutionRule("ordinary"),
  FusedDepthwiseConv2dNative: fusedConvolutionRule("depthwise"),
  _FusedDepthwiseConv2dNative: fusedConvolutionRule("depthwise"),
  Conv2DBackpropInput: transposedConvolutionRule,
  Conv2dTranspose: transposedConvolutionRule,
  MatMul: matrixProductRule,
  BatchMatMul: matrixProductRule,
  BatchMatMulV2: matrixProductRule,
  _FusedMatMul: fusedMatrixProductRule,
  FusedMatMul: fusedMatrixProductRule,
  BiasAdd: biasAddRule,
  Add: addRule,
  AddV2: addRule,
  AddN: sumRule,
  Sub: subtractRule,
  Mul: multiplyRule,
  Div: divideRule,
  RealDiv: divideRule,
  Neg: negateRule,
  Square: squareRule,
  Pow: powerRule,
  Exp: functionRule(() => ({ kind: "exp" })),
  Sqrt: functionRule(() => ({ kind: "power", exponent: 0.5 })),
  Rsqrt: functionRule(() => ({ kind: "power", exponent: -0.5 })),
  Reciprocal: functionRule(() => ({ kind: "power", exponent: -1 })),
  Maximum: boundRule("minimum"),
  Minimum: boundRule("maximum"),
  ClipByValue: clipRule,
  Relu: activationRule("relu"),
  Relu6: activationRule("relu6"),
  LeakyRelu: leakyReluRule,
  Prelu: parametricReluRule,
  Sigmoid: functionRule(() => ({ kind: "sigmoid" })),
  Elu: functionRule(() => ({ kind: "elu", scale: 1, width: 1, gain: 1 })),
  Selu: functionRule(() => SELU),
  Softplus: functionRule(() => ({ kind: "softplus" })),
  Erf: functionRule(() => ({ kind: "erf" })),
  Log: functionRule(() => ({ kind: "log" })),
  Abs: functionRule(() => ({ kind: "abs" })),
  Tanh: functionRule(() => ({ kind: "tanh" })),
  Softmax: softmaxRule,
  LogSoftmax: logSoftmaxRule,
  ArgMax: argMaxRule,
  TopKV2: topKRule,
  MaxPool: poolRule("maximum"),
  AvgPool: poolRule("average"),
  Mean: reductionRule("average"),
  Max: reductionRule("maximum"),
  Reshape: reshapeRule,
  Squeeze: squeezeRule,
  ExpandDims: expandRule,
  Transpose: transposeRule,
  Pad: padRule,
  PadV2: padRule,
  ConcatV2: concatRule,
  Pack: packRule,
  Unpack: unpackRule,
  Split: splitRule,
  SplitV: sizedSplitRule,
  Slice: sliceRule,
  StridedSlice: stridedSliceRule,
  ResizeNearestNeighbor: resizeRule,
  FusedBatchNorm: batchNormalizationRule,
  FusedBatchNormV2: batchNormalizationRule,
  FusedBatchNormV3: batchNormalizationRule,
  LRN: localResponseRule,
  Cast: castRule,
  Identity: identityRule,
  IdentityN: identitiesRule,
  StopGradient: identityRule,
  PreventGradient: identityRule,
  Snapshot: identityRule,
  CheckNumerics: identityRule,
  EnsureShape: identityRule,
};

/** Operators that integers may go through before they are cast to floats. */
export const INTEGER_OPERATORS: ReadonlySet<string> = new Set([
  "Cast",
  "Identity",
  "Snapshot",
  "Reshape",
  "Squeeze",
  "ExpandDims",
  "Transpose",
]);

/** Operators by which a graph chooses at run time what it computes. */
export const CONTROL_FLOW: ReadonlySet<string> = new Set([
  "Switch",
  "Merge",
  "Enter",
  "Exit",
  "NextIteration",
  "LoopCond",
  "While",
  "StatelessWhile",
  "If",
  "StatelessIf",
  "Case",
  "StatelessCase",
  "PartitionedCall",
  "StatefulPartitionedCall",
]);
