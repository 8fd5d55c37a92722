import { quantizeFloat64Array } from "../../isa/quantize-array.ts";
import { tensorGenerator } from "../../isa/random.ts";
import { allocateRaws } from "../../isa/raws.ts";
import type { RegisterSpec } from "../../isa/register.ts";
import type { FloatNetwork, ImageRange } from "../float-reference/interpreter.ts";
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
export async function runExtrinsic(
  network: FloatNetwork,
  images: Float32Array,
  count: number,
  registers: ReadonlyMap<string, RegisterSpec>,
  seed: number,
  onProgress?: (done: number) => void,
): Promise<ExtrinsicResult> {
  const layers = new Map<string, ExtrinsicEvidence>();
  const random = new Map([...registers.keys()].map((name) => [name, tensorGenerator(seed, name)]));
  const outputs = await network.run(
    images,
    count,
    (name, values, batch) => {
      const register = registers.get(name);
      if (register === undefined) return undefined;
      const evidence = layers.get(name) ?? { overflow: 0, first: null, min: Infinity, max: -Infinity };
      layers.set(name, evidence);
      return quantizeValues(values, register, evidence, random.get(name), batch);
    },
    onProgress,
  );
  return { outputs, layers };
}

function quantizeValues(
  values: Float32Array,
  register: RegisterSpec,
  evidence: ExtrinsicEvidence,
  random: ReturnType<typeof tensorGenerator> | undefined,
  batch: ImageRange,
): Float32Array {
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
  for (const value of values) {
    if (value < evidence.min) evidence.min = value;
    if (value > evidence.max) evidence.max = value;
  }
  return rawsToValues(raws, register.format);
}
