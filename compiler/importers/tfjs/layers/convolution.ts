/** Convolutions: ordinary, depthwise, separable, transposed; those of sequences are over images of one row. */
import { z } from "zod";
import { diagnosticError } from "../../../../isa/diagnostic.ts";
import type { NewNode } from "../../../graph/builder.ts";
import type { Padding, Tensor } from "../../../graph/graph.ts";
import { NO_PADDING, windowExtent } from "../../../graph/shape.ts";
import { transposed } from "../../../tensor-graph/arithmetic/pick.ts";
import {
  type LayerCall,
  type LayerRule,
  layerRule,
  type WindowAxes,
  weight,
  windowInput,
  windowResult,
} from "../layer-rule.ts";
import { channelsLast, extent, flag, optionalExtent, type Pair, size, windowPadding } from "../settings.ts";
import { networkTensor } from "../values/value.ts";
import { transposedWindow, windowPaddingOf } from "../windows.ts";
import { activationName, addWithActivation } from "./activation.ts";

const settings = (axes: WindowAxes) => ({
  kernel_size: extent(axes),
  strides: optionalExtent(axes),
  dilation_rate: optionalExtent(axes),
  padding: windowPadding,
  data_format: channelsLast,
  use_bias: flag(true),
  activation: activationName,
});

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

export function convolutionRule(axes: WindowAxes): LayerRule {
  const schema = z.looseObject({
    ...settings(axes),
    // "causal" pads a sequence before its first step alone.
    padding: axes === 1 ? sequencePadding : windowPadding,
    filters: size,
    groups: size.nullish(),
  });
  return layerRule(schema, (config, call) => {
    const { input, image } = windowInput(call, axes);
    const groups = config.groups ?? 1;
    if (image[2] % groups !== 0) {
      throw diagnosticError(
        "LAYER_CONFIG",
        call.where,
        `found ${groups} groups, expected a divisor of the ${image[2]} input channels`,
        "compare the layer with its input",
      );
    }
    const kernel = kernelOf(call, "kernel", config.kernel_size, [image[2] / groups, config.filters], axes);
    const bias = config.use_bias ? weight(call, "bias", [config.filters]) : null;
    const { padding: kind } = config;
    const fields = windowFields({ ...config, padding: kind === "causal" ? "valid" : kind }, image);
    const left = windowExtent(config.kernel_size[1], fields.dilations[1]) - 1;
    const padding: Padding = kind === "causal" ? { ...NO_PADDING, left } : fields.padding;
    return addWithActivation(
      call,
      config.activation,
      (activation) => ({ ...fields, padding, name: call.name, inputs: [input], kernel, bias, groups, activation }),
      (node) => windowResult(call, node, axes),
    );
  });
}

const sequencePadding = z
  .enum(["valid", "same", "causal"])
  .nullish()
  .transform((value) => value ?? "valid");

export const depthwiseRule: LayerRule = layerRule(
  z.looseObject({ ...settings(2), depth_multiplier: size.nullish() }),
  (config, call) => {
    const { input, image } = windowInput(call, 2);
    const kernel = depthwiseKernel(call, config.kernel_size, image[2], config.depth_multiplier ?? 1);
    const filters = image[2] * (config.depth_multiplier ?? 1);
    const bias = config.use_bias ? weight(call, "bias", [filters]) : null;
    return addWithActivation(
      call,
      config.activation,
      (activation) => ({
        ...windowFields(config, image),
        name: call.name,
        inputs: [input],
        kernel,
        bias,
        groups: image[2],
        activation,
      }),
      (node) => windowResult(call, node, 2),
    );
  },
);

/** Depthwise without bias or activation, named after the layer with `/depthwise`; then 1 × 1 under the layer's name. */
export const separableRule: LayerRule = layerRule(
  z.looseObject({ ...settings(2), filters: size, depth_multiplier: size.nullish() }),
  (config, call) => {
    const { input, image } = windowInput(call, 2);
    const multiplier = config.depth_multiplier ?? 1;
    const depthwise = call.builder.add({
      ...windowFields(config, image),
      name: call.builder.uniqueName(`${call.name}/depthwise`),
      inputs: [input],
      kernel: depthwiseKernel(call, config.kernel_size, image[2], multiplier),
      bias: null,
      groups: image[2],
      activation: "none",
    });
    const kernel = weight(call, "pointwise_kernel", [1, 1, image[2] * multiplier, config.filters]);
    const bias = config.use_bias ? weight(call, "bias", [config.filters]) : null;
    return addWithActivation(
      call,
      config.activation,
      (activation) => ({
        op: "conv2d",
        name: call.name,
        inputs: [depthwise],
        kernel,
        bias,
        strides: one,
        dilations: one,
        padding: NO_PADDING,
        groups: 1,
        activation,
      }),
      (node) => windowResult(call, node, 2),
    );
  },
);

/** Rows: valid (rows − 1) · stride + the kernel, at least rows · stride; same: rows · stride. Columns alike. */
export const transposedRule: LayerRule = layerRule(
  z.looseObject({
    ...settings(2),
    filters: size,
    output_padding: z.null({ error: "expected nothing" }).optional(),
  }),
  (config, call) => {
    const { input, image } = windowInput(call, 2);
    const strides = config.strides ?? one;
    const dilations = config.dilation_rate ?? one;
    const { kernel_size: extents, filters } = config;
    const output = (axis: 0 | 1): number => {
      const beyond =
        config.padding === "same" ? 0 : Math.max(windowExtent(extents[axis], dilations[axis]) - strides[axis], 0);
      return image[axis] * strides[axis] + beyond;
    };
    const stored = weight(call, "kernel", [...extents, filters, image[2]]);
    call.budget.take(call, stored.shape);
    // [rows, columns, filters, channels] becomes [rows, columns, channels, filters].
    const kernel = transposed({ type: "float32", ...stored }, [0, 1, 3, 2]);
    const bias = config.use_bias ? weight(call, "bias", [filters]) : null;
    const whole = [output(0), output(1), filters] as const;
    const forward = { image: whole, kernel: extents, strides, dilations };
    const padding = windowPaddingOf(config.padding, forward);
    return addWithActivation(
      call,
      config.activation,
      (activation) => ({
        op: "convTranspose2d",
        name: call.name,
        inputs: [input],
        kernel: networkTensor(kernel, kernel.shape),
        bias,
        ...transposedWindow(image, forward, padding),
        groups: 1,
        activation,
      }),
      (node) => windowResult(call, node, 2),
    );
  },
);

/** A kernel [rows, columns, channels, filters]; that of a sequence is stored without its one row. */
function kernelOf(
  call: LayerCall,
  field: string,
  extents: Pair,
  rest: readonly [number, number],
  axes: WindowAxes,
): Tensor {
  const { data } = weight(call, field, axes === 1 ? [extents[1], ...rest] : [...extents, ...rest]);
  return { shape: [...extents, ...rest], data };
}

/**
 * Keras keeps [rows, columns, channels, multiplier]; filter channel · multiplier + j reads that channel alone, which in
 * row-major order is [rows, columns, 1, channels · multiplier] as it stands.
 */
function depthwiseKernel(call: LayerCall, [rows, columns]: Pair, channels: number, multiplier: number): Tensor {
  const { data } = weight(call, "depthwise_kernel", [rows, columns, channels, multiplier]);
  return { shape: [rows, columns, 1, channels * multiplier], data };
}
