/** Convolutions: ordinary, depthwise, separable. */
import { z } from "zod";
import { diagnosticError } from "../../../../isa/diagnostic.ts";
import type { NewNode } from "../../../graph/builder.ts";
import type { Tensor } from "../../../graph/graph.ts";
import { NO_PADDING } from "../../../graph/shape.ts";
import { imageInput, type LayerCall, type LayerRule, layerRule, weight } from "../layer-rule.ts";
import { activationName, channelsLast, flag, optionalPair, type Pair, pair, size, windowPadding } from "../settings.ts";
import { windowPaddingOf } from "../windows.ts";
import { addWithActivation } from "./activation.ts";

const common = {
  kernel_size: pair,
  strides: optionalPair,
  dilation_rate: optionalPair,
  padding: windowPadding,
  data_format: channelsLast,
  use_bias: flag(true),
  activation: activationName,
};

const one: Pair = [1, 1];

interface Window {
  readonly kernel_size: Pair;
  readonly strides?: Pair | null | undefined;
  readonly dilation_rate?: Pair | null | undefined;
  readonly padding: "valid" | "same";
}

/** The fields of a conv2d node that its window decides. */
function windowFields(config: Window, image: readonly [number, number, number]) {
  const strides = config.strides ?? one;
  const dilations = config.dilation_rate ?? one;
  const padding = windowPaddingOf(config.padding, { image, kernel: config.kernel_size, strides, dilations });
  return { op: "conv2d", strides, dilations, padding } satisfies Partial<NewNode>;
}

export const convolutionRule: LayerRule = layerRule(
  z.looseObject({ ...common, filters: size, groups: size.nullish() }),
  (config, call) => {
    const { input, image } = imageInput(call);
    const groups = config.groups ?? 1;
    if (image[2] % groups !== 0) {
      throw diagnosticError(
        "LAYER_CONFIG",
        call.where,
        `found ${groups} groups, expected a divisor of the ${image[2]} input channels`,
        "compare the layer with its input",
      );
    }
    const kernel = weight(call, "kernel", [...config.kernel_size, image[2] / groups, config.filters]);
    const bias = config.use_bias ? weight(call, "bias", [config.filters]) : null;
    return addWithActivation(call, config.activation, (activation) => ({
      ...windowFields(config, image),
      name: call.node,
      inputs: [input],
      kernel,
      bias,
      groups,
      activation,
    }));
  },
);

export const depthwiseRule: LayerRule = layerRule(
  z.looseObject({ ...common, depth_multiplier: size.nullish() }),
  (config, call) => {
    const { input, image } = imageInput(call);
    const kernel = depthwiseKernel(call, config.kernel_size, image[2], config.depth_multiplier ?? 1);
    const filters = image[2] * (config.depth_multiplier ?? 1);
    const bias = config.use_bias ? weight(call, "bias", [filters]) : null;
    return addWithActivation(call, config.activation, (activation) => ({
      ...windowFields(config, image),
      name: call.node,
      inputs: [input],
      kernel,
      bias,
      groups: image[2],
      activation,
    }));
  },
);

/** Depthwise without bias or activation, named after the layer with `/depthwise`; then 1 × 1 under the layer's name. */
export const separableRule: LayerRule = layerRule(
  z.looseObject({ ...common, filters: size, depth_multiplier: size.nullish() }),
  (config, call) => {
    const { input, image } = imageInput(call);
    const multiplier = config.depth_multiplier ?? 1;
    const depthwise = call.builder.add({
      ...windowFields(config, image),
      name: call.builder.uniqueName(`${call.node}/depthwise`),
      inputs: [input],
      kernel: depthwiseKernel(call, config.kernel_size, image[2], multiplier),
      bias: null,
      groups: image[2],
      activation: "none",
    });
    const kernel = weight(call, "pointwise_kernel", [1, 1, image[2] * multiplier, config.filters]);
    const bias = config.use_bias ? weight(call, "bias", [config.filters]) : null;
    return addWithActivation(call, config.activation, (activation) => ({
      op: "conv2d",
      name: call.node,
      inputs: [depthwise],
      kernel,
      bias,
      strides: one,
      dilations: one,
      padding: NO_PADDING,
      groups: 1,
      activation,
    }));
  },
);

/**
 * Keras keeps [rows, columns, channels, multiplier]; filter channel · multiplier + j reads that channel alone, which in
 * row-major order is [rows, columns, 1, channels · multiplier] as it stands.
 */
function depthwiseKernel(call: LayerCall, [rows, columns]: Pair, channels: number, multiplier: number): Tensor {
  const { data } = weight(call, "depthwise_kernel", [rows, columns, channels, multiplier]);
  return { shape: [rows, columns, 1, channels * multiplier], data };
}
