/**
 * A dump: raw words of layers, image by image, that some computation gave: this simulator (`run --dump`), or a test bench of
 * RTL. `compare` reads it in the place of a run.
 *
 * JSON Lines. The first line is the header; every other line holds the words of one layer for one image:
 *
 *     {"schema":"macroscope/dump/2","images":2,"layers":[{"name":"fc2","axes":["row","column","channel"],"shape":[1,1,10],"format":"16,8"}]}
 *     {"image":0,"layer":"fc2","raws":[-512,37,…]}
 *     {"image":1,"layer":"fc2","raws":[…]}
 *
 * Words stand in row-major order of the layer's axes, the last one fastest, as two's complement integers (from 2^53 on as
 * decimal strings). The layer that yields the network's output has the axes of the model's own output where the model declares
 * one (`outputs` says which), all others row, column, channel. Where words are those of the model's own quantizer, `unit` says
 * what they stand for: value = word · scale, and the file's integer is word + zeroPoint. Images count from 0. Layers and images may be missing, none may
 * come twice, any order will do. In version 1 of the schema there are no axes: all are row, column, channel.
 */

import { z } from "zod";
import { parseAnyFormat } from "../../compiler/quantization/format-notations.ts";
import { type DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, formatText, rawRange } from "../../isa/format.ts";
import type { ModelOutput } from "../../isa/model-output.ts";
import { printableJson } from "../../isa/printable.ts";
import { elementCount } from "../../isa/program.ts";
import { allocateRaws, type Raws, rawAt, setRaw } from "../../isa/raws.ts";

export const DUMP_SCHEMA = "macroscope/dump/2";
const FIRST_SCHEMA = "macroscope/dump/1";

/** Bounds of what is written and read: 256 MiB of text, 32 million words. */
export const DUMP_LIMITS = {
  bytes: 268_435_456,
  words: 33_554_432,
  images: 100_000_000,
  layers: 100_000,
  side: 16_777_216,
  axes: 64,
} as const;

/** Axes of every layer in memory. */
export const LAYER_AXES: readonly string[] = ["row", "column", "channel"];

export interface DumpLayer {
  readonly name: string;
  /** What the sides of the shape are, outermost first. */
  readonly axes: readonly string[];
  readonly shape: readonly number[];
  readonly format: FixedPointFormat;
  /** What a word stands for, where it is a word of the model's own quantizer: value = word · scale, the file's integer word + zeroPoint. */
  readonly unit?: { readonly scale: number; readonly zeroPoint: number };
  /** Outputs of the model that the words are, one behind the other; absent for words in the order of memory. */
  readonly outputs?: readonly Pick<ModelOutput, "name" | "shape">[];
}

/** The layer of the network's output in the order of the model's own outputs: the shape of the only one, or one line of all. */
export function inOutputOrder(name: string, format: FixedPointFormat, modelOutputs: readonly ModelOutput[]): DumpLayer {
  const outputs = modelOutputs.map(({ name: output, shape }) => ({ name: output, shape }));
  const [only, ...others] = outputs;
  if (only !== undefined && others.length === 0) {
    return { name, axes: only.shape.map((_, axis) => `axis ${axis}`), shape: only.shape, format, outputs };
  }
  const elements = outputs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return { name, axes: ["element"], shape: [elements], format, outputs };
}

export interface Dump {
  readonly images: number;
  readonly layers: readonly DumpLayer[];
  /** Words of one layer for one image, null where the dump has none. */
  words(layer: string, image: number): Raws | null;
}

/** Collects words as the lines of a dump. */
export class DumpWriter {
  readonly #layers: readonly DumpLayer[];
  readonly #lines: string[] = [];
  #words = 0;

  constructor(layers: readonly DumpLayer[]) {
    this.#layers = layers;
  }

  /**
   * Consecutive images of one layer: images × elements. `places`: where in an image's raws each word stands, in the order of the
   * dump; null where they stand in that order.
   */
  add({ name, shape, format }: DumpLayer, firstImage: number, raws: Raws, places: Int32Array | null = null): void {
    const elements = elementCount(shape);
    this.#words += raws.length;
    if (this.#words > DUMP_LIMITS.words) {
      const what = `more than ${DUMP_LIMITS.words} words`;
      throw diagnosticError("DUMP", "--dump", what, "give fewer --images, or a smaller --observe");
    }
    for (let start = 0, image = firstImage; start < raws.length; start += elements, image++) {
      const words = Array.from({ length: elements }, (_, index) =>
        wordText(rawAt(raws, start + (places?.[index] ?? index), format)),
      );
      this.#lines.push(`{"image":${image},"layer":${printableJson(JSON.stringify(name))},"raws":[${words.join(",")}]}`);
    }
  }

  /** The whole file. `images`: of the run. */
  text(images: number): string {
    const layers = this.#layers.map(({ name, axes, shape, format, unit, outputs }) => ({
      name,
      axes,
      shape,
      format: formatText(format),
      unit,
      outputs,
    }));
    return [printableJson(JSON.stringify({ schema: DUMP_SCHEMA, images, layers })), ...this.#lines, ""].join("\n");
  }
}

function wordText(raw: bigint): string {
  const exact = raw > -(2n ** 53n) && raw < 2n ** 53n;
  return exact ? raw.toString() : `"${raw}"`;
}

/** Whether a file that begins like this is meant as a dump. */
export function looksLikeDump(start: string): boolean {
  return /^\s*\{[^\n]*"schema"\s*:\s*"macroscope\/dump\//.test(start);
}

const side = z.int().min(1).max(DUMP_LIMITS.side);

const shape = z.array(side).max(DUMP_LIMITS.axes);
const layerFields = { name: z.string().min(1), format: z.string() } as const;
const outputSchema = z.strictObject({ name: z.string(), shape });

const layerSchema = z
  .strictObject({
    ...layerFields,
    axes: z
      .array(z.string())
      .max(DUMP_LIMITS.axes)
      .default([...LAYER_AXES]),
    shape,
    unit: z.strictObject({ scale: z.number(), zeroPoint: z.int() }).exactOptional(),
    outputs: z.array(outputSchema).min(1).max(DUMP_LIMITS.layers).exactOptional(),
  })
  .refine(({ axes, shape }) => axes.length === shape.length, {
    error: "as many sides as axes are expected; without axes they are row, column, channel",
    path: ["shape"],
  });

const firstLayerSchema = z
  .strictObject({ ...layerFields, shape: z.tuple([side, side, side]) })
  .transform((layer) => ({ ...layer, axes: LAYER_AXES }));

function headerOf<Layer>(schema: string, layer: z.ZodType<Layer>) {
  return z.strictObject({
    schema: z.literal(schema),
    images: z.int().min(1).max(DUMP_LIMITS.images),
    layers: z.array(layer).min(1).max(DUMP_LIMITS.layers),
  });
}

const headerSchema = headerOf(DUMP_SCHEMA, layerSchema);
const firstHeaderSchema = headerOf(FIRST_SCHEMA, firstLayerSchema);

interface ParsedHeader {
  readonly images: number;
  readonly layers: readonly (Omit<DumpLayer, "format"> & { readonly format: string })[];
}

const wordSchema = z.union([z.int(), z.string().regex(/^-?[0-9]{1,40}$/, "expected an integer")]);
const recordSchema = z.strictObject({ image: z.int().min(0), layer: z.string(), raws: z.array(wordSchema) });

/** Reads a dump; everything wrong with it is a `DiagnosticError` DUMP that names the line. */
export function parseDump(text: string, where: string): Dump {
  const lines = text.split("\n");
  const isFirst = (lines[0] ?? "").includes(`"${FIRST_SCHEMA}"`);
  const header = parsedLine<ParsedHeader>(
    isFirst ? firstHeaderSchema : headerSchema,
    lines[0] ?? "",
    `${where}, line 1`,
  );
  const layers = header.layers.map(({ format, ...layer }): DumpLayer => {
    return { ...layer, format: parseAnyFormat(format, `${where}, line 1: ${layer.name}`) };
  });
  const known = new Map(layers.map((layer) => [layer.name, layer]));
  if (known.size < layers.length)
    throw dumpError(`${where}, line 1`, "two layers have one name", "name each layer once");
  const words = new Map<string, Raws>();
  let count = 0;
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line.trim() === "") continue;
    const place = `${where}, line ${index + 1}`;
    const { image, layer: name, raws } = parsedLine(recordSchema, line, place);
    const layer = known.get(name);
    if (layer === undefined) throw dumpError(place, `no layer "${name}" in the header`, "name the header's layers");
    if (image >= header.images) throw dumpError(place, `image ${image} of ${header.images}`, "count images from 0");
    const elements = elementCount(layer.shape);
    if (raws.length !== elements) {
      const shape = layer.shape.join(" × ");
      throw dumpError(place, `${raws.length} words, expected ${shape} = ${elements}`, "give every word of the layer");
    }
    count += elements;
    if (count > DUMP_LIMITS.words) throw dumpError(place, `more than ${DUMP_LIMITS.words} words`, "dump fewer images");
    const key = keyOf(name, image);
    if (words.has(key)) throw dumpError(place, `image ${image} of ${name} stands there twice`, "write it once");
    words.set(key, packedWords(raws, layer.format, place));
  }
  return { images: header.images, layers, words: (layer, image) => words.get(keyOf(layer, image)) ?? null };
}

function keyOf(layer: string, image: number): string {
  return `${image} ${layer}`;
}

function packedWords(words: readonly (number | string)[], format: FixedPointFormat, place: string): Raws {
  const { min, max } = rawRange(format);
  const raws = allocateRaws(format, words.length);
  for (const [index, word] of words.entries()) {
    const raw = BigInt(word);
    if (raw < min || raw > max) {
      const what = `word ${index} is ${raw}, outside ${formatText(format)}, ${min} … ${max}`;
      throw dumpError(place, what, "write two's complement integers of the header's format");
    }
    setRaw(raws, index, raw);
  }
  return raws;
}

function parsedLine<T>(schema: z.ZodType<T>, line: string, place: string): T {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw dumpError(place, "not a line of JSON", "write one JSON object per line");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") ?? "";
  throw dumpError(field === "" ? place : `${place}: ${field}`, issue?.message ?? "malformed", "see compare --help");
}

function dumpError(where: string, what: string, hint: string): DiagnosticError {
  return diagnosticError("DUMP", where, what, hint);
}
