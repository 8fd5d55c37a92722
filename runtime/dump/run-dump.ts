import { InvariantError } from "../../isa/diagnostic.ts";
import type { BatchWords } from "../session/hooks.ts";
import { type DumpLayer, DumpWriter } from "./dump.ts";
import { layerTensors } from "./layer-tensors.ts";

/** The dump of a run: the output words of every image, and those of every layer for the observed ones. */
export class RunDump {
  #writer: DumpWriter | null = null;

  add({ program, first, outputs, captured }: BatchWords): void {
    const layers = layerTensors(program).map(({ name, tensor }): DumpLayer & { readonly tensor: string } => ({
      name,
      shape: tensor.shape,
      format: tensor.format,
      tensor: tensor.name,
    }));
    this.#writer ??= new DumpWriter(layers);
    for (const layer of layers) {
      const raws = layer.tensor === program.output ? outputs : captured.get(layer.tensor);
      if (raws !== undefined) this.#writer.add(layer, first, raws);
    }
  }

  /** The whole file. */
  text(images: number): string {
    if (this.#writer === null) throw new InvariantError("a run that showed no words");
    return this.#writer.text(images);
  }
}
