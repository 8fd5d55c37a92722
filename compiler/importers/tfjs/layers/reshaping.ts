/** Layers that rearrange, repeat, surround or cut. */
import { z } from "zod";
import { diagnosticError } from "../../../../isa/diagnostic.ts";
import { elementCount, formatShape } from "../../../graph/shape.ts";
import {
  type LayerCall,
  type LayerRule,
  layerRule,
  onlyInput,
  ownShape,
  type WindowAxes,
  windowInput,
  windowResult,
} from "../layer-rule.ts";
import { channelsLast, size } from "../settings.ts";
import { cut, permuted, repeatedTo, reshapedTo } from "../values/arrange.ts";

export const flattenRule: LayerRule = layerRule(z.looseObject({ data_format: channelsLast }), (_config, call) => {
  const input = onlyInput(call);
  return reshapedTo(call, input, [1, elementCount(input.shape)]);
});

/** One size may be open: −1, or null as TensorFlow.js saves it. */
export const reshapeRule: LayerRule = layerRule(
  z.looseObject({ target_shape: z.array(z.union([size, z.literal(-1), z.null()])).max(8) }),
  ({ target_shape: target }, call) => {
    const input = onlyInput(call);
    const shape = ownShape(input);
    const known = target.map((axis) => (axis === -1 ? null : axis));
    const open = elementCount(shape) / elementCount(known.map((axis) => axis ?? 1));
    const opens = known.filter((axis) => axis === null).length;
    if (opens > 1 || !Number.isInteger(open) || (opens === 0 && open !== 1)) {
      throw diagnosticError(
        "SHAPE",
        call.where,
        `found input ${formatShape(shape)} and target ${formatShape(target.map((axis) => axis ?? -1))}, expected ${elementCount(shape)} elements and at most one open size`,
        "compare the layer with its input",
      );
    }
    return reshapedTo(call, input, [1, ...known.map((axis) => axis ?? open)]);
  },
);

/** Axis n of the result, counted from 1, is axis `dims[n]` of the input. */
export const permuteRule: LayerRule = layerRule(
  z.looseObject({ dims: z.array(z.int().min(1).max(8)).max(8) }),
  ({ dims }, call) => {
    const input = onlyInput(call);
    const { shape } = input;
    const isPermutation =
      dims.length === shape.length - 1 && shape.every((_, axis) => axis === 0 || dims.includes(axis));
    if (isPermutation) return permuted(call, input, [0, ...dims]);
    const what = `found dims ${formatShape(dims)} for ${formatShape(ownShape(input))}, expected every axis from 1 up once`;
    throw diagnosticError("LAYER_CONFIG", call.where, what, "compare the layer with its input");
  },
);

/** A vector as every step of a sequence. */
export const repeatVectorRule: LayerRule = layerRule(z.looseObject({ n: size }), ({ n }, call) => {
  const { name, shape } = onlyInput(call);
  const [features, ...rest] = shape.slice(1);
  if (features !== undefined && rest.length === 0) {
    return repeatedTo(call, { name, shape: [1, 1, features] }, [1, n, features]);
  }
  const what = `found input ${formatShape(shape.slice(1))}, expected a vector [features]`;
  throw diagnosticError("SHAPE", call.where, what, "flatten the value before");
});

const side = z
  .int()
  .min(0)
  .max(2 ** 20);
const sides = z.tuple([side, side]);

/** One number for all sides, [rows, columns], or [[top, bottom], [left, right]]. */
const imageSides = z.union([side, sides, z.tuple([sides, sides])], {
  error: "expected a number, [rows, columns] or [[top, bottom], [left, right]]",
});

/** One number for both ends, or [before, after]. */
const sequenceSides = z.union([side, sides], { error: "expected a number or [before, after]" });

interface Sides {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

const sidesSetting = (axes: WindowAxes, byDefault: number): z.ZodType<Sides> =>
  axes === 1
    ? sequenceSides.nullish().transform((setting) => {
        const [left, right] = pairOf(setting ?? byDefault);
        return { top: 0, bottom: 0, left, right };
      })
    : imageSides.nullish().transform((setting) => {
        const [rows, columns] = typeof setting === "number" || !setting ? pairOf(setting ?? byDefault) : setting;
        const [[top, bottom], [left, right]] = [pairOf(rows), pairOf(columns)];
        return { top, bottom, left, right };
      });

function pairOf(setting: number | readonly [number, number]): readonly [number, number] {
  return typeof setting === "number" ? [setting, setting] : setting;
}

export function zeroPaddingRule(axes: WindowAxes): LayerRule {
  const schema = z.looseObject({ padding: sidesSetting(axes, 1), data_format: channelsLast });
  return layerRule(schema, ({ padding }, call) => {
    const { input } = windowInput(call, axes);
    return windowResult(call, call.builder.add({ op: "pad", name: call.name, inputs: [input], padding }), axes);
  });
}

export function croppingRule(axes: WindowAxes): LayerRule {
  const schema = z.looseObject({ cropping: sidesSetting(axes, axes === 1 ? 1 : 0), data_format: channelsLast });
  return layerRule(schema, ({ cropping: { top, bottom, left, right } }, call) => {
    windowInput(call, axes);
    const input = onlyInput(call);
    const cuts =
      axes === 1
        ? [[left, right]]
        : [
            [top, bottom],
            [left, right],
          ];
    return cropped(call, input.shape, cuts);
  });
}

function cropped(call: LayerCall, shape: readonly number[], cuts: readonly (readonly number[])[]) {
  const ranges = shape.map((size, axis) => {
    const [before = 0, after = 0] = cuts[axis - 1] ?? [];
    return { start: before, count: size - before - after, step: 1 };
  });
  return cut(call, onlyInput(call), { ranges, shape: ranges.map(({ count }) => count) });
}
