/** Activations: as layers of their own and as settings of other layers. */
import { z } from "zod";
import { diagnosticError } from "../../../../isa/diagnostic.ts";
import type { NewNode } from "../../../graph/builder.ts";
import type { Activation } from "../../../graph/graph.ts";
import { type LayerCall, type LayerRule, layerRule, onlyInput } from "../layer-rule.ts";
import { type ActivationName, activationName, axis } from "../settings.ts";

/** What a node itself can do of an activation; softmax becomes a node behind it. */
const ACTIVATION_OF_NODE: Readonly<Record<ActivationName, Activation>> = {
  linear: "none",
  relu: "relu",
  relu6: "relu6",
  softmax: "none",
};

/** Adds a node together with the activation its layer is set to. `make` gets the part that the node does itself. */
export function addWithActivation(
  call: LayerCall,
  name: ActivationName,
  make: (activation: Activation) => NewNode,
): string {
  const value = call.builder.add(make(ACTIVATION_OF_NODE[name]));
  return name === "softmax" ? addSoftmax(call, `${call.node}/softmax`, value) : value;
}

function addSoftmax(call: LayerCall, base: string, input: string): string {
  return call.builder.add({ op: "softmax", name: call.builder.uniqueName(base), inputs: [input] });
}

function addActivation(call: LayerCall, name: ActivationName): string {
  const input = onlyInput(call);
  if (name === "linear") return input;
  if (name === "softmax") return call.builder.add({ op: "softmax", name: call.node, inputs: [input] });
  return call.builder.add({ op: "activation", name: call.node, inputs: [input], activation: name });
}

export const activationRule: LayerRule = layerRule(z.looseObject({ activation: activationName }), (config, call) =>
  addActivation(call, config.activation),
);

const zero = z.literal(0, { error: "expected 0" }).nullish();

export const reluRule: LayerRule = layerRule(
  z.looseObject({
    max_value: z.literal(6, { error: "expected 6 or nothing" }).nullish(),
    negative_slope: zero,
    threshold: zero,
  }),
  (config, call) => addActivation(call, config.max_value === 6 ? "relu6" : "relu"),
);

export const relu6Rule: LayerRule = layerRule(z.looseObject({}), (_config, call) => addActivation(call, "relu6"));

export const softmaxRule: LayerRule = layerRule(z.looseObject({ axis }), (config, call) => {
  requireLastAxis(config.axis, call);
  return addActivation(call, "softmax");
});

/** Throws `DiagnosticError` unless `axis`, which counts the batch as axis 0, is the last one of the first input. */
export function requireLastAxis(axis: number, call: LayerCall): void {
  const { length } = call.builder.shapeOf(call.inputs[0] ?? "");
  if (axis === -1 || axis === length) return;
  throw diagnosticError(
    "LAYER_CONFIG",
    call.where,
    `found axis ${axis}, expected the last one (-1 or ${length})`,
    "keep the channels in the last axis",
  );
}
