/** What lowering decides about a layer before anything has an address: one rule per operator. */
import { InvariantError } from "../../isa/diagnostic.ts";
import { NO_PADDING } from "../graph/shape.ts";
import { planMatrix } from "./matrix/matrix-plan.ts";
import { planRequantize } from "./matrix/requantize-layer.ts";
import type { LayerPlan, PlanRequest } from "./plan-request.ts";
import { planPool } from "./pool/pool-plan.ts";
import {
  planAddition,
  planConcatenation,
  planCopy,
  planFunction,
  planPair,
  planResize,
  planSlopes,
  planView,
} from "./vector/vector-plan.ts";

/** Throws `DiagnosticError` where the layer does not fit the machine. */
export function planLayer(request: PlanRequest): LayerPlan {
  const { node } = request;
  switch (node.op) {
    case "conv2d":
    case "dense":
    case "convTranspose2d":
      return planMatrix({ ...request, node });
    case "pool":
      return planPool({ ...request, node });
    case "requantize":
      return planRequantize({ ...request, node });
    case "add":
      return planAddition({ ...request, node });
    case "subtract":
    case "multiply":
      return planPair({ ...request, node });
    case "function":
      return planFunction({ ...request, node });
    case "prelu":
      return planSlopes({ ...request, node });
    case "concatenate":
      return planConcatenation(request);
    case "pad":
      return planCopy(request, "none", node.padding);
    case "activation":
      return planCopy(request, node.activation, NO_PADDING);
    case "quantize":
      return planCopy(request, "none", NO_PADDING);
    case "slice":
    case "transpose":
      return planView({ ...request, node });
    case "resize":
      return planResize({ ...request, node });
    case "reshape":
    case "register":
    case "lrn":
    case "softmax":
    case "batchNormalization":
    case "constant":
      throw new InvariantError(`${node.op} "${node.name}" is no layer of the machine`);
  }
}
