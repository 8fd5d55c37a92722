import { InvariantError } from "../../isa/diagnostic.ts";
import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import type { Raws } from "../../isa/numerics/raws.ts";
import { modelOrder } from "../../isa/program/model-output.ts";
import { elementCount, type Program, type TensorSymbol } from "../../isa/program/program.ts";
import type { EngineSession } from "../../sim/engine.ts";
import type { Fault } from "../../sim/fault.ts";
import { ElementHistories } from "../../sim/history/element-history.ts";
import type { ElementHistory, RoundingChange } from "../../sim/history/history.ts";
import { wordsOfImage } from "../../sim/history/words-of-image.ts";
import { type Dump, inOutputOrder, LAYER_AXES } from "../dump/dump.ts";
import { layerTensors } from "../dump/layer-tensors.ts";
import { inputTrap, quantizeImages, tensorSymbol } from "../session/host-input.ts";

/** Sides of an array of words, outermost first, and what they are. */
export interface WordAxes {
  readonly axes: readonly string[];
  readonly shape: readonly number[];
}

/** Words of one layer for one image. */
export interface ComparedLayer extends WordAxes {
  /** `INPUT` for the network's input. */
  readonly name: string;
  readonly format: FixedPointFormat;
  /** The same words in the order of the model's own outputs: `places` says where each stands, null where all stand so. */
  readonly modelOrder?: WordAxes & { readonly places: Int32Array | null };
}

/** No layer has an empty name. */
export const INPUT = "";

/** Consecutive images as floats; `values` is null where no side computes. */
export interface ComparedImages {
  readonly first: number;
  readonly count: number;
  readonly values: Float32Array | null;
}

/** What a side says of some images. */
export interface SideWords {
  /** Words of a layer for image `position` of these; null where the side has none. */
  words(layer: string, position: number): Raws | null;
  /** How one of those words came about, or would with another rounding; null where the side cannot tell. */
  history(layer: string, position: number, element: number, change?: RoundingChange): ElementHistory | null;
}

/** One of the computations that are compared. */
export interface Side {
  readonly label: string;
  /** In the order in which they compute; the input first where it is known. */
  readonly layers: readonly ComparedLayer[];
  /** Layer whose words are the network's output. */
  readonly output: string;
  /** With `everyLayer` words of all layers, else of the output. */
  take(images: ComparedImages, everyLayer: boolean): SideWords | { readonly fault: Fault };
}

/** A word of the machine whose history is asked for. */
interface WordRequest {
  readonly layer: string;
  /** Of the image among those taken, and within the whole comparison. */
  readonly position: number;
  readonly image: number;
  readonly element: number;
  readonly change: RoundingChange | null;
  /** Words of a tensor for all images taken. */
  readonly all: (tensor: string) => Raws | null;
}

/** A program on an engine, in this thread. */
export class MachineSide implements Side {
  readonly label: string;
  readonly layers: readonly ComparedLayer[];
  readonly output: string;
  readonly program: Program;
  readonly #session: EngineSession;
  readonly #tensors: ReadonlyMap<string, TensorSymbol>;
  readonly #constants: ReadonlyMap<string, Raws>;
  #histories: ElementHistories | null = null;

  /** The program must have been admitted. */
  constructor(label: string, program: Program, session: EngineSession) {
    const layers = layerTensors(program);
    const input = tensorSymbol(program, program.input);
    this.label = label;
    this.program = program;
    this.#session = session;
    this.#tensors = new Map([[INPUT, input], ...layers.map(({ name, tensor }) => [name, tensor] as const)]);
    this.#constants = new Map(program.constants.map(({ tensor, raws }) => [tensor, raws]));
    this.layers = [...this.#tensors].map(([name, tensor]) => comparedLayer(program, name, tensor));
    this.output = layers.find(({ tensor }) => tensor.name === program.output)?.name ?? INPUT;
  }

  take({ first, count, values }: ComparedImages, everyLayer: boolean): SideWords | { readonly fault: Fault } {
    if (values === null) throw new InvariantError("a machine without images");
    const inputs = quantizeImages(this.program, values, count, 0, first);
    const trap = inputTrap(inputs);
    if (trap !== null) return { fault: trap };
    const batch = { firstImage: first, count, raws: inputs.raws };
    const result = this.#session.run(batch, { statistics: false, capture: everyLayer });
    if (result.fault !== null) return { fault: result.fault };
    const all = (tensor: string): Raws | null => {
      if (tensor === this.program.input) return inputs.raws;
      return tensor === this.program.output ? result.outputs : (result.captured.get(tensor) ?? null);
    };
    return {
      words: (layer, position) => {
        const tensor = this.#tensors.get(layer);
        const raws = tensor === undefined ? null : all(tensor.name);
        if (tensor === undefined || raws === null) return null;
        const elements = elementCount(tensor.shape);
        return raws.subarray(position * elements, (position + 1) * elements);
      },
      history: (layer, position, element, change) => {
        return this.#history({ layer, position, element, image: first + position, all, change: change ?? null });
      },
    };
  }

  /** Of a word of the machine; the input comes from the host, which has no registers to show. */
  #history({ layer, position, element, image, all, change }: WordRequest): ElementHistory | null {
    const tensor = this.#tensors.get(layer);
    if (tensor === undefined || layer === INPUT) return null;
    const word = wordsOfImage(this.#constants, all, position);
    this.#histories ??= new ElementHistories(this.program);
    const history = this.#histories.of(tensor, element, image, word, change);
    if (change !== null) return history;
    const expected = word(tensor, element);
    if (history.raw !== expected) {
      throw new InvariantError(
        `image ${image}, layer ${layer}, element ${element}: the engine gives ${expected}, the definition ${history.raw}`,
      );
    }
    return history;
  }
}

function comparedLayer({ output, modelOutputs }: Program, name: string, tensor: TensorSymbol): ComparedLayer {
  const { shape, format } = tensor;
  const stored = { name, axes: LAYER_AXES, shape, format };
  if (tensor.name !== output || modelOutputs === undefined) return stored;
  return { ...stored, modelOrder: { ...inOutputOrder(name, format, modelOutputs), places: modelOrder(modelOutputs) } };
}

/** Words that came from somewhere else. */
export class DumpSide implements Side {
  readonly label: string;
  readonly layers: readonly ComparedLayer[];
  readonly output: string;
  readonly #dump: Dump;

  constructor(label: string, dump: Dump) {
    this.label = label;
    this.layers = [...(dump.input === null ? [] : [{ ...dump.input, name: INPUT }]), ...dump.layers];
    this.output = dump.layers.at(-1)?.name ?? INPUT;
    this.#dump = dump;
  }

  take({ first }: ComparedImages): SideWords {
    const words = (layer: string, image: number): Raws | null =>
      layer === INPUT ? this.#dump.inputWords(image) : this.#dump.words(layer, image);
    return { words: (layer, position) => words(layer, first + position), history: () => null };
  }
}
