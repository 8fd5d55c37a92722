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
  leakyRelu: (tf, x, { slope }) => tf.where(tf.less(x, 0), x.mul(slope), x),
  sigmoid: (tf, x) => tf.sigmoid(x),
  tanh: (tf, x) => tf.tanh(x),
  hardSigmoid: (tf, x, { slope, offset }) => tf.clipByValue(x.mul(slope).add(offset), 0, 1),
  hardSwish: (tf, x) => x.mul(tf.clipByValue(x.div(6).add(0.5), 0, 1)),
  exp: (tf, x) => tf.exp(x),
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
  return x.div(tf.pow(sums.add(node.bias), node.beta));
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
