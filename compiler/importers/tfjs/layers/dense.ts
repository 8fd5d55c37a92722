/** Dense layers. */
import { z } from "zod";
import { POINTWISE } from "../../../graph/shape.ts";
import { type LayerRule, layerRule, onlyInput, weight } from "../layer-rule.ts";
import { flag, size } from "../settings.ts";
import { storedShape, view } from "../values/value.ts";
import { activationName, addWithActivation } from "./activation.ts";

/** Over several axes Keras applies the layer at every position: a 1 × 1 convolution. */
export const denseRule: LayerRule = layerRule(
  z.looseObject({ units: size, use_bias: flag(true), activation: activationName }),
  ({ units, use_bias: useBias, activation: activationSetting }, call) => {
    const { name: value, shape } = onlyInput(call);
    const features = shape.at(-1) ?? 0;
    const kernel = weight(call, "kernel", [features, units]);
    const bias = useBias ? weight(call, "bias", [units]) : null;
    const input = view(call, value, storedShape(shape));
    const { name } = call;
    return addWithActivation(
      call,
      activationSetting,
      (activation) => {
        if (shape.length === 2) return { op: "dense", name, inputs: [input], kernel, bias, activation };
        return {
          op: "conv2d",
          name,
          inputs: [input],
          kernel: { shape: [1, 1, features, units], data: kernel.data },
          bias,
          ...POINTWISE,
          groups: 1,
          activation,
        };
      },
      (node) => ({ name: node, shape: shape.with(-1, units) }),
    );
  },
);
