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
 *
 * The words of the network's input stand in lines of their own, where the header says what they are:
 *
 *     {"schema":…,"input":{"name":"image","axes":["row","column","channel"],"shape":[28,28,1],"format":"16,8"},"layers":[…]}
 *     {"image":0,"input":true,"raws":[0,12,…]}
 *
 * Where asked, words that registers inside a layer held on the way to one word of its output: `element` counts the output's words
 * in the order of the dump, `raws` stand in the order in which the machine wrote them, `steps` says for each its step k of the sum
 * (window position of a pool; −2 before the sum, −1 behind it). Weight- and input-stationary arrays write the accumulator once more
 * behind each group of rows: the addition to the bank, whose step is the group's last. The header gives each register's format:
 *
 *     {"schema":…,"layers":[{"name":"fc2",…,"registers":{"product":"24,16","accumulator":"32,16"}}]}
 *     {"image":0,"layer":"fc2","register":"accumulator","element":3,"steps":[0,1,…],"raws":[5,-7,…]}
 */

import { diagnosticError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, formatText } from "../../isa/numerics/format.ts";
import { type Raws, rawAt } from "../../isa/numerics/raws.ts";
import { printableJson } from "../../isa/printable.ts";
import type { ModelOutput } from "../../isa/program/model-output.ts";
import { elementCount } from "../../isa/program/program.ts";

export const DUMP_SCHEMA = "macroscope/dump/2";

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

/** Registers whose words can be dumped on the way to an output. */
export const INTERIOR_REGISTERS = ["product", "accumulator", "sum"] as const;
export type InteriorRegister = (typeof INTERIOR_REGISTERS)[number];

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
  /** Registers of which the dump has words. */
  readonly registers?: Readonly<Partial<Record<InteriorRegister, FixedPointFormat>>>;
}

/** What one register held on the way to one word of a layer's output, in the order in which the machine wrote it. */
export interface InteriorWords {
  readonly layer: string;
  readonly register: InteriorRegister;
  /** Word of the output, in the order of the dump. */
  readonly element: number;
  readonly steps: readonly number[];
  readonly raws: readonly bigint[];
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
  /** The network's input, where the dump has it. */
  readonly input: DumpLayer | null;
  readonly layers: readonly DumpLayer[];
  /** Words of one layer for one image, null where the dump has none. */
  words(layer: string, image: number): Raws | null;
  inputWords(image: number): Raws | null;
}

/** Collects words as the lines of a dump. */
export class DumpWriter {
  readonly #layers: readonly DumpLayer[];
  readonly #input: DumpLayer | null;
  readonly #registers = new Map<string, Partial<Record<InteriorRegister, string>>>();
  readonly #lines: string[] = [];
  #words = 0;

  constructor(layers: readonly DumpLayer[], input: DumpLayer | null = null) {
    this.#layers = layers;
    this.#input = input;
  }

  /**
   * Consecutive images of one layer: images × elements. `places`: where in an image's raws each word stands, in the order of the
   * dump; null where they stand in that order.
   */
  add({ name, shape, format }: DumpLayer, firstImage: number, raws: Raws, places: Int32Array | null = null): void {
    this.#addImages(`"layer":${quoted(name)}`, { shape, format }, firstImage, raws, places);
  }

  /** Consecutive images of the network's input. */
  addInput({ shape, format }: DumpLayer, firstImage: number, raws: Raws): void {
    this.#addImages('"input":true', { shape, format }, firstImage, raws, null);
  }

  /** What a register of `format` held on the way to one word. */
  addInterior({ layer, register, element, steps, raws }: InteriorWords, image: number, format: FixedPointFormat): void {
    this.#count(raws.length);
    const known = this.#registers.get(layer) ?? {};
    this.#registers.set(layer, { ...known, [register]: formatText(format) });
    const where = `"image":${image},"layer":${quoted(layer)},"register":"${register}","element":${element}`;
    this.#lines.push(`{${where},"steps":[${steps.join(",")}],"raws":[${raws.map(wordText).join(",")}]}`);
  }

  #addImages(
    key: string,
    { shape, format }: Pick<DumpLayer, "shape" | "format">,
    firstImage: number,
    raws: Raws,
    places: Int32Array | null,
  ): void {
    const elements = elementCount(shape);
    this.#count(raws.length);
    for (let start = 0, image = firstImage; start < raws.length; start += elements, image++) {
      const words = Array.from({ length: elements }, (_, index) =>
        wordText(rawAt(raws, start + (places?.[index] ?? index), format)),
      );
      this.#lines.push(`{"image":${image},${key},"raws":[${words.join(",")}]}`);
    }
  }

  #count(words: number): void {
    this.#words += words;
    if (this.#words <= DUMP_LIMITS.words) return;
    const what = `more than ${DUMP_LIMITS.words} words`;
    throw diagnosticError("DUMP", "--dump", what, "give fewer --images, a smaller --observe or --dump-window");
  }

  /** The whole file. `images`: of the run. */
  text(images: number): string {
    const described = ({ name, axes, shape, format, unit, outputs }: DumpLayer): object => {
      const registers = this.#registers.get(name);
      return { name, axes, shape, format: formatText(format), unit, outputs, registers };
    };
    const input = this.#input === null ? undefined : described(this.#input);
    const header = { schema: DUMP_SCHEMA, images, input, layers: this.#layers.map(described) };
    return [printableJson(JSON.stringify(header)), ...this.#lines, ""].join("\n");
  }
}

function quoted(name: string): string {
  return printableJson(JSON.stringify(name));
}

function wordText(raw: bigint): string {
  const exact = raw > -(2n ** 53n) && raw < 2n ** 53n;
  return exact ? raw.toString() : `"${raw}"`;
}
