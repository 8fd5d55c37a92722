/**
 * Integer bits beyond which no input of a network can bring its registers: from the words of its weights and from the ranges of
 * its input words alone (isa/numerics/growth.ts), whatever the images.
 */
import type { LayerFacts } from "../../../compiler/quantization/layer-facts.ts";
import { quantizeConstants } from "../../../compiler/quantization/quantize-tensor.ts";
import { bitsNeeded, type FixedPointFormat, FORMAT_LIMITS, rawRange } from "../../../isa/numerics/format.ts";
import { type ExactRange, orderProver } from "../../../isa/numerics/growth.ts";
import { quantize } from "../../../isa/numerics/quantize.ts";
import { type Raws, rawAt } from "../../../isa/numerics/raws.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import type { DatapathRegister, DatapathSpec } from "../../../isa/program/datapath.ts";

/** W − F for each register of a layer for which a bound is known; signed. */
export type ProvenBits = Partial<Record<DatapathRegister, number>>;

/**
 * Layer → bounds, for the datapaths given: an input word is one of its producer's output register, and a register that saturates
 * bounds what follows it. Known for the matrix layers and average pools; the network's own input has none.
 */
export function provenIntegerBits(
  layers: readonly LayerFacts[],
  datapaths: ReadonlyMap<string, DatapathSpec>,
  seed: number,
): ReadonlyMap<string, ProvenBits> {
  const proven = new Map<string, ProvenBits>();
  const written = new Map<string, ExactRange>();
  for (const layer of layers) {
    const datapath = datapaths.get(layer.name);
    if (datapath === undefined) continue;
    const producers = layer.producers.map((name) => written.get(name) ?? null);
    const [producer = null] = producers;
    const bounds = BOUNDS[layer.arithmetic](layer, datapath, within(producer, datapath.input), seed);
    const input = producer === null ? {} : { input: integerBits(within(producer, datapath.input)) };
    const { value, ...bits } = bounds ?? { value: null };
    proven.set(layer.name, { ...input, ...bits, ...(value && { output: integerBits(value) }) });
    written.set(layer.name, within(value, datapath.output));
  }
  return proven;
}

/** Bounds of a layer's registers, and of its values before the output register. */
type Bounds = ProvenBits & { readonly value: ExactRange };

type BoundsOf = (layer: LayerFacts, datapath: DatapathSpec, input: ExactRange, seed: number) => Bounds | null;

const BOUNDS: Readonly<Record<LayerFacts["arithmetic"], BoundsOf>> = {
  matrix: matrixBounds,
  averagePool: ({ terms }, { accumulator }, input) => {
    const sum = { ...input, min: input.min * BigInt(terms), max: input.max * BigInt(terms) };
    return { accumulator: integerBits(quantized(sum, accumulator.format)), value: input };
  },
  maximumPool: (_layer, _datapath, input) => ({ value: input }),
  vector: () => null,
  product: () => null,
  lookup: () => null,
  integer: () => null,
  integerPool: () => null,
  requantize: () => null,
};

function matrixBounds(layer: LayerFacts, datapath: DatapathSpec, input: ExactRange, seed: number): Bounds | null {
  const { weight, bias } = quantizeConstants(layer, datapath, seed);
  if (weight === null || layer.weights === null) return null;
  // Zeros pad, and products may be left out at the border.
  const padded = { ...input, min: input.min < 0n ? input.min : 0n, max: input.max > 0n ? input.max : 0n };
  const filters = layer.weights.length / layer.terms;
  const { product, accumulator } = datapath;
  const weightFormat = datapath.weight.format;
  const biasRange = bias === null ? null : rangeOf(bias.raws, datapath.bias.format);
  const all = rangeOf(weight.raws, weightFormat);
  const products = [all.min, all.max].flatMap((word) => [word * padded.min, word * padded.max]);
  const fractionLength = padded.fractionLength + weightFormat.fractionLength;
  const productRange = quantized({ min: least(products), max: greatest(products), fractionLength }, product.format);
  const prove = orderProver({ input: padded, weightFractionLength: weightFormat.fractionLength, product, accumulator });
  let sum: ExactRange = { min: 0n, max: 0n, fractionLength: 0 };
  for (let filter = 0; filter < filters; filter++) {
    const words = Array.from({ length: layer.terms }, (_, term) =>
      rawAt(weight.raws, term * filters + filter, weightFormat),
    );
    const biasRaw = bias === null ? null : rawAt(bias.raws, filter, datapath.bias.format);
    const addends =
      biasRaw === null
        ? {}
        : { bias: { min: biasRaw, max: biasRaw, fractionLength: datapath.bias.format.fractionLength } };
    sum = hull(sum, prove(words, addends).bound);
  }
  const held = quantized(sum, accumulator.format);
  return {
    weight: integerBits(all),
    ...(biasRange && { bias: integerBits(biasRange) }),
    product: integerBits(productRange),
    accumulator: integerBits(held),
    ...(datapath.sum && { sum: integerBits(quantized(sum, datapath.sum.format)) }),
    // Activations bring no value further from zero.
    value: within(held, accumulator),
  };
}

/** The range of the words of `register` that values of a range become; all its words where no range is known. */
function within(range: ExactRange | null, { format }: RegisterSpec): ExactRange {
  const { min, max } = rawRange(format);
  const all = { min, max, fractionLength: format.fractionLength };
  if (range === null) return all;
  const shifted = quantized(range, format);
  return {
    min: shifted.min > min ? shifted.min : min,
    max: shifted.max < max ? shifted.max : max,
    fractionLength: format.fractionLength,
  };
}

/** Least and greatest value after rounding outwards at the format's last bit, before it fits. */
function quantized({ min, max, fractionLength }: ExactRange, written: FixedPointFormat): ExactRange {
  const format = { ...written, wordLength: FORMAT_LIMITS.exactWordLength, signed: true };
  const outward = (raw: bigint, rounding: "up" | "down"): bigint =>
    quantize(raw, fractionLength, register(format, rounding)).raw;
  return { min: outward(min, "down"), max: outward(max, "up"), fractionLength: format.fractionLength };
}

function hull(a: ExactRange, b: ExactRange): ExactRange {
  const fractionLength = Math.max(a.fractionLength, b.fractionLength);
  const at = (raw: bigint, from: number): bigint => raw << BigInt(fractionLength - from);
  return {
    min: least([at(a.min, a.fractionLength), at(b.min, b.fractionLength)]),
    max: greatest([at(a.max, a.fractionLength), at(b.max, b.fractionLength)]),
    fractionLength,
  };
}

function rangeOf(raws: Raws, format: FixedPointFormat): ExactRange {
  let min = rawAt(raws, 0, format);
  let max = min;
  for (let index = 1; index < raws.length; index++) {
    const raw = rawAt(raws, index, format);
    if (raw < min) min = raw;
    if (raw > max) max = raw;
  }
  return { min, max, fractionLength: format.fractionLength };
}

/** W − F of the shortest signed word at that F. */
function integerBits({ min, max, fractionLength }: ExactRange): number {
  return bitsNeeded(min, max, true) - fractionLength;
}

function least(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (b < a ? b : a));
}

function greatest(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (b > a ? b : a));
}
