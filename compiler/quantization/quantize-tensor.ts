/** Weights and biases become words at compile time, through the same quantization as every register of the machine. */
import type { DatapathSpec } from "../../isa/datapath.ts";
import type { CompileOverflow } from "../../isa/program.ts";
import { quantizeFloat64Array } from "../../isa/quantize-array.ts";
import { tensorGenerator } from "../../isa/random.ts";
import { allocateRaws, type Raws, setRaw } from "../../isa/raws.ts";
import type { RegisterSpec } from "../../isa/register.ts";
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
  values: Float32Array,
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
  const tensor = (values: Float32Array | null, spec: RegisterSpec, suffix: string): QuantizedTensor | null =>
    values === null ? null : quantizeTensor(values, spec, seed, `${layer.name}/${suffix}`);
  const weight = tensor(layer.weights, datapath.weight, "weight");
  const { requantization, secondMultipliers } = layer;
  if (requantization === null) return { weight, scale: null, bias: tensor(layer.bias, datapath.bias, "bias") };
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
