/** Functions of single words by exact fractions, and tables by the place of a word between two entries. */
import type { ElementFunction } from "../../compiler/graph/element-function.ts";
import { evaluateFunction, isExact } from "../../compiler/graph/element-function.ts";
import { lookupTable } from "../../compiler/lowering/vector/lookup-table.ts";
import type { LayerOptions } from "../../compiler/quantization/resolve-layer.ts";
import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import { quantize, quantizeFloat64, quantizeQuotient } from "../../isa/numerics/quantize.ts";
import { rawAt } from "../../isa/numerics/raws.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import { binaryRational, compareRationals, type Rational } from "./rational-rounding.ts";

/** A float32 constant as a fraction. */
export function float32Rational(value: number): Rational {
  let numerator = Math.fround(value);
  let bits = 0;
  while (!Number.isInteger(numerator)) {
    numerator *= 2;
    bits++;
  }
  return binaryRational(BigInt(numerator), bits);
}

const integer = (value: bigint): Rational => ({ numerator: value, denominator: 1n });
const times = (a: Rational, b: Rational): Rational => ({
  numerator: a.numerator * b.numerator,
  denominator: a.denominator * b.denominator,
});
const plus = (a: Rational, b: Rational): Rational => ({
  numerator: a.numerator * b.denominator + b.numerator * a.denominator,
  denominator: a.denominator * b.denominator,
});
const least = (a: Rational, b: Rational): Rational => (compareRationals(a, b) <= 0 ? a : b);
const greatest = (a: Rational, b: Rational): Rational => (compareRationals(a, b) >= 0 ? a : b);

/** The function at a word, exactly. */
export function rationalFunction(definition: ElementFunction, raw: bigint, fractionLength: number): Rational {
  const x = binaryRational(raw, fractionLength);
  const zero = integer(0n);
  const one = integer(1n);
  switch (definition.kind) {
    case "clip": {
      const { minimum, maximum } = definition;
      const raised = Number.isFinite(minimum) ? greatest(x, float32Rational(minimum)) : x;
      return Number.isFinite(maximum) ? least(raised, float32Rational(maximum)) : raised;
    }
    case "abs":
      return greatest(x, times(x, integer(-1n)));
    case "leakyRelu":
      return raw < 0n ? times(x, float32Rational(definition.slope)) : x;
    case "thresholdedRelu":
      return compareRationals(x, float32Rational(definition.threshold)) > 0 ? x : zero;
    case "sign":
      return float32Rational(raw >= 0n ? definition.scale : -definition.scale);
    case "hardSigmoid": {
      const line = plus(times(x, float32Rational(definition.slope)), float32Rational(definition.offset));
      return least(greatest(line, zero), one);
    }
    case "hardSwish": {
      const gate = plus(times(x, { numerator: 1n, denominator: 6n }), { numerator: 1n, denominator: 2n });
      return times(x, least(greatest(gate, zero), one));
    }
    default:
      throw new Error(`${definition.kind} is no function of lines`);
  }
}

/** The words of a layer that computes a function. */
export function functionWord(
  definition: ElementFunction,
  input: FixedPointFormat,
  output: RegisterSpec,
  options: Pick<LayerOptions, "lookupBits" | "interpolate" | "tableRange">,
): (raw: bigint) => bigint {
  const { fractionLength } = input;
  if (isExact(definition)) {
    return (raw) => {
      const { numerator, denominator } = rationalFunction(definition, raw, fractionLength);
      return quantizeQuotient(numerator, denominator, 0, output).raw;
    };
  }
  if (input.wordLength <= options.lookupBits) {
    return (raw) => quantizeFloat64(evaluateFunction(definition, Number(raw) * 2 ** -fractionLength), output).raw;
  }
  const { lookupBits, interpolate, tableRange: range } = options;
  const datapath = { input: { ...output, format: input }, output };
  const made = lookupTable({
    function: definition,
    datapath,
    lookupBits,
    interpolate,
    range,
    seed: 0,
    name: "",
    where: "",
  });
  const { base, shift, entries } = made.setting;
  const width = 2n ** BigInt(shift);
  const word = (entry: bigint): bigint => rawAt(made.raws, Number(entry), made.format);
  const clamp = (value: bigint, last: bigint): bigint => (value < 0n ? 0n : value > last ? last : value);
  return (raw) => {
    const last = BigInt(entries - 1);
    // Divided downwards.
    const entry = (raw - base - ((((raw - base) % width) + width) % width)) / width;
    if (!made.symbol.interpolated) return word(clamp(entry, last));
    if (entry < 0n) return quantize(word(0n), made.format.fractionLength, output).raw;
    if (entry >= last) return quantize(word(last), made.format.fractionLength, output).raw;
    const fraction = raw - base - entry * width;
    const weighted = word(entry) * (width - fraction) + word(entry + 1n) * fraction;
    return quantizeQuotient(weighted, width, made.format.fractionLength, output).raw;
  };
}
