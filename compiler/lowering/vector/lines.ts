/** Functions made of lines, as settings of vector operation `pieces`: exact up to the output register. */
import { diagnosticError, InvariantError } from "../../../isa/diagnostic.ts";
import type { ConfigureBounds } from "../../../isa/instructions/configure-bounds.ts";
import type { ConfigurePieces } from "../../../isa/instructions/configure-pieces.ts";
import { INSTRUCTIONS } from "../../../isa/instructions/table.ts";
import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import { decompose } from "../../../isa/numerics/quantize.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { round } from "../../../isa/numerics/rounding.ts";
import type { ElementFunction } from "../../graph/element-function.ts";
import type { Settings } from "../emitter.ts";

export interface LineSettings {
  readonly pieces: Settings<ConfigurePieces>;
  readonly bounds: Settings<ConfigureBounds>;
}

/** slope · x + offset, one slope below the threshold and one from there on, cut to the bounds. */
interface Lines {
  readonly below: number;
  readonly above: number;
  /** Least raw of the second line. */
  readonly threshold: bigint;
  readonly offset: number;
  /** Infinite where there is none. */
  readonly lower: number;
  readonly upper: number;
}

/** raw · 2^−fractionLength, exactly. */
interface Dyadic {
  readonly raw: bigint;
  readonly fractionLength: number;
}

/**
 * Constants are taken as float32, which is what networks are made of; they and the products are exact. Bounds are rounded as the output
 * register rounds: cutting to them before it gives the words that cutting to the exact bounds gives. Throws `DiagnosticError`
 * FIELD_LIMIT where the instructions have no room for the constants.
 */
export function lineSettings(
  definition: ElementFunction,
  input: FixedPointFormat,
  output: RegisterSpec,
  where: string,
): LineSettings {
  const { below, above, threshold, offset, lower, upper } = linesOf(definition, input);
  const [first, second, added] = [below, above, offset].map(dyadic) as [Dyadic, Dyadic, Dyadic];
  const slopeFraction = Math.max(
    0,
    first.fractionLength,
    second.fractionLength,
    added.raw === 0n ? 0 : added.fractionLength - input.fractionLength,
  );
  const at = ({ raw, fractionLength }: Dyadic, fraction: number): bigint =>
    raw === 0n ? 0n : raw << BigInt(fraction - fractionLength);
  const settings: LineSettings = {
    pieces: {
      threshold,
      below: at(first, slopeFraction),
      above: at(second, slopeFraction),
      slopeFraction: BigInt(slopeFraction),
    },
    bounds: { offset: at(added, input.fractionLength + slopeFraction), ...boundSettings(lower, upper, output) },
  };
  requireFields("configure.pieces", settings.pieces, definition, where);
  requireFields("configure.bounds", settings.bounds, definition, where);
  return settings;
}

function linesOf(definition: ElementFunction, { fractionLength }: FixedPointFormat): Lines {
  const identity: Lines = { below: 1, above: 1, threshold: 0n, offset: 0, lower: -Infinity, upper: Infinity };
  switch (definition.kind) {
    case "clip":
      return { ...identity, lower: definition.minimum, upper: definition.maximum };
    case "abs":
      return { ...identity, below: -1 };
    case "leakyRelu":
      return { ...identity, below: definition.slope };
    case "thresholdedRelu":
      return { ...identity, below: 0, threshold: floorAt(definition.threshold, fractionLength) + 1n };
    case "sign": {
      // So steep that the word below 0 is beyond the other bound.
      const size = Math.abs(definition.scale);
      const slope =
        definition.scale === 0
          ? 0
          : Math.sign(definition.scale) * 2 ** (fractionLength + Math.ceil(Math.log2(size)) + 1);
      return { ...identity, below: slope, above: slope, offset: definition.scale, lower: -size, upper: size };
    }
    case "hardSigmoid": {
      const { slope, offset } = definition;
      return { ...identity, below: slope, above: slope, offset, lower: 0, upper: 1 };
    }
    default:
      throw new InvariantError(`${definition.kind} is not made of lines`);
  }
}

function dyadic(value: number): Dyadic {
  const rounded = Math.fround(value);
  if (rounded === 0) return { raw: 0n, fractionLength: 0 };
  const { mantissa, exponent } = decompose(rounded);
  return exponent > 0
    ? { raw: mantissa << BigInt(exponent), fractionLength: 0 }
    : { raw: mantissa, fractionLength: -exponent };
}

/** ⌊value · 2^fractionLength⌋. */
function floorAt(value: number, fractionLength: number): bigint {
  const { raw, fractionLength: own } = dyadic(value);
  return round(raw, own - fractionLength, "down");
}

function boundSettings(
  lower: number,
  upper: number,
  { format, rounding }: RegisterSpec,
): Omit<Settings<ConfigureBounds>, "offset"> {
  const mode = rounding === "stochastic" ? "nearest-even" : rounding;
  const at = (bound: number): bigint => {
    const { raw, fractionLength } = dyadic(bound);
    return round(raw, fractionLength - format.fractionLength, mode);
  };
  const [hasLower, hasUpper] = [Number.isFinite(Math.fround(lower)), Number.isFinite(Math.fround(upper))];
  return {
    hasLower,
    lower: hasLower ? at(lower) : 0n,
    hasUpper,
    upper: hasUpper ? at(upper) : 0n,
  };
}

function requireFields(
  opcode: "configure.pieces" | "configure.bounds",
  settings: Readonly<Record<string, bigint | boolean>>,
  definition: ElementFunction,
  where: string,
): void {
  for (const { name, bits } of INSTRUCTIONS[opcode].fields) {
    const value = settings[name];
    if (typeof value !== "bigint" || BigInt.asIntN(bits, value) === value) continue;
    throw diagnosticError(
      "FIELD_LIMIT",
      where,
      `${name} of ${definition.kind} takes more than the ${bits} bits that the instruction has`,
      "use formats whose binary points are nearer to the function's constants, or constants of an ordinary size",
    );
  }
}
