/** A trained network as the two files of the TensorFlow.js layers format: `model.json` and one float32 shard. */
import { InvariantError } from "../../isa/diagnostic.ts";
import type { LayersModel, TensorFlow } from "./tensorflow.ts";

export interface ModelFiles {
  /** The text of `model.json`; it names its shard `weights.bin`. */
  readonly topology: string;
  /** The bytes of `weights.bin`: all weights one after the other, little-endian float32. */
  readonly weights: Uint8Array;
}

export async function modelFiles(tf: TensorFlow, model: LayersModel): Promise<ModelFiles> {
  let files: ModelFiles | undefined;
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      if (weightData === undefined || weightSpecs === undefined) throw new InvariantError("a model without weights");
      const manifest = {
        format: "layers-model",
        generatedBy: `TensorFlow.js tfjs-layers v${tf.version["tfjs-layers"]}`,
        convertedBy: null,
        modelTopology,
        weightsManifest: [{ paths: ["weights.bin"], weights: weightSpecs }],
      };
      files = {
        topology: `${JSON.stringify(manifest, null, 2)}\n`,
        weights: new Uint8Array(tf.io.concatenateArrayBuffers([weightData].flat())),
      };
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    }),
  );
  if (files === undefined) throw new InvariantError("the model was not handed over for saving");
  return files;
}
