/** Registers of a layer of an integer network: all follow from the integers, so that no sum and no product loses a bit. */
import type { DatapathSpec } from "../../isa/datapath.ts";
import { diagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, fixedPoint } from "../../isa/format.ts";
import { productFormat, sumOfTermsFormat } from "../../isa/growth.ts";
import { type RegisterSpec, register } from "../../isa/register.ts";
import type { IntegerRequantization } from "../graph/graph.ts";
import type { LayerContext } from "./layer-context.ts";

/**
 * input (W, 0) × weight → exact product → exact accumulator × scale (raw M, F = shift) + bias (raw B, F = shift) → output.
 * Throws `DiagnosticError` INTEGER_FORMAT where the input has fraction bits, or the output's range is that of no word.
 */
export function integerDatapath({ layer, where }: LayerContext, input: RegisterSpec): DatapathSpec {
  const { requantization, weights } = layer;
  if (requantization === null || weights === null) throw new InvariantError(`"${layer.name}" is no integer layer`);
  if (input.format.fractionLength !== 0) {
    throw diagnosticError(
      "INTEGER_FORMAT",
      `${where}: input`,
      `an integer layer's input has ${input.format.fractionLength} fraction bits, and its words are integers`,
      'give the layer an input without fraction bits, e.g. input: "u8,0" for pixels',
    );
  }
  const { multipliers, offsets, shift } = requantization;
  const weight = register(integerFormat(weights, 0));
  const product = register(productFormat(input.format, weight.format));
  const accumulator = register(sumOfTermsFormat(product.format, layer.terms));
  const scale = register(integerFormat(multipliers, shift));
  const bias = offsets === null ? scale : register(integerFormat(offsets, shift));
  const output = integerOutput(requantization, where);
  return { input, weight, product, accumulator, scale, bias, output, averageDivider: false };
}

/** The word whose range is minimum … maximum. */
export function integerOutput({ minimum, maximum, rounding }: IntegerRequantization, where: string): RegisterSpec {
  for (let wordLength = 1; wordLength <= 53; wordLength++) {
    const half = 2 ** (wordLength - 1);
    if (minimum === 0 && maximum === 2 * half - 1) return register(fixedPoint(wordLength, 0, false), rounding);
    if (minimum === -half && maximum === half - 1) return register(fixedPoint(wordLength, 0), rounding);
    if (minimum === 1 - half && maximum === half - 1 && wordLength > 1) {
      return register(fixedPoint(wordLength, 0), rounding, "saturate-symmetric");
    }
  }
  throw diagnosticError(
    "INTEGER_FORMAT",
    `${where}: output`,
    `the range ${minimum} … ${maximum} is that of no word`,
    "only 0 … 2^W − 1, −2^(W−1) … 2^(W−1) − 1 and the symmetric range run on the accelerator",
  );
}

/** The shortest signed format that holds the integers as raws. */
function integerFormat(values: ArrayLike<number>, fractionLength: number): FixedPointFormat {
  let wordLength = 1;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0;
    while (value >= 2 ** (wordLength - 1) || value < -(2 ** (wordLength - 1))) wordLength++;
  }
  return fixedPoint(wordLength, fractionLength);
}
