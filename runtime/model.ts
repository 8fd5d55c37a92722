import { basename, dirname, join } from "node:path";
import type { Graph } from "../compiler/graph/graph.ts";
import { importTfjsLayersModel, tfjsWeightPaths } from "../compiler/importers/tfjs/index.ts";
import { diagnosticError, nearestName } from "../isa/diagnostic.ts";
import type { Program } from "../isa/program.ts";
import { PROGRAM_MAGIC, readProgramFile } from "../isa/program-file.ts";
import type { Fault } from "../sim/fault.ts";
import { assetPath } from "./assets.ts";
import { isFolder, pathInside, readStart, readWholeFile } from "./files.ts";

/** A network to compile. */
export interface OpenedModel {
  readonly name: string;
  readonly graph: Graph;
}

/** Bundled models: name → folder under runtime/assets. */
const BUNDLED: ReadonlyMap<string, string> = new Map([["lenet5", "lenet5"]]);

export const BUNDLED_MODELS: readonly string[] = [...BUNDLED.keys()];

const MODEL_JSON_LIMIT = 2 ** 28;
const WEIGHTS_LIMIT = 2 ** 31;

/** Opens a bundled model by name, or a TensorFlow.js layers model: its `model.json` or the folder that holds it. */
export async function openModel(nameOrPath: string): Promise<OpenedModel> {
  const bundled = BUNDLED.get(nameOrPath);
  if (bundled !== undefined) return openTfjsModel(nameOrPath, join(assetPath(bundled), "model.json"));
  if (await isFolder(nameOrPath)) {
    return openTfjsModel(basename(nameOrPath), join(nameOrPath, "model.json"));
  }
  if (!/[./\\]/.test(nameOrPath)) {
    const nearest = nearestName(nameOrPath, BUNDLED_MODELS);
    const hint =
      nearest === undefined
        ? `bundled: ${BUNDLED_MODELS.join(", ")}; or name a model.json; write ./${nameOrPath} for a file of that name`
        : `did you mean ${nearest}?`;
    throw diagnosticError("MODEL", "model", `no bundled model "${nameOrPath}"`, hint);
  }
  return openTfjsModel(basename(dirname(join(process.cwd(), nameOrPath))), nameOrPath);
}

async function openTfjsModel(name: string, path: string): Promise<OpenedModel> {
  const bytes = await readWholeFile(path, MODEL_JSON_LIMIT);
  const json = parseJson(bytes, path);
  const folder = dirname(path);
  const shards: Uint8Array[] = [];
  let total = 0;
  for (const relative of tfjsWeightPaths(json, path)) {
    const shard = await readWholeFile(pathInside(folder, relative, path), WEIGHTS_LIMIT - total);
    total += shard.length;
    shards.push(shard);
  }
  const weights = new Uint8Array(total);
  let offset = 0;
  for (const shard of shards) {
    weights.set(shard, offset);
    offset += shard.length;
  }
  return { name, graph: { ...importTfjsLayersModel(json, weights, path), name } };
}

function parseJson(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw diagnosticError(
      "MODEL",
      path,
      `not JSON: ${what}`,
      "expected the model.json of a TensorFlow.js layers model",
    );
  }
}

/** Whether a file starts as a compiled program does. */
export async function isProgramFile(path: string): Promise<boolean> {
  if (BUNDLED.has(path) || (await isFolder(path)) || !/[./\\]/.test(path)) return false;
  const bytes = await readStart(path, PROGRAM_MAGIC.length);
  return PROGRAM_MAGIC.every((byte, index) => bytes[index] === byte);
}

/** A compiled program from its file, or the fault of an illegal instruction word in it. */
export async function openProgramFile(path: string): Promise<{ program: Program } | { fault: Fault }> {
  const read = readProgramFile(await readWholeFile(path), path);
  if ("program" in read) return read;
  const { pc, message } = read.illegal;
  return { fault: { kind: "illegal-instruction", pc, cycle: null, message, site: null } };
}
