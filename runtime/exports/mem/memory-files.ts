/** The words of a network as files for `$readmemh`: constants, images and what every layer makes of them. */
import type { Compilation } from "../../../compiler/compile.ts";
import type { GraphNode } from "../../../compiler/graph/graph.ts";
import { layerFacts } from "../../../compiler/quantization/layer-facts.ts";
import { quantizeConstants } from "../../../compiler/quantization/quantize-tensor.ts";
import { diagnosticError, InvariantError } from "../../../isa/diagnostic.ts";
import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import type { Raws } from "../../../isa/numerics/raws.ts";
import type { Program, TensorSymbol } from "../../../isa/program/program.ts";
import { LAYER_AXES } from "../../dump/dump.ts";
import { layerTensors } from "../../dump/layer-tensors.ts";
import { inputLayer, tensorSymbol } from "../../session/host-input.ts";
import { layerIdentifiers } from "../identifiers.ts";
import { hexWords } from "./words.ts";

/** What a file holds: words of one register. */
export type MemoryRole = "input" | "weight" | "scale" | "bias" | "table" | "output";

export interface MemoryFile {
  readonly file: string;
  /** Layer of whose register the words are; the network's input has none. */
  readonly layer: string | null;
  readonly role: MemoryRole;
  /** Sides outermost first, the last one fastest. An image's words follow those of the image before. */
  readonly axes: readonly string[];
  readonly shape: readonly number[];
  readonly format: FixedPointFormat;
  readonly raws: Raws;
}

/** Words of images as a run shows them. */
export interface ImageWords {
  readonly images: number;
  /** images × elements. */
  readonly inputs: Raws;
  /** By tensor. */
  readonly captured: ReadonlyMap<string, Raws>;
}

/** Words of all files together: 256 MiB of text at most. */
const MOST_WORDS = 2 ** 25;

/** In the order in which layers compute, constants before outputs. */
export function memoryFiles({ program, assignment, graph }: Compilation, words: ImageWords): readonly MemoryFile[] {
  const identifiers = layerIdentifiers(["input", ...program.layers.map(({ name }) => `layer ${name}`)]);
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const facts = new Map(layerFacts(graph).map((layer) => [layer.name, layer]));
  const outputs = new Map(layerTensors(program).map(({ name, tensor }) => [name, tensor]));
  const fileOf = (layer: string, role: MemoryRole): string =>
    `${(identifiers.get(`layer ${layer}`) ?? "").replace(/^layer_/, "")}_${role}.mem`;
  const { images } = words;
  const ofImages = (tensor: TensorSymbol): Pick<MemoryFile, "axes" | "shape" | "format"> => {
    return { axes: ["image", ...LAYER_AXES], shape: [images, ...tensor.shape], format: tensor.format };
  };
  const input = tensorSymbol(program, program.input);
  const files: MemoryFile[] = [
    { file: "input.mem", layer: null, role: "input", ...ofImages(input), raws: words.inputs },
  ];
  for (const { name, table } of program.layers) {
    const layer = facts.get(name);
    const datapath = assignment[name];
    if (layer === undefined || datapath === undefined) throw new InvariantError(`nothing is known of layer "${name}"`);
    const constants = quantizeConstants(layer, datapath, program.seed);
    for (const role of ["weight", "scale", "bias"] as const) {
      const quantized = constants[role];
      const spec = datapath[role];
      if (quantized === null || spec === undefined) continue;
      const sides =
        role === "weight" ? kernelSides(nodes.get(name)) : { axes: ["filter"], shape: [quantized.raws.length] };
      files.push({ file: fileOf(name, role), layer: name, role, ...sides, format: spec.format, raws: quantized.raws });
    }
    if (table !== undefined) {
      const raws = constantWords(program, table.tensor);
      const { format } = tensorSymbol(program, table.tensor);
      const sides = { axes: ["entry"], shape: [raws.length] };
      files.push({ file: fileOf(name, "table"), layer: name, role: "table", ...sides, format, raws });
    }
    const tensor = outputs.get(name);
    const raws = tensor && words.captured.get(tensor.name);
    if (tensor === undefined || raws === undefined) continue;
    files.push({ file: fileOf(name, "output"), layer: name, role: "output", ...ofImages(tensor), raws });
  }
  requireSize(files);
  return files;
}

function constantWords({ constants }: Program, tensor: string): Raws {
  const found = constants.find((constant) => constant.tensor === tensor);
  if (found === undefined) throw new InvariantError(`no words of "${tensor}"`);
  return found.raws;
}

function kernelSides(node: GraphNode | undefined): Pick<MemoryFile, "axes" | "shape"> {
  if (node?.op === "dense") return { axes: ["input", "filter"], shape: node.kernel.shape };
  if (node?.op !== "conv2d" && node?.op !== "convTranspose2d") throw new InvariantError("weights of no matrix layer");
  return { axes: ["kernel row", "kernel column", "input channel", "filter"], shape: node.kernel.shape };
}

function requireSize(files: readonly MemoryFile[]): void {
  const words = files.reduce((sum, { raws }) => sum + raws.length, 0);
  if (words <= MOST_WORDS) return;
  throw diagnosticError("EXPORT_SIZE", "--to mem", `${words} words, at most ${MOST_WORDS}`, "give fewer --images");
}

/** Names and contents of the folder's word files. */
export function memoryContents(files: readonly MemoryFile[]): ReadonlyMap<string, string> {
  return new Map(files.map(({ file, raws, format }) => [file, hexWords(raws, format)]));
}

/** The layer whose input register quantizes the images. */
export function quantizingLayer(program: Program): string {
  return inputLayer(program).name;
}
