import { InvariantError } from "../../isa/diagnostic.ts";
import { formatText } from "../../isa/numerics/format.ts";
import { quantizeFloat64 } from "../../isa/numerics/quantize.ts";
import { quantizeFloat64Array } from "../../isa/numerics/quantize-array.ts";
import { tensorGenerator } from "../../isa/numerics/random.ts";
import { allocateRaws, type Raws } from "../../isa/numerics/raws.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import { elementCount, type LayerSymbol, type Program, type TensorSymbol } from "../../isa/program/program.ts";
import { mergeRegisterEvidence, type OverflowSite, type RegisterEvidence } from "../../sim/evidence.ts";
import type { Fault } from "../../sim/fault.ts";
import { HistogramTally, trailingZeros } from "../../sim/value-histogram.ts";

/** Images as words of the program's input tensor, and what quantizing them showed. */
export interface QuantizedImages {
  /** count × elements. */
  readonly raws: Raws;
  readonly register: RegisterSpec;
  readonly evidence: RegisterEvidence;
}

export function tensorSymbol(program: Program, name: string): TensorSymbol {
  const symbol = program.tensors.find((tensor) => tensor.name === name);
  if (symbol === undefined) throw new InvariantError(`the program has no tensor "${name}"`);
  return symbol;
}

/** The first layer that reads the network's input; its input register quantizes the images. */
export function inputLayer(program: Program): LayerSymbol {
  const layer = program.layers.find(({ inputs }) => inputs.includes(program.input));
  if (layer === undefined) throw new InvariantError("no layer reads the program's input");
  return layer;
}

/**
 * Quantizes images on the host, before the machine: `images` holds count × elements floats. Stochastic registers are
 * seeded for every image by (seed, "input/<image>"). Statistics cover the first `observedImages`. `firstImage` is the number of
 * the first image within the whole run.
 */
export function quantizeImages(
  program: Program,
  images: Float32Array,
  count: number,
  observedImages: number,
  firstImage = 0,
): QuantizedImages {
  const symbol = tensorSymbol(program, program.input);
  const register: RegisterSpec = { ...inputLayer(program).datapath.input, format: symbol.format };
  const words = inWords(images, symbol.unit);
  const elements = elementCount(symbol.shape);
  const raws = allocateRaws(symbol.format, count * elements);
  let evidence: RegisterEvidence = { overflow: 0, first: null, statistics: null };
  for (let index = 0; index < count; index++) {
    const image = firstImage + index;
    const values = words.subarray(index * elements, (index + 1) * elements);
    const random = tensorGenerator(program.seed, `input/${image}`);
    let overflow = 0;
    let first: OverflowSite | null = null;
    quantizeFloat64Array(
      values,
      register,
      raws,
      index * elements,
      (pixel, { rounded, raw }) => {
        overflow++;
        first ??= hostSite(image, pixel, rounded, raw);
      },
      random,
      `image ${image}`,
    );
    const statistics = index < observedImages ? observe(values, register, program.seed, image) : null;
    evidence = mergeRegisterEvidence(evidence, { overflow, first, statistics });
  }
  return { raws, register, evidence };
}

/** Values over the scale of the input's words, as float32 like the file's own quantizer, cut to the words that there are. */
export function inWords(images: Float32Array, unit: TensorSymbol["unit"]): Float32Array {
  if (unit === undefined) return images;
  const { scale, lowest = Number.NEGATIVE_INFINITY, highest = Number.POSITIVE_INFINITY } = unit;
  return images.map((value) => Math.min(Math.max(Math.fround(value / scale), lowest), highest));
}

/** A trap in the input register stops a run as one inside the machine does; null where nothing overflowed or nothing traps. */
export function inputTrap({ register, evidence }: Omit<QuantizedImages, "raws">): Fault | null {
  if (register.overflow !== "trap" || evidence.first === null) return null;
  const message = `the network's input does not fit ${formatText(register.format)}, and its register traps`;
  return { kind: "overflow-trap", pc: null, cycle: null, message, site: evidence.first };
}

/** The host has no instruction, cycle or element: −1 stands for each. */
function hostSite(image: number, pixel: number, before: bigint, after: bigint): OverflowSite {
  const nowhere = { instruction: -1, cycle: -1, row: -1, column: -1, channel: 0, step: -1 };
  return { image, ...nowhere, register: "input", pixel, before, after };
}

/** Every float32 is a multiple of 2^−149, the least subnormal: fraction bits in which host rounding errors are exact. */
const FLOAT32_FRACTION = 149;

function observe(
  values: Float32Array,
  register: RegisterSpec,
  seed: number,
  image: number,
): RegisterEvidence["statistics"] {
  const random = tensorGenerator(seed, `input/${image}`);
  const { fractionLength } = register.format;
  const errorFraction = Math.max(FLOAT32_FRACTION, fractionLength);
  const roundedShift = BigInt(errorFraction - fractionLength);
  const exactShift = BigInt(errorFraction - FLOAT32_FRACTION);
  let min: bigint | null = null;
  let max: bigint | null = null;
  let flushedToZero = 0;
  let errorSum = 0n;
  let bits = 0n;
  const histogram = new HistogramTally();
  for (const value of values) {
    const { rounded, raw } = quantizeFloat64(value, register, random);
    bits |= raw < 0n ? -raw : raw;
    if (min === null || rounded < min) min = rounded;
    if (max === null || rounded > max) max = rounded;
    if (value !== 0 && rounded === 0n) {
      flushedToZero++;
      histogram.addUnderflow(BigInt(Math.abs(value) * 2 ** FLOAT32_FRACTION) << exactShift, 1n << roundedShift);
    } else histogram.add(rounded);
    errorSum += (rounded << roundedShift) - (BigInt(value * 2 ** FLOAT32_FRACTION) << exactShift);
  }
  return {
    count: values.length,
    min: min ?? 0n,
    max: max ?? 0n,
    flushedToZero,
    errorSum,
    errorFraction,
    histogram: histogram.histogram(),
    trailingZeros: trailingZeros(bits),
  };
}
