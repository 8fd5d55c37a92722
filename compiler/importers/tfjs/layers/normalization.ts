/** Batch normalization with the statistics of training, and scales of the input. */
import { z } from "zod";
import type { Tensor } from "../../../graph/graph.ts";
import { type LayerRule, layerRule, onlyInput, weight } from "../layer-rule.ts";
import { axis, flag, numeric } from "../settings.ts";
import { scaleAndShift } from "../values/scale.ts";
import { storedShape, view } from "../values/value.ts";
import { requireLastAxis } from "./activation.ts";

/** Without `scale` gamma is 1, without `center` beta is 0. */
export const batchNormalizationRule: LayerRule = layerRule(
  z.looseObject({
    axis,
    epsilon: z.number().min(0).nullish(),
    scale: flag(true),
    center: flag(true),
  }),
  (config, call) => {
    const { name: input, shape: valueShape } = onlyInput(call);
    requireLastAxis(config.axis, call);
    const shape = [valueShape.at(-1) ?? 0];
    // First those that always exist: their length bounds what the others may allocate.
    const mean = weight(call, "moving_mean", shape);
    const variance = weight(call, "moving_variance", shape);
    const name = call.builder.add({
      op: "batchNormalization",
      name: call.name,
      inputs: [view(call, input, storedShape(valueShape))],
      gamma: config.scale ? weight(call, "gamma", shape) : filled(mean, 1),
      beta: config.center ? weight(call, "beta", shape) : filled(mean, 0),
      mean,
      variance,
      epsilon: config.epsilon ?? 1e-3,
    });
    return { name, shape: valueShape };
  },
);

/** y = scale · x + offset. */
export const rescalingRule: LayerRule = layerRule(
  z.looseObject({ scale: z.number(), offset: numeric(0) }),
  ({ scale, offset }, call) => scaleAndShift(call, onlyInput(call), { scale, shift: offset }),
);

function filled({ shape, data }: Tensor, value: number): Tensor {
  return { shape, data: new Float32Array(data.length).fill(value) };
}
