/**
 * Registers of a layer of an integer network: all follow from the integers, so that no sum and no product loses a bit. What the
 * entry under the layer's own name says of weight, product, accumulator and output comes before.
 */

import { diagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, fixedPoint } from "../../isa/numerics/format.ts";
import { productFormat, sumFormat, sumOfTermsFormat } from "../../isa/numerics/growth.ts";
import { type RegisterSpec, register } from "../../isa/numerics/register.ts";
import type { DatapathSpec } from "../../isa/program/datapath.ts";
import type { IntegerRequantization } from "../graph/graph.ts";
import { integerOutputWord } from "./integer-output.ts";
import type { LayerContext } from "./layer-context.ts";
import { readRegister, USUAL_STYLE } from "./read-register.ts";

/**
 * input (W, 0) × weight → exact product → exact accumulator × scale (raw M, F = shift) + bias (raw B, F = shift) → output.
 * Throws `DiagnosticError` INTEGER_FORMAT where the input has fraction bits, or no word holds the output's range.
 */
export function integerDatapath(context: LayerContext, input: RegisterSpec): DatapathSpec {
  const { layer } = context;
  const { weights } = layer;
  if (weights === null) throw new InvariantError(`"${layer.name}" has no weights`);
  const weight = named(context, "weight", () => register(integerFormat(weights, 0)));
  const exactProduct = productFormat(input.format, weight.format);
  const product = named(context, "product", () => register(exactProduct), exactProduct);
  const exactSum = sumOfTermsFormat(product.format, layer.terms);
  const accumulator = named(context, "accumulator", () => register(exactSum), exactSum);
  return { input, weight, product, accumulator, ...finish(context, input) };
}

/** input (W, 0) → exact sum of the window × scale + bias → output; likewise. */
export function integerPoolDatapath(context: LayerContext, input: RegisterSpec): DatapathSpec {
  const exactSum = sumOfTermsFormat(input.format, context.layer.terms);
  const accumulator = named(context, "accumulator", () => register(exactSum), exactSum);
  return { input, weight: input, product: input, accumulator, ...finish(context, input) };
}

/** One or two inputs, each in its own word × scale, + bias → output; likewise. The accumulator holds an exact sum of the words. */
export function requantizeDatapath(context: LayerContext, input: RegisterSpec): DatapathSpec {
  const formats = operandFormats(context, input);
  const format = formats.reduce((sum, operand) => sumFormat(sum, operand));
  return { input, weight: input, product: input, accumulator: register(format), ...finish(context, input) };
}

/** The output register: the word that holds the layer's range. `input`: the first operand's register, where the inputs decide. */
export function integerOutput(context: LayerContext, input: () => RegisterSpec): RegisterSpec {
  const { layer, where } = context;
  return named(context, "output", () =>
    integerOutputWord(layer, () => operandFormats(context, input()), `${where}: output`),
  );
}

/** Scale, bias and output, which all integer layers have. */
function finish(
  context: LayerContext,
  input: RegisterSpec,
): Pick<DatapathSpec, "scale" | "bias" | "output" | "averageDivider"> {
  requireWhole(context, input);
  const { multipliers, offsets, shift } = requantizationOf(context);
  const { secondMultipliers } = context.layer;
  const all = secondMultipliers === null ? multipliers : Float64Array.of(...multipliers, ...secondMultipliers);
  const scale = register(integerFormat(all, shift));
  const bias = offsets === null ? scale : register(integerFormat(offsets, shift));
  return { scale, bias, output: integerOutput(context, () => input), averageDivider: false };
}

function requireWhole(context: LayerContext, input: RegisterSpec): void {
  const wrong = operandFormats(context, input).find(({ fractionLength }) => fractionLength !== 0);
  if (wrong === undefined) return;
  throw diagnosticError(
    "INTEGER_FORMAT",
    `${context.where}: input`,
    `an integer layer's input has ${wrong.fractionLength} fraction bits, and its words are integers`,
    'give the layer an input without fraction bits, e.g. input: "u8,0" for pixels',
  );
}

/** One format per producer: as it writes them, or as the layer loads them. */
function operandFormats(
  { entry, producerOutputs }: LayerContext,
  { format }: RegisterSpec,
): readonly FixedPointFormat[] {
  if (entry.input !== undefined) return producerOutputs.map(() => format);
  return producerOutputs.map((produced) => produced?.format ?? format);
}

function requantizationOf({ layer }: LayerContext): IntegerRequantization {
  if (layer.requantization === null) throw new InvariantError(`"${layer.name}" is no integer layer`);
  return layer.requantization;
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

/** The shortest signed format that holds the integers as raws. */
function integerFormat(values: ArrayLike<number>, fractionLength: number): FixedPointFormat {
  let wordLength = 1;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0;
    while (value >= 2 ** (wordLength - 1) || value < -(2 ** (wordLength - 1))) wordLength++;
  }
  return fixedPoint(wordLength, fractionLength);
}
