import { applyQuantizer } from "../../compiler/quantization/quantizers/quantizer.ts";
import type { OutputPoint } from "../../compiler/quantization/resolve-assignment.ts";
import { quantizeFloat64Array } from "../../isa/numerics/quantize-array.ts";
import { tensorGenerator } from "../../isa/numerics/random.ts";
import { allocateRaws } from "../../isa/numerics/raws.ts";
import type { FloatNetwork, ImageRange, NodeObserver } from "../float-reference/interpreter.ts";
import { rawsToValues } from "./values.ts";

/** What the extrinsic datapath showed at the output register of one layer. */
export interface ExtrinsicEvidence {
  overflow: number;
  /** First image, element and value that did not fit. */
  first: { readonly image: number; readonly element: number; readonly before: bigint; readonly after: bigint } | null;
  min: number;
  max: number;
}

export interface ExtrinsicResult {
  /** images × output elements, as values. */
  readonly outputs: Float32Array;
  readonly layers: ReadonlyMap<string, ExtrinsicEvidence>;
}

/**
 * Float inside each layer, fixed point between them: after every layer of `registers` its values go through the output
 * register (the paper's extrinsic quantization, Eq. 6; a layer's output is taken after its activation). Float32 carries a
 * word exactly up to 24 significant bits; wider words are rounded to float32 on the way on, as the paper's own code does.
 */
export class ExtrinsicNetwork {
  /** Of all images so far. */
  readonly layers: ReadonlyMap<string, ExtrinsicEvidence>;
  readonly #network: FloatNetwork;
  readonly #registers: ReadonlyMap<string, OutputPoint>;
  readonly #random: ReadonlyMap<string, ReturnType<typeof tensorGenerator>>;
  readonly #evidence: Map<string, ExtrinsicEvidence>;
  /** Number of the next image. */
  #image: number;

  /** `firstImage` is the number of the first image that it will be given, for the places of overflows. */
  constructor(network: FloatNetwork, registers: ReadonlyMap<string, OutputPoint>, seed: number, firstImage = 0) {
    this.#image = firstImage;
    this.#network = network;
    this.#registers = registers;
    this.#random = new Map([...registers.keys()].map((name) => [name, tensorGenerator(seed, name)]));
    this.#evidence = new Map();
    this.layers = this.#evidence;
  }

  /** The next `count` images: outputs, images × output elements, as values. */
  async run(images: Float32Array, count: number, onProgress?: (done: number) => void): Promise<Float32Array> {
    const observe: NodeObserver = (name, values, { first, count: images }) => {
      const register = this.#registers.get(name);
      if (register === undefined) return undefined;
      const evidence = this.#evidence.get(name) ?? { overflow: 0, first: null, min: Infinity, max: -Infinity };
      this.#evidence.set(name, evidence);
      const batch = { first: this.#image + first, count: images };
      return quantizeValues(name, values, register, evidence, this.#random.get(name), batch);
    };
    const outputs = await this.#network.run(images, count, observe, onProgress);
    this.#image += count;
    return outputs;
  }
}

/** All images at once. */
export async function runExtrinsic(
  network: FloatNetwork,
  images: Float32Array,
  count: number,
  registers: ReadonlyMap<string, OutputPoint>,
  seed: number,
): Promise<ExtrinsicResult> {
  const extrinsic = new ExtrinsicNetwork(network, registers, seed);
  const outputs = await extrinsic.run(images, count);
  return { outputs, layers: extrinsic.layers };
}

/**
 * The values as the output passes them on: through its quantizer image by image, then through its register; `evidence` and `random`
 * go on from image to image.
 */
export function quantizeValues(
  layer: string,
  computed: Float32Array,
  register: OutputPoint,
  evidence: ExtrinsicEvidence,
  random: ReturnType<typeof tensorGenerator> | undefined,
  batch: ImageRange,
): Float32Array {
  const values = quantizedByImage(layer, computed, register, batch.count);
  if (register.withoutRegister) {
    observeRange(values, evidence);
    return values;
  }
  const raws = allocateRaws(register.format, values.length);
  const perImage = values.length / batch.count;
  quantizeFloat64Array(
    values,
    register,
    raws,
    0,
    (index, { rounded, raw }) => {
      evidence.overflow++;
      evidence.first ??= {
        image: batch.first + Math.floor(index / perImage),
        element: index % perImage,
        before: rounded,
        after: raw,
      };
    },
    random,
    "layer output",
  );
  observeRange(values, evidence);
  return rawsToValues(raws, register.format);
}

function observeRange(values: Float32Array, evidence: ExtrinsicEvidence): void {
  for (const value of values) {
    if (value < evidence.min) evidence.min = value;
    if (value > evidence.max) evidence.max = value;
  }
}

/** No result depends on how many images are computed at once. */
function quantizedByImage(
  layer: string,
  values: Float32Array,
  { quantizer }: OutputPoint,
  images: number,
): Float32Array {
  if (quantizer === undefined) return values;
  const result = new Float32Array(values.length);
  const perImage = values.length / images;
  for (let image = 0; image < images; image++) {
    const part = values.slice(image * perImage, (image + 1) * perImage);
    result.set(
      applyQuantizer(quantizer, part, { role: "output", layer, seed: 0 }, `layer "${layer}": output`),
      image * perImage,
    );
  }
  return result;
}
