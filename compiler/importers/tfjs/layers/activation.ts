/** Activations: as layers of their own and as settings of other layers. */
import { z } from "zod";
import { diagnosticError } from "../../../../isa/diagnostic.ts";
import type { NewNode } from "../../../graph/builder.ts";
import type { ElementFunction } from "../../../graph/element-function.ts";
import type { Activation } from "../../../graph/graph.ts";
import { type LayerCall, type LayerRule, layerRule, onlyInput, ownShape, weight } from "../layer-rule.ts";
import { axis, numeric } from "../settings.ts";
import { applied, clipped, parametricRelu, SELU } from "../values/element-wise.ts";
import { addAs, type NetworkValue, storedShape, view } from "../values/value.ts";

export type ActivationName =
  | "linear"
  | "relu"
  | "relu6"
  | "softmax"
  | "log_softmax"
  | "sigmoid"
  | "tanh"
  | "hard_sigmoid"
  | "exponential"
  | "elu"
  | "selu"
  | "softplus"
  | "softsign"
  | "swish"
  | "silu"
  | "mish"
  | "gelu"
  | "gelu_new";

/** What a node itself can do of an activation, or a function that becomes a node behind it. */
type ActivationStep = Exclude<Activation, "none"> | "nothing" | "softmax" | "log-softmax" | ElementFunction;

/** By Keras's name of the activation. */
const ACTIVATIONS: Readonly<Record<ActivationName, ActivationStep>> = {
  linear: "nothing",
  relu: "relu",
  relu6: "relu6",
  softmax: "softmax",
  log_softmax: "log-softmax",
  sigmoid: { kind: "sigmoid" },
  tanh: { kind: "tanh" },
  hard_sigmoid: { kind: "hardSigmoid", slope: 0.2, offset: 0.5 },
  exponential: { kind: "exp" },
  elu: { kind: "elu", scale: 1, width: 1, gain: 1 },
  selu: SELU,
  softplus: { kind: "softplus" },
  softsign: { kind: "softsign" },
  swish: { kind: "swish", slope: 1 },
  silu: { kind: "swish", slope: 1 },
  mish: { kind: "mish" },
  gelu: { kind: "gelu", approximate: false },
  gelu_new: { kind: "gelu", approximate: true },
};

const isName = (name: string): name is ActivationName => Object.hasOwn(ACTIVATIONS, name);

/** Keras's name of an activation; TensorFlow.js's own names differ in spelling alone: hardSigmoid. */
export const activationName: z.ZodType<ActivationName> = z
  .string()
  .nullish()
  .transform((value, context) => {
    const name = (value ?? "linear").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (isName(name)) return name;
    context.addIssue({ code: "custom", message: `expected ${Object.keys(ACTIVATIONS).join(", ")}` });
    return z.NEVER;
  });

/**
 * Adds a node together with the activation its layer is set to. `make` gets the part that the node does itself, `result` is the
 * value that the node yields.
 */
export function addWithActivation(
  call: LayerCall,
  name: ActivationName,
  make: (activation: Activation) => NewNode,
  result: (node: string) => NetworkValue,
): NetworkValue {
  const step: ActivationStep = ACTIVATIONS[name];
  const own = step === "relu" || step === "relu6" ? step : "none";
  const value = result(call.builder.add(make(own)));
  return own === "none" ? activated(call, value, step, name) : value;
}

/** The activation as a node named after the layer or, with a role, as a helper. */
function activated(call: LayerCall, value: NetworkValue, step: ActivationStep, role?: string): NetworkValue {
  if (step === "nothing") return value;
  const { name, shape } = value;
  if (step === "softmax") {
    const inputs = [view(call, name, storedShape(shape))];
    return { name: addAs(call, role, { op: "softmax", inputs }), shape, isSoftmax: true };
  }
  // The host's.
  if (step === "log-softmax") return { name, shape, closing: [step] };
  if (typeof step !== "string") return applied(call, value, step, role);
  return { name: addAs(call, role, { op: "activation", inputs: [name], activation: step }), shape };
}

export const activationRule: LayerRule = layerRule(z.looseObject({ activation: activationName }), (config, call) =>
  activated(call, onlyInput(call), ACTIVATIONS[config.activation]),
);

/** min(x, max_value) from 0 up, negative_slope · x below. */
export const reluRule: LayerRule = layerRule(
  z.looseObject({
    max_value: z.number().min(0).nullish(),
    negative_slope: numeric(0),
    threshold: z.literal(0, { error: "expected 0" }).nullish(),
  }),
  ({ max_value: maximum, negative_slope: slope }, call) => {
    const x = onlyInput(call);
    if (slope === 0) return clipped(call, x, 0, maximum ?? Infinity);
    if (maximum === undefined || maximum === null) return applied(call, x, { kind: "leakyRelu", slope });
    return clipped(call, applied(call, x, { kind: "leakyRelu", slope }, "slope"), -Infinity, maximum);
  },
);

export const relu6Rule: LayerRule = layerRule(z.looseObject({}), (_config, call) =>
  clipped(call, onlyInput(call), 0, 6),
);

/** The slope is `alpha`, in later versions `negative_slope`. */
export const leakyReluRule: LayerRule = layerRule(
  z.looseObject({ alpha: z.number().nullish(), negative_slope: z.number().nullish() }),
  ({ alpha, negative_slope: slope }, call) =>
    applied(call, onlyInput(call), { kind: "leakyRelu", slope: alpha ?? slope ?? 0.3 }),
);

export const eluRule: LayerRule = layerRule(z.looseObject({ alpha: numeric(1) }), ({ alpha }, call) =>
  applied(call, onlyInput(call), { kind: "elu", scale: alpha, width: 1, gain: 1 }),
);

export const thresholdedReluRule: LayerRule = layerRule(z.looseObject({ theta: numeric(1) }), ({ theta }, call) =>
  applied(call, onlyInput(call), { kind: "thresholdedRelu", threshold: theta }),
);

/** A slope for every element, or along the shared axes, which count from 1, one for all. */
export const parametricReluRule: LayerRule = layerRule(
  z.looseObject({ shared_axes: z.union([z.int(), z.array(z.int()).max(8)]).nullish() }),
  ({ shared_axes: listed }, call) => {
    const x = onlyInput(call);
    const shared = new Set([listed ?? []].flat());
    const shape = ownShape(x).map((size, index) => (shared.has(index + 1) ? 1 : size));
    return parametricRelu(call, x, { type: "float32", ...weight(call, "alpha", shape) });
  },
);

export const softmaxRule: LayerRule = layerRule(z.looseObject({ axis }), (config, call) => {
  requireLastAxis(config.axis, call);
  return activated(call, onlyInput(call), "softmax");
});

/** Throws `DiagnosticError` unless `axis`, which counts the batch as axis 0, is the last one of the first input. */
export function requireLastAxis(axis: number, call: LayerCall): void {
  const last = (call.inputs[0]?.shape.length ?? 1) - 1;
  if (axis === -1 || axis === last) return;
  throw diagnosticError(
    "LAYER_CONFIG",
    call.where,
    `found axis ${axis}, expected the last one (-1 or ${last})`,
    "keep the channels in the last axis",
  );
}
