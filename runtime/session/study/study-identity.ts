import { createHash } from "node:crypto";
import type { Dataset } from "../../datasets/dataset.ts";
import { canonicalDigest } from "../../exploration/journal/canonical-json.ts";
import type { ImageSpan } from "../../results/evaluation.ts";
import type { StudyParts } from "./study-parts.ts";

/**
 * What decides the results of a study's candidates beside their word lengths and images, as plain data: contents, not paths,
 * and neither workers nor engine. The first `images` images stand for the data. Calibrated ranges are not among it: they
 * decide automatic formats alone. `version` is that of macroscope.
 */
export async function studyIdentity(
  { configuration, data, prepared, prescribed, float }: StudyParts,
  images: number,
  version: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { machine, seed, batchNormalization, preprocessing, labelOffset } = configuration;
  const { equalize } = prepared.assignment;
  return {
    version,
    ...(typeof equalize === "object" && { equalize }),
    graph: canonicalDigest(prepared.graph),
    prescribed,
    modelOutputs: prepared.modelOutputs,
    machine,
    seed,
    batchNormalization,
    preprocessing,
    labelOffset,
    data: await imagesDigest(data, { first: 0, images }),
    floatBackend: float.backend,
  };
}

/** SHA-256 of the values and labels of images. */
export async function imagesDigest(data: Dataset, { first, images }: ImageSpan): Promise<string> {
  const hash = createHash("sha256");
  for (let image = first; image < first + images; image++) {
    // One by one: how many are read at once must not matter.
    const { values, labels } = await data.read(image, 1);
    for (const array of [values, labels ?? new Int32Array(0)]) {
      hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    }
  }
  return hash.digest("hex");
}
