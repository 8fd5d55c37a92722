/** Layers with several inputs. */
import { z } from "zod";
import { type LayerRule, layerRule } from "../layer-rule.ts";
import { axis } from "../settings.ts";
import { requireLastAxis } from "./activation.ts";

export const addRule: LayerRule = layerRule(z.looseObject({}), (_config, call) =>
  call.builder.add({ op: "add", name: call.node, inputs: call.inputs, activation: "none" }),
);

export const concatenateRule: LayerRule = layerRule(z.looseObject({ axis }), (config, call) => {
  requireLastAxis(config.axis, call);
  return call.builder.add({ op: "concatenate", name: call.node, inputs: call.inputs });
});
