/** Reading dumps. */
import { z } from "zod";
import { parseAnyFormat } from "../../compiler/quantization/format-notations.ts";
import { type DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, formatText, parseFormat, rawRange } from "../../isa/numerics/format.ts";
import { allocateRaws, type Raws, setRaw } from "../../isa/numerics/raws.ts";
import { elementCount } from "../../isa/program/program.ts";
import {
  DUMP_LIMITS,
  DUMP_SCHEMA,
  type Dump,
  type DumpLayer,
  INTERIOR_REGISTERS,
  type InteriorRegister,
  LAYER_AXES,
} from "./dump.ts";

const FIRST_SCHEMA = "macroscope/dump/1";

/** Whether a file that begins like this is meant as a dump. */
export function looksLikeDump(start: string): boolean {
  return /^\s*\{[^\n]*"schema"\s*:\s*"macroscope\/dump\//.test(start);
}

const side = z.int().min(1).max(DUMP_LIMITS.side);

const shape = z.array(side).max(DUMP_LIMITS.axes);
const layerFields = { name: z.string().min(1), format: z.string() } as const;
const outputSchema = z.strictObject({ name: z.string(), shape });

const tensorSchema = z
  .strictObject({
    ...layerFields,
    axes: z
      .array(z.string())
      .max(DUMP_LIMITS.axes)
      .default([...LAYER_AXES]),
    shape,
    unit: z.strictObject({ scale: z.number(), zeroPoint: z.int() }).exactOptional(),
    outputs: z.array(outputSchema).min(1).max(DUMP_LIMITS.layers).exactOptional(),
    registers: z.partialRecord(z.enum(INTERIOR_REGISTERS), z.string()).exactOptional(),
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

const headerSchema = headerOf(DUMP_SCHEMA, tensorSchema).extend({ input: tensorSchema.exactOptional() });
const firstHeaderSchema = headerOf(FIRST_SCHEMA, firstLayerSchema);

type Described = Omit<DumpLayer, "format" | "registers"> & {
  readonly format: string;
  readonly registers?: Readonly<Partial<Record<InteriorRegister, string>>>;
};

interface ParsedHeader {
  readonly images: number;
  readonly input?: Described;
  readonly layers: readonly Described[];
}

const wordSchema = z.union([z.int(), z.string().regex(/^-?[0-9]{1,40}$/, "expected an integer")]);
const image = z.int().min(0);
const raws = z.array(wordSchema);
const layerRecord = z.strictObject({ image, layer: z.string(), raws });
const inputRecord = z.strictObject({ image, input: z.literal(true), raws });
const interiorRecord = z.strictObject({
  image,
  layer: z.string(),
  register: z.enum(INTERIOR_REGISTERS),
  element: z.int().min(0),
  steps: z.array(z.int().min(-2)),
  raws,
});

type Words = z.infer<typeof raws>;

/** Reads a dump; everything wrong with it is a `DiagnosticError` DUMP that names the line. Words of interior registers are checked only. */
export function parseDump(text: string, where: string): Dump {
  const lines = text.split("\n");
  const reader = new DumpReader(lines[0] ?? "", where);
  for (const [index, line] of lines.entries()) {
    if (index > 0 && line.trim() !== "") reader.take(line, `${where}, line ${index + 1}`);
  }
  return reader;
}

class DumpReader implements Dump {
  readonly images: number;
  readonly input: DumpLayer | null;
  readonly layers: readonly DumpLayer[];
  readonly #known: ReadonlyMap<string, DumpLayer>;
  readonly #words = new Map<string, Raws>();
  #count = 0;

  constructor(header: string, where: string) {
    const place = `${where}, line 1`;
    const schema = header.includes(`"${FIRST_SCHEMA}"`) ? firstHeaderSchema : headerSchema;
    const parsed = parsedLine<ParsedHeader>(schema, header, place);
    this.images = parsed.images;
    this.input = parsed.input === undefined ? null : describedLayer(parsed.input, place);
    this.layers = parsed.layers.map((layer) => describedLayer(layer, place));
    this.#known = new Map(this.layers.map((layer) => [layer.name, layer]));
    if (this.#known.size < this.layers.length)
      throw dumpError(place, "two layers have one name", "name each layer once");
  }

  words(layer: string, image: number): Raws | null {
    return this.#words.get(keyOf(layer, image)) ?? null;
  }

  inputWords(image: number): Raws | null {
    return this.#words.get(inputKey(image)) ?? null;
  }

  take(line: string, place: string): void {
    const value = jsonLine(line, place);
    if (typeof value === "object" && value !== null && "register" in value) this.#takeInterior(value, place);
    else if (typeof value === "object" && value !== null && "input" in value) this.#takeInput(value, place);
    else this.#takeLayer(value, place);
  }

  #takeLayer(value: unknown, place: string): void {
    const { image, layer: name, raws } = parsedValue(layerRecord, value, place);
    this.#keep(this.#layer(name, place), keyOf(name, image), { image, raws, whole: "layer" }, place);
  }

  #takeInput(value: unknown, place: string): void {
    const { image, raws } = parsedValue(inputRecord, value, place);
    if (this.input === null) throw dumpError(place, "no input in the header", "say its name, shape and format there");
    this.#keep(this.input, inputKey(image), { image, raws, whole: "input" }, place);
  }

  #takeInterior(value: unknown, place: string): void {
    const { image, layer: name, register, element, steps, raws } = parsedValue(interiorRecord, value, place);
    const { registers, shape } = this.#layer(name, place);
    const format = registers?.[register];
    if (format === undefined)
      throw dumpError(place, `no register ${register} of ${name} in the header`, "name it there");
    const elements = elementCount(shape);
    if (element >= elements) throw dumpError(place, `element ${element} of ${elements}`, "count elements from 0");
    if (steps.length !== raws.length) {
      throw dumpError(place, `${raws.length} words, but ${steps.length} steps`, "give a step for every word");
    }
    this.#checkImage(image, place);
    this.#countWords(raws.length, place);
    checkWords(raws, format, place);
  }

  #layer(name: string, place: string): DumpLayer {
    const layer = this.#known.get(name);
    if (layer === undefined) throw dumpError(place, `no layer "${name}" in the header`, "name the header's layers");
    return layer;
  }

  #keep(
    { name, shape, format }: DumpLayer,
    key: string,
    { image, raws, whole }: { readonly image: number; readonly raws: Words; readonly whole: string },
    place: string,
  ): void {
    this.#checkImage(image, place);
    const elements = elementCount(shape);
    if (raws.length !== elements) {
      const what = `${raws.length} words, expected ${shape.join(" × ")} = ${elements}`;
      throw dumpError(place, what, `give every word of the ${whole}`);
    }
    this.#countWords(elements, place);
    if (this.#words.has(key)) throw dumpError(place, `image ${image} of ${name} stands there twice`, "write it once");
    this.#words.set(key, packedWords(raws, format, place));
  }

  #checkImage(image: number, place: string): void {
    if (image >= this.images) throw dumpError(place, `image ${image} of ${this.images}`, "count images from 0");
  }

  #countWords(words: number, place: string): void {
    this.#count += words;
    if (this.#count > DUMP_LIMITS.words) {
      throw dumpError(place, `more than ${DUMP_LIMITS.words} words`, "dump fewer images");
    }
  }
}

function describedLayer({ format, registers, ...layer }: Described, place: string): DumpLayer {
  const at = `${place}: ${layer.name}`;
  const parsed = Object.entries(registers ?? {}).map(([name, text]) => [name, parseFormat(text, at, true)] as const);
  return {
    ...layer,
    format: parseAnyFormat(format, at),
    ...(registers && { registers: Object.fromEntries(parsed) }),
  };
}

function keyOf(layer: string, image: number): string {
  return `${image} ${layer}`;
}

/** No layer's key: those begin with the image's number. */
function inputKey(image: number): string {
  return `input ${image}`;
}

function packedWords(words: Words, format: FixedPointFormat, place: string): Raws {
  checkWords(words, format, place);
  const raws = allocateRaws(format, words.length);
  for (const [index, word] of words.entries()) setRaw(raws, index, BigInt(word));
  return raws;
}

function checkWords(words: Words, format: FixedPointFormat, place: string): void {
  const { min, max } = rawRange(format);
  for (const [index, word] of words.entries()) {
    const raw = BigInt(word);
    if (raw >= min && raw <= max) continue;
    const what = `word ${index} is ${raw}, outside ${formatText(format)}, ${min} … ${max}`;
    throw dumpError(place, what, "write two's complement integers of the header's format");
  }
}

function parsedLine<T>(schema: z.ZodType<T>, line: string, place: string): T {
  return parsedValue(schema, jsonLine(line, place), place);
}

function jsonLine(line: string, place: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw dumpError(place, "not a line of JSON", "write one JSON object per line");
  }
}

function parsedValue<T>(schema: z.ZodType<T>, value: unknown, place: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") ?? "";
  throw dumpError(field === "" ? place : `${place}: ${field}`, issue?.message ?? "malformed", "see compare --help");
}

function dumpError(where: string, what: string, hint: string): DiagnosticError {
  return diagnosticError("DUMP", where, what, hint);
}
