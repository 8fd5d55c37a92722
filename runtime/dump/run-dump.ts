import { InvariantError } from "../../isa/diagnostic.ts";
import { elementCount, type Program } from "../../isa/program/program.ts";
import type { BatchWords } from "../session/hooks.ts";
import { tensorSymbol } from "../session/host-input.ts";
import { type DumpLayer, DumpWriter, LAYER_AXES } from "./dump.ts";
import { type DumpedLayer, dumpedLayers, unitOf } from "./dumped-layers.ts";
import { type InteriorChoice, InteriorDump } from "./interior-dump.ts";

interface Opened {
  readonly writer: DumpWriter;
  readonly input: DumpLayer;
  readonly layers: readonly DumpedLayer[];
  readonly interior: InteriorDump | null;
}

/**
 * The dump of a run: the output words of every image; for the observed ones those of the input and of every layer, and of the
 * interior registers chosen.
 */
export class RunDump {
  readonly #choice: InteriorChoice;
  #opened: Opened | null = null;

  constructor(choice: InteriorChoice = { registers: [], window: 0 }) {
    this.#choice = choice;
  }

  add(words: BatchWords): void {
    const { program, first, inputs, outputs, captured } = words;
    this.#opened ??= this.#open(program);
    const { writer, input, layers, interior } = this.#opened;
    const observed = observedImages(words, layers);
    if (observed > 0) writer.addInput(input, first, inputs.slice(0, observed * elementCount(input.shape)));
    for (const { layer, tensor, places } of layers) {
      const raws = tensor.name === program.output ? outputs : captured.get(tensor.name);
      if (raws !== undefined) writer.add(layer, first, raws, places);
    }
    for (let position = 0; position < observed; position++) interior?.add(writer, layers, words, position);
  }

  /** The whole file. */
  text(images: number): string {
    if (this.#opened === null) throw new InvariantError("a run that showed no words");
    return this.#opened.writer.text(images);
  }

  #open(program: Program): Opened {
    const layers = dumpedLayers(program);
    const { name, shape, format, unit } = tensorSymbol(program, program.input);
    const input = { name, axes: LAYER_AXES, shape, format, ...unitOf(unit) };
    const interior = this.#choice.registers.length === 0 ? null : new InteriorDump(program, this.#choice);
    return {
      writer: new DumpWriter(
        layers.map(({ layer }) => layer),
        input,
      ),
      input,
      layers,
      interior,
    };
  }
}

/** Images of a batch whose layers' words were kept; a network of one layer has its output alone. */
function observedImages({ program, captured }: BatchWords, layers: readonly DumpedLayer[]): number {
  for (const { tensor } of layers) {
    const raws = captured.get(tensor.name);
    if (raws !== undefined) return raws.length / elementCount(tensor.shape);
  }
  const output = captured.get(program.output);
  return output === undefined ? 0 : output.length / elementCount(tensorSymbol(program, program.output).shape);
}
