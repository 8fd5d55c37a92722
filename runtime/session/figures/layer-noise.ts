import type { Raws } from "../../../isa/numerics/raws.ts";
import type { Program } from "../../../isa/program/program.ts";
import type { FloatNetwork, ImageRange } from "../../float-reference/interpreter.ts";
import { ErrorMeter } from "../../metrics/error.ts";
import type { LayerNoise } from "../../results/run-report.ts";
import { tensorSymbol } from "../host-input.ts";
import { rawsToValues } from "../values.ts";

/** Consecutive images of which all values are known on both sides. */
export interface ObservedImages {
  readonly count: number;
  /** count × elements, as the float network takes them. */
  readonly values: Float32Array;
  /** The same quantized: words of the program's input tensor. */
  readonly inputs: Raws;
  /** Tensor name → count × elements. */
  readonly captured: ReadonlyMap<string, Raws>;
}

interface LayerMeters {
  readonly own: ErrorMeter;
  readonly output: ErrorMeter;
  powerAtLayer: number;
  powerAtOutput: number;
  elementsAtLayer: number;
  elementsAtOutput: number;
}

/**
 * The noise that each layer adds by itself and what of it reaches the network's output. One float pass in which every layer is
 * fed the fixed-point values of the machine shows what each layer would have given in float: the difference is its own noise. One
 * more pass for each layer adds that noise to the layer's float values and leaves everything else in float.
 */
export class LayerNoiseMeter {
  readonly #program: Program;
  readonly #network: FloatNetwork;
  readonly #layers: Map<string, LayerMeters> = new Map<string, LayerMeters>();

  /** `network`: its nodes are the program's layers. */
  constructor(program: Program, network: FloatNetwork) {
    this.#program = program;
    this.#network = network;
  }

  async add(images: ObservedImages, signal?: AbortSignal): Promise<void> {
    const { values, count, inputs, captured } = images;
    const fixed = new Map<string, Float32Array>();
    for (const { name, output } of this.#program.layers) {
      const raws = captured.get(output);
      if (raws !== undefined) fixed.set(name, rawsToValues(raws, tensorSymbol(this.#program, output).format));
    }
    const quantized = rawsToValues(inputs, tensorSymbol(this.#program, this.#program.input).format);
    const output = await this.#network.run(values, count);
    const own = new Map<string, Float32Array>();
    await this.#network.run(values, count, (name, found, batch) => {
      if (name === this.#network.inputName) return part(quantized, batch, count);
      const layer = this.#network.layerOf(name) ?? name;
      const replaced = fixed.get(layer);
      if (replaced === undefined || replaced.length !== found.length * (count / batch.count)) return undefined;
      place(own, layer, found, batch, count);
      return part(replaced, batch, count);
    });
    for (const [name, float] of own) {
      signal?.throwIfAborted();
      await this.#addLayer(name, float, fixed.get(name) ?? float, output, images);
    }
  }

  /** By layer; layers without a tensor of their own are absent. */
  figures(): ReadonlyMap<string, LayerNoise> {
    const entries = [...this.#layers].map(([name, meters]): [string, LayerNoise] => {
      const atLayer = meters.powerAtLayer / meters.elementsAtLayer;
      const atOutput = meters.powerAtOutput / meters.elementsAtOutput;
      return [
        name,
        {
          ownSqnrDb: meters.own.figures().sqnrDb,
          outputSqnrDb: meters.output.figures().sqnrDb,
          gain: atLayer > 0 ? atOutput / atLayer : null,
        },
      ];
    });
    return new Map(entries);
  }

  async #addLayer(
    name: string,
    float: Float32Array,
    fixed: Float32Array,
    output: Float32Array,
    { values, count }: ObservedImages,
  ): Promise<void> {
    const meters = this.#meters(name);
    meters.own.add(float, fixed);
    const noise = float.map((value, index) => (fixed[index] ?? 0) - value);
    const power = sumOfSquares(noise);
    const noisy =
      power === 0
        ? output
        : await this.#network.run(values, count, (node, found, batch) => {
            if (this.#network.layerOf(node) !== name) return undefined;
            const added = part(noise, batch, count);
            return found.map((value, index) => value + (added[index] ?? 0));
          });
    meters.output.add(output, noisy);
    meters.powerAtLayer += power;
    meters.powerAtOutput += sumOfSquares(noisy.map((value, index) => value - (output[index] ?? 0)));
    meters.elementsAtLayer += float.length;
    meters.elementsAtOutput += output.length;
  }

  #meters(name: string): LayerMeters {
    const known = this.#layers.get(name);
    if (known !== undefined) return known;
    const meters = {
      own: new ErrorMeter(),
      output: new ErrorMeter(),
      powerAtLayer: 0,
      powerAtOutput: 0,
      elementsAtLayer: 0,
      elementsAtOutput: 0,
    };
    this.#layers.set(name, meters);
    return meters;
  }
}

/** The images of a batch out of all values. */
function part(all: Float32Array, { first, count }: ImageRange, images: number): Float32Array {
  const elements = all.length / images;
  return all.slice(first * elements, (first + count) * elements);
}

function place(
  values: Map<string, Float32Array>,
  name: string,
  found: Float32Array,
  { first, count }: ImageRange,
  images: number,
): void {
  const elements = found.length / count;
  const all = values.get(name) ?? new Float32Array(elements * images);
  all.set(found, first * elements);
  values.set(name, all);
}

function sumOfSquares(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}
