/**
 * A dump: raw words of layers, image by image, that some computation gave: this simulator (`run --dump`), or a test bench of
 * RTL. `compare` reads it in the place of a run.
 *
 * JSON Lines. The first line is the header; every other line holds the words of one layer for one image:
 *
 *     {"schema":"macroscope/dump/1","images":2,"layers":[{"name":"fc2","shape":[1,1,10],"format":"16,8"}]}
 *     {"image":0,"layer":"fc2","raws":[-512,37,…]}
 *     {"image":1,"layer":"fc2","raws":[…]}
 *
 * Shapes are rows, columns, channels; words stand in that order, channel fastest, as two's complement integers (from 2^53 on
 * as decimal strings). Images count from 0. Layers and images may be missing, none may come twice, any order will do.
 */

import { z } from "zod";
import { type DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, formatText, parseFormat, rawRange } from "../../isa/format.ts";
import { printableJson } from "../../isa/printable.ts";
import { elementCount } from "../../isa/program.ts";
import { allocateRaws, type Raws, rawAt, setRaw } from "../../isa/raws.ts";

export const DUMP_SCHEMA = "macroscope/dump/1";

/** Bounds of what is written and read: 256 MiB of text, 32 million words. */
export const DUMP_LIMITS = {
  bytes: 268_435_456,
  words: 33_554_432,
  images: 100_000_000,
  layers: 100_000,
  side: 16_777_216,
} as const;

export interface DumpLayer {
  readonly name: string;
  /** Rows, columns, channels. */
  readonly shape: readonly [number, number, number];
  readonly format: FixedPointFormat;
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

  /** Consecutive images of one layer: images × elements. */
  add({ name, shape, format }: DumpLayer, firstImage: number, raws: Raws): void {
    const elements = elementCount(shape);
    this.#words += raws.length;
    if (this.#words > DUMP_LIMITS.words) {
      const what = `more than ${DUMP_LIMITS.words} words`;
      throw diagnosticError("DUMP", "--dump", what, "give fewer --images, or a smaller --observe");
    }
    for (let start = 0, image = firstImage; start < raws.length; start += elements, image++) {
      const words = Array.from({ length: elements }, (_, index) => wordText(rawAt(raws, start + index, format)));
      this.#lines.push(`{"image":${image},"layer":${printableJson(JSON.stringify(name))},"raws":[${words.join(",")}]}`);
    }
  }

  /** The whole file. `images`: of the run. */
  text(images: number): string {
    const layers = this.#layers.map(({ name, shape, format }) => ({ name, shape, format: formatText(format) }));
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

const headerSchema = z.strictObject({
  schema: z.literal(DUMP_SCHEMA),
  images: z.int().min(1).max(DUMP_LIMITS.images),
  layers: z
    .array(z.strictObject({ name: z.string().min(1), shape: z.tuple([side, side, side]), format: z.string() }))
    .min(1)
    .max(DUMP_LIMITS.layers),
});

const wordSchema = z.union([z.int(), z.string().regex(/^-?[0-9]{1,40}$/, "expected an integer")]);
const recordSchema = z.strictObject({ image: z.int().min(0), layer: z.string(), raws: z.array(wordSchema) });

/** Reads a dump; everything wrong with it is a `DiagnosticError` DUMP that names the line. */
export function parseDump(text: string, where: string): Dump {
  const lines = text.split("\n");
  const header = parsedLine(headerSchema, lines[0] ?? "", `${where}, line 1`);
  const layers = header.layers.map(
    ({ name, shape, format }): DumpLayer => ({ name, shape, format: parseFormat(format, `${where}, line 1: ${name}`) }),
  );
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
