import { createHash } from "node:crypto";
import type { Dataset } from "../datasets/dataset.ts";
import { canonicalDigest } from "../exploration/canonical-json.ts";
import type { StudyParts } from "./study-parts.ts";

/** Images whose values stand for all: so many of the first, and so many of the last. */
const SAMPLED_IMAGES = 8;

/**
 * What decides the results of a study's candidates beside their word lengths, as plain data: contents, not paths, and neither
 * workers nor engine. Of the data, the number of images, and values and labels of some. Calibrated ranges are not among
 * it: they decide automatic formats alone. `version` is that of macroscope.
 */
export async function studyIdentity(
  { configuration, data, prepared, prescribed, float }: StudyParts,
  images: number,
  version: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { machine, seed, batchNormalization, preprocessing, labelOffset } = configuration;
  return {
    version,
    graph: canonicalDigest(prepared.graph),
    prescribed,
    machine,
    seed,
    batchNormalization,
    preprocessing,
    labelOffset,
    data: await sampleDigest(data, images),
    floatBackend: float.backend,
  };
}

async function sampleDigest(data: Dataset, images: number): Promise<string> {
  const hash = createHash("sha256");
  const front = Math.min(SAMPLED_IMAGES, images);
  const back = Math.min(SAMPLED_IMAGES, images - front);
  for (const [first, count] of [
    [0, front],
    [images - back, back],
  ] as const) {
    if (count === 0) continue;
    const { values, labels } = await data.read(first, count);
    for (const array of [values, labels ?? new Int32Array(0)]) {
      hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    }
  }
  return hash.digest("hex");
}
