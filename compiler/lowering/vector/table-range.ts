/** Which words of a function's input its table stands for. */

import { type FixedPointFormat, type RawRange, rawRange, rawToFloat64 } from "../../../isa/numerics/format.ts";
import { quantizeFloat64 } from "../../../isa/numerics/quantize.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import type { CalibratedRange } from "../../../isa/program/datapath.ts";
import { type ElementFunction, evaluateFunction } from "../../graph/element-function.ts";

/** Steps of the walk from an end of the words towards 0 take this share of the way. */
const STEP = 16n;

/**
 * All words, but for those at either end where the output word no longer changes: the end entry gives them exactly. Infinite values
 * change always.
 */
export function changingRange(definition: ElementFunction, input: FixedPointFormat, output: RegisterSpec): RawRange {
  const { min, max } = rawRange(input);
  return {
    min: restingPlace(definition, input, output, min),
    max: restingPlace(definition, input, output, max),
  };
}

/** The words of `range` whose values lie between two numbers, at least one. */
export function wordsBetween({ min, max }: CalibratedRange, format: FixedPointFormat, range: RawRange): RawRange {
  const within = (raw: bigint): bigint => (raw < range.min ? range.min : raw > range.max ? range.max : raw);
  return { min: within(rawAt(Math.floor, min, format)), max: within(rawAt(Math.ceil, max, format)) };
}

/**
 * The word nearest to 0 from which on out to `end` the output word is the one at the end. Looked for in steps of a sixteenth: functions have
 * no bumps narrower than that far out.
 */
function restingPlace(definition: ElementFunction, input: FixedPointFormat, output: RegisterSpec, end: bigint): bigint {
  const resting = wordAt(definition, input, output, end);
  if (resting === undefined) return end;
  let place = end;
  while (place >= STEP || place <= -STEP) {
    const next = place - place / STEP;
    if (wordAt(definition, input, output, next) !== resting) break;
    place = next;
  }
  return place;
}

/** The output word; undefined where the function is infinite. */
function wordAt(
  definition: ElementFunction,
  input: FixedPointFormat,
  output: RegisterSpec,
  raw: bigint,
): bigint | undefined {
  const value = evaluateFunction(definition, rawToFloat64(raw, input.fractionLength));
  if (!Number.isFinite(value)) return undefined;
  const rounding = output.rounding === "stochastic" ? "nearest-even" : output.rounding;
  return quantizeFloat64(value, { ...register(output.format), ...output, rounding }).raw;
}

/** The raw of a value, rounded by `round` and cut to the format. */
function rawAt(round: (value: number) => number, value: number, format: FixedPointFormat): bigint {
  const { min, max } = rawRange(format);
  const scaled = round(value * 2 ** format.fractionLength);
  if (scaled <= Number(min)) return min;
  return scaled >= Number(max) ? max : BigInt(scaled);
}
