/** The range that an automatic format of a register is taken from: that of the values which stand in it. */

import { diagnosticError } from "../../isa/diagnostic.ts";
import type { CalibratedRange, LayerRanges } from "../../isa/program/datapath.ts";
import { rangeOf } from "./automatic-format.ts";
import type { LayerContext } from "./layer-context.ts";

/** Registers between a layer's operands and its output. */
export type InnerRegister = "product" | "accumulator" | "sum";

/**
 * Room above the sums that were measured: other images reach farther than those of a calibration, and a sum that saturates on its
 * way is wrong to its end, where a word that is cut is off by what was cut.
 */
const SUM_HEADROOM = 1 / 8;

/**
 * Product: single products. Accumulator: sums as they grow, and with the bias unless a sum register stands between (`beforeBias`).
 * Sum register: whole sums without and with bias. Throws `DiagnosticError` NOT_CALIBRATED where the ranges have none of it.
 */
export function registerRange(
  { layer, range }: LayerContext,
  register: InnerRegister,
  where: string,
  beforeBias = false,
): CalibratedRange {
  const ranges = range(layer.name, where);
  const sums = (name: "runningSum" | "sum" | "biasedSum"): CalibratedRange =>
    withHeadroom(measured(ranges, name, layer.name, where));
  switch (register) {
    case "product":
      return measured(ranges, "product", layer.name, where);
    case "sum":
      return hull(sums("sum"), sums("biasedSum"));
    case "accumulator": {
      const growing = sums("runningSum");
      if (beforeBias || layer.bias === null) return growing;
      return hull(growing, sums("biasedSum"), rangeOf(layer.bias));
    }
  }
}

/**
 * What an accumulator must hold, as far as it is known: the bias, which is no secret, unless a sum register stands between
 * (`beforeBias`); where the layer was calibrated its sums as well. 0 … 0 for nothing.
 */
export function knownAccumulatorRange({ layer, knownRanges }: LayerContext, beforeBias: boolean): CalibratedRange {
  const { runningSum, biasedSum } = knownRanges(layer.name) ?? {};
  const isBehind = beforeBias || layer.bias === null;
  const sums = [runningSum, isBehind ? undefined : biasedSum].filter((range) => range !== undefined);
  const bias = isBehind ? [] : [rangeOf(layer.bias)];
  return hull({ min: 0, max: 0 }, ...sums.map(withHeadroom), ...bias);
}

function measured(
  ranges: LayerRanges,
  name: Exclude<keyof LayerRanges, keyof CalibratedRange>,
  layer: string,
  where: string,
): CalibratedRange {
  const found = ranges[name];
  if (found !== undefined) return found;
  throw diagnosticError(
    "NOT_CALIBRATED",
    where,
    `an automatic format needs the ranges of the sums of "${layer}", and those given hold its output's alone`,
    "calibrate again: leave the stored ranges out",
  );
}

function withHeadroom({ min, max }: CalibratedRange): CalibratedRange {
  return { min: min * (1 + SUM_HEADROOM), max: max * (1 + SUM_HEADROOM) };
}

function hull(first: CalibratedRange, ...others: readonly CalibratedRange[]): CalibratedRange {
  return others.reduce(
    (a, b): CalibratedRange => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) }),
    first,
  );
}
