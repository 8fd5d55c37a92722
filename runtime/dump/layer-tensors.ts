import type { Program, TensorSymbol } from "../../isa/program/program.ts";
import { tensorSymbol } from "../session/host-input.ts";

/** What a layer leaves behind. */
export interface LayerTensor {
  /** Name of the layer. */
  readonly name: string;
  readonly tensor: TensorSymbol;
}

/** Layers in program order with the tensors they write; of several that write one tensor the last. */
export function layerTensors(program: Program): readonly LayerTensor[] {
  return program.layers
    .filter(({ output }, index) => program.layers.findLastIndex((other) => other.output === output) === index)
    .map(({ name, output }) => ({ name, tensor: tensorSymbol(program, output) }));
}
