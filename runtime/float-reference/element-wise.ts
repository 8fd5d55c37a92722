/** Functions of single elements and the normalization across channels, in float32 through the TensorFlow.js API. */
import type { ElementFunction, ElementFunctionKind } from "../../compiler/graph/element-function.ts";
import type { Tensor as Constant, LrnNode } from "../../compiler/graph/graph.ts";
import type { Tensor, Tensor4D, TensorFlow } from "./backend.ts";
import type { RuleContext } from "./rule-context.ts";

type FunctionRule<Kind extends ElementFunctionKind> = (
  tf: TensorFlow,
  x: Tensor,
  definition: Extract<ElementFunction, { readonly kind: Kind }>,
) => Tensor;

const FUNCTION_RULES: { readonly [Kind in ElementFunctionKind]: FunctionRule<Kind> } = {
  clip: (tf, x, { minimum, maximum }) => {
    const below = Number.isFinite(maximum) ? tf.minimum(x, maximum) : x;
    return Number.isFinite(minimum) ? tf.maximum(below, minimum) : below;
  },
  leakyRelu: (tf, x, { slope }) => tf.where(tf.less(x, 0), tf.mul(x, slope), x),
  abs: (tf, x) => tf.abs(x),
  thresholdedRelu: (tf, x, { threshold }) => tf.where(tf.greater(x, threshold), x, tf.zerosLike(x)),
  sign: (tf, x, { scale }) => tf.where(tf.greaterEqual(x, 0), tf.fill(x.shape, scale), tf.fill(x.shape, -scale)),
  sigmoid: (tf, x) => tf.sigmoid(x),
  tanh: (tf, x) => tf.tanh(x),
  hardSigmoid: (tf, x, { slope, offset }) => tf.clipByValue(tf.add(tf.mul(x, slope), offset), 0, 1),
  hardSwish: (tf, x) => tf.mul(x, tf.clipByValue(tf.add(tf.div(x, 6), 0.5), 0, 1)),
  shrink: (tf, x, { threshold, bias }) => {
    const inner = tf.where(tf.greater(x, threshold), tf.sub(x, bias), tf.zerosLike(x));
    return tf.where(tf.less(x, -threshold), tf.add(x, bias), inner);
  },
  softplus: (tf, x) => tf.softplus(x),
  softsign: (tf, x) => tf.div(x, tf.add(tf.abs(x), 1)),
  elu: (tf, x, { scale, width, gain }) =>
    tf.mul(tf.where(tf.less(x, 0), tf.mul(tf.expm1(tf.div(x, width)), scale), x), gain),
  swish: (tf, x, { slope }) => tf.mul(x, tf.sigmoid(tf.mul(x, slope))),
  mish: (tf, x) => tf.mul(x, tf.tanh(tf.softplus(x))),
  gelu: (tf, x, { approximate }) => {
    if (!approximate) return tf.div(tf.mul(x, tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1)), 2);
    const cubic = tf.add(tf.mul(tf.pow(x, 3), 0.044715), x);
    return tf.div(tf.mul(x, tf.add(tf.tanh(tf.mul(cubic, Math.sqrt(2 / Math.PI))), 1)), 2);
  },
  exp: (tf, x) => tf.exp(x),
  log: (tf, x) => tf.log(tf.relu(x)),
  erf: (tf, x) => tf.erf(x),
  sin: (tf, x) => tf.sin(x),
  cos: (tf, x) => tf.cos(x),
  tan: (tf, x) => tf.tan(x),
  asin: (tf, x) => tf.asin(tf.clipByValue(x, -1, 1)),
  acos: (tf, x) => tf.acos(tf.clipByValue(x, -1, 1)),
  atan: (tf, x) => tf.atan(x),
  sinh: (tf, x) => tf.sinh(x),
  cosh: (tf, x) => tf.cosh(x),
  asinh: (tf, x) => tf.asinh(x),
  acosh: (tf, x) => tf.acosh(tf.maximum(x, 1)),
  atanh: (tf, x) => tf.atanh(tf.clipByValue(x, -1, 1)),
  power: (tf, x, { exponent }) => (Number.isInteger(exponent) ? tf.pow(x, exponent) : tf.pow(tf.relu(x), exponent)),
};

/** The function of every element. */
export function applyFunction(tf: TensorFlow, definition: ElementFunction, x: Tensor): Tensor {
  const rule = FUNCTION_RULES[definition.kind] as FunctionRule<ElementFunctionKind>;
  return rule(tf, x, definition);
}

/** The sums of squares are a 1 × 1 convolution whose kernel is a band around the diagonal. */
export function normalizeLocally(node: LrnNode, x: Tensor, { tf, made }: RuleContext): Tensor {
  const channels = x.shape.at(-1) ?? 0;
  const band = made(() => bandKernel(node, channels)) as Tensor4D;
  const sums = tf.conv2d(tf.square(x) as Tensor4D, band, 1, "valid");
  return tf.div(x, tf.pow(tf.add(sums, node.bias), node.beta));
}

/** 1 × 1 × channels × channels with alpha / size wherever the input channel counts for the output channel. */
function bandKernel({ alpha, size }: LrnNode, channels: number): Constant {
  const data = new Float32Array(channels * channels);
  const before = Math.floor((size - 1) / 2);
  for (let output = 0; output < channels; output++) {
    const last = Math.min(channels - 1, output - before + size - 1);
    for (let input = Math.max(0, output - before); input <= last; input++) {
      data[input * channels + output] = alpha / size;
    }
  }
  return { shape: [1, 1, channels, channels], data };
}
