import { dirname } from "node:path";
import { onnxExternalFiles, readOnnxModel } from "../compiler/importers/onnx/index.ts";
import { type LegalisedNetwork, legalise } from "../compiler/legalisation/index.ts";
import { pathInside, readWholeFile } from "./files.ts";

/** Bytes of the model and of the files beside it: protobuf's own limit for the one, memory for the others. */
const MODEL_LIMIT = 2 ** 31 - 1;
const EXTERNAL_LIMIT = 2 ** 32;

/** An ONNX file and the files beside it that its tensors lie in, which must be in its folder, as a network. */
export async function openOnnxModel(path: string): Promise<LegalisedNetwork> {
  const bytes = await readWholeFile(path, MODEL_LIMIT);
  const external = new Map<string, Uint8Array>();
  let left = EXTERNAL_LIMIT;
  for (const { path: relative } of onnxExternalFiles(bytes, path)) {
    if (external.has(relative)) continue;
    const file = await readWholeFile(pathInside(dirname(path), relative, path), Math.min(left, MODEL_LIMIT));
    left -= file.length;
    external.set(relative, file);
  }
  return legalise(readOnnxModel(bytes, path, external), { where: path });
}
