/** Words of registers inside layers: the histories of the first words of each, register by register. */

import type { Raws } from "../../isa/numerics/raws.ts";
import { elementCount, type Program } from "../../isa/program/program.ts";
import { ElementHistories } from "../../sim/history/element-history.ts";
import { wordsOfImage } from "../../sim/history/words-of-image.ts";
import type { BatchWords } from "../session/hooks.ts";
import type { DumpWriter, InteriorRegister } from "./dump.ts";
import type { DumpedLayer } from "./dumped-layers.ts";

/** Which registers inside layers are dumped, on the way to how many words of each layer. */
export interface InteriorChoice {
  readonly registers: readonly InteriorRegister[];
  readonly window: number;
}

export class InteriorDump {
  readonly #choice: InteriorChoice;
  readonly #histories: ElementHistories;
  readonly #constants: ReadonlyMap<string, Raws>;

  /** The program must have been admitted. */
  constructor(program: Program, choice: InteriorChoice) {
    this.#choice = choice;
    this.#histories = new ElementHistories(program);
    this.#constants = new Map(program.constants.map(({ tensor, raws }) => [tensor, raws]));
  }

  /** `position` of an observed image within the batch. */
  add(writer: DumpWriter, layers: readonly DumpedLayer[], words: BatchWords, position: number): void {
    const { program, first, inputs, outputs, captured } = words;
    const image = first + position;
    const all = (tensor: string): Raws | null => {
      if (tensor === program.input) return inputs;
      return tensor === program.output ? outputs : (captured.get(tensor) ?? null);
    };
    const word = wordsOfImage(this.#constants, all, position);
    for (const { layer, tensor, places } of layers) {
      const elements = Math.min(this.#choice.window, elementCount(tensor.shape));
      for (let element = 0; element < elements; element++) {
        const { entries } = this.#histories.of(tensor, places?.[element] ?? element, image, word);
        for (const register of this.#choice.registers) {
          const written = entries.filter((entry) => entry.register === register && entry.write !== null);
          const [one] = written;
          if (one === undefined) continue;
          const [steps, raws] = [written.map(({ step }) => step), written.map(({ raw }) => raw)];
          writer.addInterior({ layer: layer.name, register, element, steps, raws }, image, one.format);
        }
      }
    }
  }
}
