import { basename, dirname, extname, join, resolve } from "node:path";
import type { Graph } from "../compiler/graph/graph.ts";
import { importTfjsModel, tfjsWeightPaths } from "../compiler/importers/tfjs/index.ts";
import { isNetworkName, loadWeights, NETWORK_NAMES, NETWORKS, type NetworkName } from "../compiler/networks/index.ts";
import type { AssignmentSpecification } from "../compiler/quantization/specification.ts";
import { DEFAULT_LIMITS, requireSizes, type SizeLimits } from "../compiler/size-limits.ts";
import { diagnosticError, nearestName } from "../isa/diagnostic.ts";
import type { ModelOutput } from "../isa/program/model-output.ts";
import type { Program } from "../isa/program/program.ts";
import { PROGRAM_MAGIC, readProgramFile } from "../isa/program/program-file.ts";
import type { Fault } from "../sim/fault.ts";
import { assetPath } from "./assets.ts";
import { isFolder, listFolder, pathInside, readStart, readWholeFile } from "./files.ts";
import { FOREIGN_START, foreignFolder, foreignModel } from "./foreign-model.ts";
import { openOnnxModel } from "./onnx-model.ts";

/** A network to compile. */
export interface OpenedModel {
  readonly name: string;
  readonly graph: Graph;
  /** Registers that the model itself prescribes; empty for one that holds floats alone. */
  readonly assignment: AssignmentSpecification;
  /** What the model calls its outputs; undefined where it declares none but the graph's own. */
  readonly modelOutputs?: readonly ModelOutput[];
  /** Where the weights come from, for reports; null where they are the model's own. */
  readonly weights: string | null;
}

/** What a network known by name is filled with. */
export interface WeightSource {
  /** Model file of the same topology; null draws weights from the seed. */
  readonly weights: string | null;
  readonly seed: number;
  /** How large the network may be; `DEFAULT_LIMITS` where nothing is said. */
  readonly limits?: SizeLimits;
}

/** Bundled models: name → folder under runtime/assets. */
const BUNDLED: ReadonlyMap<string, string> = new Map([["lenet5", "lenet5"]]);

export const BUNDLED_MODELS: readonly string[] = [...BUNDLED.keys()];

const MODEL_JSON_LIMIT = 2 ** 28;
const WEIGHTS_LIMIT = 2 ** 31;

/**
 * Opens a network known by name (compiler/networks), a bundled model by name, a TensorFlow.js layers or graph model (its
 * `model.json` or the folder that holds it), or an ONNX model (its `.onnx` file or a folder with one).
 */
export async function openModel(
  nameOrPath: string,
  source: WeightSource = { weights: null, seed: 1 },
): Promise<OpenedModel> {
  const model = await openAny(nameOrPath, source);
  requireSizes(model.graph, source.limits ?? DEFAULT_LIMITS, nameOrPath);
  return model;
}

async function openAny(nameOrPath: string, source: WeightSource): Promise<OpenedModel> {
  if (isNetworkName(nameOrPath)) return openNetwork(nameOrPath, source);
  if (source.weights !== null) {
    throw diagnosticError(
      "WEIGHTS",
      "--weights",
      `${nameOrPath} has weights of its own`,
      `leave it out, or name a network: ${NETWORK_NAMES.join(", ")}`,
    );
  }
  const bundled = BUNDLED.get(nameOrPath);
  if (bundled !== undefined) return openTfjsModel(nameOrPath, join(assetPath(bundled), "model.json"));
  if (await isFolder(nameOrPath)) return openFile(await modelFileIn(nameOrPath), basename(resolve(nameOrPath)));
  if (!/[./\\]/.test(nameOrPath)) {
    const nearest = nearestName(nameOrPath, [...BUNDLED_MODELS, ...NETWORK_NAMES]);
    const hint =
      nearest === undefined
        ? `known: ${[...BUNDLED_MODELS, ...NETWORK_NAMES].join(", ")}; or name a model.json or an .onnx file; write ./${nameOrPath} for a file of that name`
        : `did you mean ${nearest}?`;
    throw diagnosticError("MODEL", "model", `no model "${nameOrPath}"`, hint);
  }
  const own = basename(nameOrPath).replace(/\.onnx$/i, "");
  const isOwn = isOnnx(nameOrPath) && own !== "model";
  return openFile(nameOrPath, isOwn ? own : basename(dirname(resolve(nameOrPath))));
}

async function openNetwork(name: NetworkName, { weights, seed }: WeightSource): Promise<OpenedModel> {
  const graph = NETWORKS[name](seed);
  if (weights === null) return { name, graph, assignment: {}, weights: `drawn from seed ${seed}` };
  const given = await openModel(weights);
  if (Object.keys(given.assignment).length > 0) {
    throw diagnosticError("WEIGHTS", weights, "prescribes word lengths of its own", "run the file itself as the model");
  }
  return { name, graph: loadWeights(graph, given.graph, weights), assignment: {}, weights };
}

function isOnnx(path: string): boolean {
  return extname(path).toLowerCase() === ".onnx";
}

async function openFile(path: string, name: string): Promise<OpenedModel> {
  const foreign = foreignModel(path, await readStart(path, FOREIGN_START));
  if (foreign !== undefined) throw foreign;
  if (!isOnnx(path)) return openTfjsModel(name, path);
  const { graph, ...prescribed } = await openOnnxModel(path);
  return { name, graph: { ...graph, name }, ...prescribed, weights: null };
}

/** The folder's `model.json`, else its only `.onnx` file. */
async function modelFileIn(folder: string): Promise<string> {
  const files = await listFolder(folder);
  const onnx = files.filter(isOnnx);
  const [only] = onnx;
  const foreign = only === undefined && !files.includes("model.json") ? foreignFolder(folder, files) : undefined;
  if (foreign !== undefined) throw foreign;
  if (files.includes("model.json") || only === undefined) return join(folder, "model.json");
  if (onnx.length === 1) return join(folder, only);
  throw diagnosticError(
    "MODEL",
    folder,
    `found ${onnx.length} ONNX files (${onnx.slice(0, 4).join(", ")}${onnx.length > 4 ? ", …" : ""}), expected one`,
    "name the file",
  );
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
  return { name, graph: { ...importTfjsModel(json, weights, path), name }, assignment: {}, weights: null };
}

function parseJson(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw diagnosticError("MODEL", path, `not JSON: ${what}`, "expected the model.json of a TensorFlow.js model");
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
