/** Dense layers. */
import { z } from "zod";
import { POINTWISE } from "../../../graph/shape.ts";
import { type LayerRule, layerRule, onlyInput, weight } from "../layer-rule.ts";
import { activationName, flag, size } from "../settings.ts";
import { addWithActivation } from "./activation.ts";

/** Over an image Keras applies the layer at every pixel: a 1 × 1 convolution. */
export const denseRule: LayerRule = layerRule(
  z.looseObject({ units: size, use_bias: flag(true), activation: activationName }),
  ({ units, use_bias: useBias, activation: activationSetting }, call) => {
    const input = onlyInput(call);
    const shape = call.builder.shapeOf(input);
    const features = shape.at(-1) ?? 0;
    const kernel = weight(call, "kernel", [features, units]);
    const bias = useBias ? weight(call, "bias", [units]) : null;
    return addWithActivation(call, activationSetting, (activation) => {
      if (shape.length === 1) return { op: "dense", name: call.node, inputs: [input], kernel, bias, activation };
      return {
        op: "conv2d",
        name: call.node,
        inputs: [input],
        kernel: { shape: [1, 1, features, units], data: kernel.data },
        bias,
        ...POINTWISE,
        groups: 1,
        activation,
      };
    });
  },
);
