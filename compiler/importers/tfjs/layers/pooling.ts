/** Pooling over windows and over the whole image. */
import { z } from "zod";
import { NO_PADDING } from "../../../graph/shape.ts";
import { imageInput, type LayerRule, layerRule } from "../layer-rule.ts";
import { channelsLast, flag, optionalPair, pair, windowPadding } from "../settings.ts";
import { windowPaddingOf } from "../windows.ts";

type PoolKind = "maximum" | "average";

/** An average divides by the elements inside the image, as Keras does. */
export function poolRule(kind: PoolKind): LayerRule {
  const schema = z.looseObject({
    pool_size: optionalPair,
    strides: optionalPair,
    padding: windowPadding,
    data_format: channelsLast,
  });
  return layerRule(schema, (config, call) => {
    const { input, image } = imageInput(call);
    const kernel = config.pool_size ?? pair.parse(2);
    const strides = config.strides ?? kernel;
    const padding = windowPaddingOf(config.padding, { image, kernel, strides, dilations: [1, 1] });
    return call.builder.add({
      op: "pool",
      name: call.node,
      inputs: [input],
      kind,
      kernel,
      strides,
      padding,
      countPadding: false,
    });
  });
}

/** One window over the whole image; then a vector, unless `keepdims` keeps the image of one pixel. */
export function globalPoolRule(kind: PoolKind): LayerRule {
  const schema = z.looseObject({ data_format: channelsLast, keepdims: flag(false) });
  return layerRule(schema, (config, call) => {
    const { input, image } = imageInput(call);
    const [rows, columns, channels] = image;
    const pooled = call.builder.add({
      op: "pool",
      name: call.node,
      inputs: [input],
      kind,
      kernel: [rows, columns],
      strides: [1, 1],
      padding: NO_PADDING,
      countPadding: false,
    });
    if (config.keepdims) return pooled;
    const name = call.builder.uniqueName(`${call.node}/vector`);
    return call.builder.add({ op: "reshape", name, inputs: [pooled], shape: [channels] });
  });
}
