import { InvariantError } from "../../isa/diagnostic.ts";
import { modelOrder } from "../../isa/model-output.ts";
import type { Program } from "../../isa/program.ts";
import type { BatchWords } from "../session/hooks.ts";
import { type DumpLayer, DumpWriter, inOutputOrder, LAYER_AXES } from "./dump.ts";
import { layerTensors } from "./layer-tensors.ts";

interface Dumped {
  readonly layer: DumpLayer;
  readonly tensor: string;
  readonly places: Int32Array | null;
}

/** The dump of a run: the output words of every image, and those of every layer for the observed ones. */
export class RunDump {
  #writer: DumpWriter | null = null;
  #dumped: readonly Dumped[] = [];

  add({ program, first, outputs, captured }: BatchWords): void {
    if (this.#writer === null) this.#dumped = dumpedLayers(program);
    this.#writer ??= new DumpWriter(this.#dumped.map(({ layer }) => layer));
    for (const { layer, tensor, places } of this.#dumped) {
      const raws = tensor === program.output ? outputs : captured.get(tensor);
      if (raws !== undefined) this.#writer.add(layer, first, raws, places);
    }
  }

  /** The whole file. */
  text(images: number): string {
    if (this.#writer === null) throw new InvariantError("a run that showed no words");
    return this.#writer.text(images);
  }
}

/** Layers with the tensors they write; the network's output in the order of the model's own, where it declares one. */
function dumpedLayers(program: Program): readonly Dumped[] {
  const { output, modelOutputs } = program;
  return layerTensors(program).map(({ name, tensor: { name: tensor, shape, format, unit: full } }): Dumped => {
    const unit = full && { unit: { scale: full.scale, zeroPoint: full.zeroPoint } };
    if (tensor !== output || modelOutputs === undefined) {
      return { layer: { name, axes: LAYER_AXES, shape, format, ...unit }, tensor, places: null };
    }
    return {
      layer: { ...inOutputOrder(name, format, modelOutputs), ...unit },
      tensor,
      places: modelOrder(modelOutputs),
    };
  });
}
