/** Pooling over windows and over the whole image or sequence, and its opposite, up-sampling. */
import { z } from "zod";
import { NO_PADDING } from "../../../graph/shape.ts";
import { type LayerRule, layerRule, type WindowAxes, windowInput, windowResult } from "../layer-rule.ts";
import { channelsLast, extent, flag, optionalExtent, windowPadding } from "../settings.ts";
import { windowPaddingOf } from "../windows.ts";

type PoolKind = "maximum" | "average";

/** An average divides by the elements inside the image, as Keras does. */
export function poolRule(kind: PoolKind, axes: WindowAxes): LayerRule {
  const schema = z.looseObject({
    pool_size: optionalExtent(axes),
    strides: optionalExtent(axes),
    padding: windowPadding,
    data_format: channelsLast,
  });
  return layerRule(schema, (config, call) => {
    const { input, image } = windowInput(call, axes);
    const kernel = config.pool_size ?? extent(axes).parse(2);
    const strides = config.strides ?? kernel;
    const padding = windowPaddingOf(config.padding, { image, kernel, strides, dilations: [1, 1] });
    const { name } = call;
    return windowResult(
      call,
      call.builder.add({ op: "pool", name, inputs: [input], kind, kernel, strides, padding, countPadding: false }),
      axes,
    );
  });
}

/** One window over everything; then a vector, unless `keepdims` keeps the image of one pixel, the sequence of one step. */
export function globalPoolRule(kind: PoolKind, axes: WindowAxes): LayerRule {
  const schema = z.looseObject({ data_format: channelsLast, keepdims: flag(false) });
  return layerRule(schema, (config, call) => {
    const { input, image } = windowInput(call, axes);
    const [rows, columns, channels] = image;
    const pooled = call.builder.add({
      op: "pool",
      name: call.name,
      inputs: [input],
      kind,
      kernel: [rows, columns],
      strides: [1, 1],
      padding: NO_PADDING,
      countPadding: false,
    });
    if (config.keepdims) return windowResult(call, pooled, axes);
    const name = call.builder.uniqueName(`${call.name}/vector`);
    return {
      name: call.builder.add({ op: "reshape", name, inputs: [pooled], shape: [channels] }),
      shape: [1, channels],
    };
  });
}

/** Every row and column as often as `size` says. */
export function upSamplingRule(axes: WindowAxes): LayerRule {
  const schema = z.looseObject({
    size: optionalExtent(axes),
    data_format: channelsLast,
    interpolation: z.literal("nearest", { error: 'expected "nearest"' }).nullish(),
  });
  return layerRule(schema, (config, call) => {
    const { input } = windowInput(call, axes);
    const factors = config.size ?? extent(axes).parse(2);
    return windowResult(call, call.builder.add({ op: "resize", name: call.name, inputs: [input], factors }), axes);
  });
}
