/** Layers of an integer network: a convolution or matrix product and the integers that scale its sums. */
import type { IntegerRequantization } from "../../graph/graph.ts";
import { choiceAttribute, floatsAttribute, integerAttribute } from "../../tensor-graph/node-access.ts";
import type { LegalisationRule, RuleCall } from "../rule.ts";
import { addConvolution } from "./convolution.ts";
import { addGemm } from "./matrix.ts";

/** Domain of the nodes that `recognise/integer-layers.ts` makes of a chain of nodes. */
export const INTEGER_DOMAIN = "macroscope.integer";

/** Rounding modes of an integer network. */
export const INTEGER_ROUNDINGS = ["down", "up", "zero", "nearest-even"] as const;

export const integerConvolutionRule: LegalisationRule = (call) => addConvolution(call, requantizationOf(call));

export const integerGemmRule: LegalisationRule = (call) => addGemm(call, requantizationOf(call));

function requantizationOf({ node }: RuleCall): IntegerRequantization {
  const offsets = floatsAttribute(node, "requantization_offsets") ?? [];
  return {
    multipliers: Float64Array.from(floatsAttribute(node, "requantization_multipliers") ?? []),
    offsets: offsets.every((offset) => offset === 0) ? null : Float64Array.from(offsets),
    shift: integerAttribute(node, "requantization_shift", 0),
    divisor: 1,
    rounding: choiceAttribute(node, "requantization_rounding", INTEGER_ROUNDINGS, "down"),
    minimum: integerAttribute(node, "requantization_minimum", 0),
    maximum: integerAttribute(node, "requantization_maximum", 0),
  };
}
