/** Weights and biases become words at compile time, through the same quantization as every register of the machine. */

import { quantizeFloat64Array } from "../../isa/numerics/quantize-array.ts";
import { tensorGenerator } from "../../isa/numerics/random.ts";
import { allocateRaws, type Raws, setRaw } from "../../isa/numerics/raws.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { DatapathSpec } from "../../isa/program/datapath.ts";
import type { CompileOverflow } from "../../isa/program/program.ts";
import type { LayerFacts } from "./layer-facts.ts";

export interface QuantizedTensor {
  /** In the order of the values. */
  readonly raws: Raws;
  /** Words that did not fit. */
  readonly clipped: number;
}

/** Constants of a layer, in the model's order; null where the layer has none. */
export interface LayerConstants {
  readonly weight: QuantizedTensor | null;
  /** Multipliers of an integer requantization, and behind them those of a second operand. */
  readonly scale: QuantizedTensor | null;
  readonly bias: QuantizedTensor | null;
}

/** Quantizes finite values in order; `stochastic` draws from the generator of (seed, name). */
export function quantizeTensor(
  values: Float32Array | Float64Array,
  spec: RegisterSpec,
  seed: number,
  name: string,
  where: string = name,
): QuantizedTensor {
  const raws = allocateRaws(spec.format, values.length);
  let clipped = 0;
  const count = (): void => {
    clipped++;
  };
  quantizeFloat64Array(values, spec, raws, 0, count, tensorGenerator(seed, name), where);
  return { raws, clipped };
}

/** The constants of one layer: tensors `<layer>/weight`, `<layer>/scale` and `<layer>/bias`. */
export function quantizeConstants(layer: LayerFacts, datapath: DatapathSpec, seed: number): LayerConstants {
  const tensor = (
    values: Float32Array | Float64Array | null,
    spec: RegisterSpec,
    suffix: string,
  ): QuantizedTensor | null => (values === null ? null : quantizeTensor(values, spec, seed, `${layer.name}/${suffix}`));
  const { requantization, secondMultipliers, weights } = layer;
  const lengths = datapath.weightFractionLengths;
  const aligned = weights && lengths ? alignedWeights(weights, lengths, datapath.weight) : weights;
  const weight = tensor(aligned, datapath.weight, "weight");
  if (requantization === null) {
    const scale = lengths === undefined || datapath.scale === undefined ? null : alignment(lengths, datapath.scale);
    return { weight, scale, bias: tensor(layer.bias, datapath.bias, "bias") };
  }
  const { multipliers, offsets } = requantization;
  return {
    weight,
    scale: integerWords(
      secondMultipliers === null ? multipliers : Float64Array.of(...multipliers, ...secondMultipliers),
      datapath.scale ?? datapath.bias,
    ),
    bias: offsets === null ? null : integerWords(offsets, datapath.bias),
  };
}

/** Weights times 2^e of their filter, exact in doubles: their words at the register's F are those of the filter's own. */
function alignedWeights(weights: Float32Array, lengths: readonly number[], { format }: RegisterSpec): Float64Array {
  const factors = lengths.map((length) => 2 ** (length - format.fractionLength));
  return Float64Array.from(weights, (weight, index) => weight * (factors[index % factors.length] ?? 1));
}

/** 2^−e of every filter. */
function alignment(lengths: readonly number[], scale: RegisterSpec): QuantizedTensor {
  const most = Math.max(...lengths);
  return integerWords(
    Float64Array.from(lengths, (length) => 2 ** (most - length)),
    scale,
  );
}

/** Integers as raws of a format that holds them all. */
function integerWords(values: Float64Array, { format }: RegisterSpec): QuantizedTensor {
  const raws = allocateRaws(format, values.length);
  values.forEach((value, index) => {
    setRaw(raws, index, BigInt(value));
  });
  return { raws, clipped: 0 };
}

/** What `Program.compileOverflow` says of a layer with constants. */
export function compileOverflow(layer: LayerFacts, constants: LayerConstants): CompileOverflow {
  return { layer: layer.name, weight: constants.weight?.clipped ?? 0, bias: constants.bias?.clipped ?? 0 };
}
