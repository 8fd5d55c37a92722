import { modelOrder } from "../../isa/program/model-output.ts";
import type { Program, TensorSymbol } from "../../isa/program/program.ts";
import { type DumpLayer, inOutputOrder, LAYER_AXES } from "./dump.ts";
import { layerTensors } from "./layer-tensors.ts";

/** A layer as a dump describes it, and where its words are. */
export interface DumpedLayer {
  readonly layer: DumpLayer;
  readonly tensor: TensorSymbol;
  /** Where each word of the dump's order stands in the tensor; null where they stand in that order. */
  readonly places: Int32Array | null;
}

export function unitOf(unit: TensorSymbol["unit"]): Pick<DumpLayer, "unit"> {
  return unit === undefined ? {} : { unit: { scale: unit.scale, zeroPoint: unit.zeroPoint } };
}

/** Layers with the tensors they write; the network's output in the order of the model's own, where it declares one. */
export function dumpedLayers(program: Program): readonly DumpedLayer[] {
  const { output, modelOutputs } = program;
  return layerTensors(program).map(({ name, tensor }): DumpedLayer => {
    const { shape, format, unit } = tensor;
    if (tensor.name !== output || modelOutputs === undefined) {
      return { layer: { name, axes: LAYER_AXES, shape, format, ...unitOf(unit) }, tensor, places: null };
    }
    const layer = { ...inOutputOrder(name, format, modelOutputs), ...unitOf(unit) };
    return { layer, tensor, places: modelOrder(modelOutputs) };
  });
}
