/** Layers with several inputs. Values of fewer axes get axes of size 1 behind the batch, as Keras has it. */
import { z } from "zod";
import { diagnosticError } from "../../../../isa/diagnostic.ts";
import { broadcastShape } from "../../../tensor-graph/arithmetic/broadcast.ts";
import { type LayerCall, type LayerRule, layerRule } from "../layer-rule.ts";
import { axis } from "../settings.ts";
import { concatenated, repeatedTo } from "../values/arrange.ts";
import { combine } from "../values/element-wise.ts";
import { scaleAndShift } from "../values/scale.ts";
import { addAs, type NetworkValue, view } from "../values/value.ts";

export const addRule: LayerRule = mergeRule(summed);

export const averageRule: LayerRule = mergeRule((call, values) =>
  scaleAndShift(call, summed(call, values, "sum"), { scale: 1 / values.length }),
);

export const subtractRule: LayerRule = mergeRule((call, values) => {
  const [left, right, ...others] = values;
  if (left !== undefined && right !== undefined && others.length === 0) return combine(call, "subtract", [left, right]);
  throw diagnosticError("MODEL_JSON", call.where, `found ${values.length} inputs, expected two`, "subtract one value");
});

export const multiplyRule: LayerRule = mergeRule((call, values) =>
  pairwise(values, (left, right, role) => combine(call, "multiply", [left, right], role)),
);

/** max(a, b) = b + relu(a − b). */
export const maximumRule: LayerRule = mergeRule((call, values) =>
  pairwise(values, (a, b, role) => combine(call, "add", [b, excess(call, a, b)], role)),
);

/** min(a, b) = a − relu(a − b). */
export const minimumRule: LayerRule = mergeRule((call, values) =>
  pairwise(values, (a, b, role) => combine(call, "subtract", [a, excess(call, a, b)], role)),
);

export const concatenateRule: LayerRule = layerRule(z.looseObject({ axis }), ({ axis: given }, call) => {
  const { inputs, where } = call;
  requireSeveral(call);
  const rank = inputs[0]?.shape.length ?? 0;
  const at = given < 0 ? given + rank : given;
  if (at >= 1 && at < rank) return concatenated(call, inputs, at);
  const what = `found axis ${given}, expected one from 1 to ${rank - 1}, or from the end`;
  throw diagnosticError("LAYER_CONFIG", where, what, "axis 0 is the batch, of which the machine takes one");
});

function mergeRule(merge: (call: LayerCall, values: readonly NetworkValue[]) => NetworkValue): LayerRule {
  return layerRule(z.looseObject({}), (_config, call) => {
    requireSeveral(call);
    const rank = Math.max(...call.inputs.map(({ shape }) => shape.length));
    const values = call.inputs.map(({ name, shape: [batch = 1, ...axes] }) => ({
      name,
      shape: [batch, ...Array<number>(rank - 1 - axes.length).fill(1), ...axes],
    }));
    return merge(call, values);
  });
}

function requireSeveral({ inputs, where }: LayerCall): void {
  if (inputs.length >= 2) return;
  const what = `found ${inputs.length} inputs, expected at least 2`;
  throw diagnosticError("MODEL_JSON", where, what, "apply the layer to several values");
}

/** The sum of any number of values, those of fewer elements repeated. */
function summed(call: LayerCall, values: readonly NetworkValue[], role?: string): NetworkValue {
  const shape = broadcastShape(values.map((value) => value.shape));
  const repeated = values.map((value) => repeatedTo(call, value, shape));
  // The stored shape of one that need not be repeated.
  const [first] = repeated.filter(({ name }, index) => name === values[index]?.name);
  const own = call.builder.shapeOf((first ?? repeated[0])?.name ?? "");
  const inputs = repeated.map(({ name }) => view(call, name, own));
  return { name: addAs(call, role, { op: "add", inputs, activation: "none" }), shape };
}

/** The first two values combined, then the result with the third, and so on; the last result bears the layer's name. */
function pairwise(
  values: readonly NetworkValue[],
  combined: (left: NetworkValue, right: NetworkValue, role: string | undefined) => NetworkValue,
): NetworkValue {
  return values.reduce((left, right, index) => combined(left, right, index + 1 < values.length ? "part" : undefined));
}

/** relu(a − b). */
function excess(call: LayerCall, a: NetworkValue, b: NetworkValue): NetworkValue {
  return combine(call, "subtract", [a, b], "excess", "relu");
}
