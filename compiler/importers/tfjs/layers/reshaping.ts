/** Layers that rearrange or surround: flatten, reshape, zero padding. */
import { z } from "zod";
import { diagnosticError } from "../../../../isa/diagnostic.ts";
import { elementCount, formatShape } from "../../../graph/shape.ts";
import { type LayerRule, layerRule, onlyInput } from "../layer-rule.ts";
import { channelsLast, size } from "../settings.ts";

export const flattenRule: LayerRule = layerRule(z.looseObject({ data_format: channelsLast }), (_config, call) => {
  const input = onlyInput(call);
  const shape = call.builder.shapeOf(input);
  if (shape.length === 1) return input;
  return call.builder.add({ op: "reshape", name: call.node, inputs: [input], shape: [elementCount(shape)] });
});

/** One size may be open: −1, or null as TensorFlow.js saves it. */
export const reshapeRule: LayerRule = layerRule(
  z.looseObject({ target_shape: z.array(z.union([size, z.literal(-1), z.null()])).max(8) }),
  ({ target_shape: target }, call) => {
    const input = onlyInput(call);
    const shape = call.builder.shapeOf(input);
    const known = target.map((axis) => (axis === -1 ? null : axis));
    const open = elementCount(shape) / elementCount(known.map((axis) => axis ?? 1));
    if (known.filter((axis) => axis === null).length > 1 || !Number.isInteger(open)) {
      throw diagnosticError(
        "SHAPE",
        call.where,
        `found input ${formatShape(shape)} and target ${formatShape(target.map((axis) => axis ?? -1))}, expected ${elementCount(shape)} elements and at most one open size`,
        "compare the layer with its input",
      );
    }
    const reshaped = known.map((axis) => axis ?? open);
    return call.builder.add({ op: "reshape", name: call.node, inputs: [input], shape: reshaped });
  },
);

const side = z
  .int()
  .min(0)
  .max(2 ** 20);
const sides = z.tuple([side, side]);

/** One number for all sides, [rows, columns], or [[top, bottom], [left, right]]. */
const paddingSetting = z.union([side, sides, z.tuple([sides, sides])], {
  error: "expected a number, [rows, columns] or [[top, bottom], [left, right]]",
});

export const zeroPaddingRule: LayerRule = layerRule(
  z.looseObject({ padding: paddingSetting.nullish(), data_format: channelsLast }),
  (config, call) => {
    const setting = config.padding ?? 1;
    const [rows, columns] = typeof setting === "number" ? [setting, setting] : setting;
    const [top, bottom] = typeof rows === "number" ? [rows, rows] : rows;
    const [left, right] = typeof columns === "number" ? [columns, columns] : columns;
    const padding = { top, bottom, left, right };
    return call.builder.add({ op: "pad", name: call.node, inputs: [onlyInput(call)], padding });
  },
);
