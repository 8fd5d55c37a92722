/**
 * Registers of a layer of an integer network: all follow from the integers, so that no sum and no product loses a bit. What the
 * entry under the layer's own name says of weight, product, accumulator and output comes before.
 */
import type { DatapathSpec } from "../../isa/datapath.ts";
import { diagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, fixedPoint } from "../../isa/format.ts";
import { productFormat, sumOfTermsFormat } from "../../isa/growth.ts";
import { type RegisterSpec, register } from "../../isa/register.ts";
import type { IntegerRequantization } from "../graph/graph.ts";
import type { LayerContext } from "./layer-context.ts";
import { readRegister, USUAL_STYLE } from "./read-register.ts";

/**
 * input (W, 0) × weight → exact product → exact accumulator × scale (raw M, F = shift) + bias (raw B, F = shift) → output.
 * Throws `DiagnosticError` INTEGER_FORMAT where the input has fraction bits, or the output's range is that of no word.
 */
export function integerDatapath(context: LayerContext, input: RegisterSpec): DatapathSpec {
  const { layer, where } = context;
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
  const weight = named(context, "weight", () => register(integerFormat(weights, 0)));
  const exactProduct = productFormat(input.format, weight.format);
  const product = named(context, "product", () => register(exactProduct), exactProduct);
  const exactSum = sumOfTermsFormat(product.format, layer.terms);
  const accumulator = named(context, "accumulator", () => register(exactSum), exactSum);
  const scale = register(integerFormat(multipliers, shift));
  const bias = offsets === null ? scale : register(integerFormat(offsets, shift));
  const output = integerOutput(context, requantization);
  return { input, weight, product, accumulator, scale, bias, output, averageDivider: false };
}

/** The output register: the word whose range is the layer's. */
export function integerOutput(context: LayerContext, requantization: IntegerRequantization): RegisterSpec {
  return named(context, "output", () => wordOf(requantization, context.where));
}

/** The register that the entry under the layer's name describes, else the usual one. */
function named(
  { named: entry, where }: LayerContext,
  name: "weight" | "product" | "accumulator" | "output",
  usual: () => RegisterSpec,
  exact?: FixedPointFormat,
): RegisterSpec {
  const written = entry[name];
  if (written === undefined) return usual();
  const rules = exact === undefined ? {} : { exact: () => exact };
  return readRegister(written, USUAL_STYLE, () => usual().format, rules, `${where}: ${name}`);
}

function wordOf({ minimum, maximum, rounding }: IntegerRequantization, where: string): RegisterSpec {
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
