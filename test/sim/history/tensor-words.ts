import { type Raws, rawAt } from "../../../isa/numerics/raws.ts";
import type { Program, TensorSymbol } from "../../../isa/program/program.ts";
import { elementCount } from "../../../isa/program/program.ts";
import type { BatchResult, ImageBatch } from "../../../sim/engine.ts";
import type { TensorWord } from "../../../sim/history/loaded-words.ts";

/** Words of every tensor in image `position` of a batch that was captured. */
export function tensorWords(program: Program, batch: ImageBatch, result: BatchResult, position: number): TensorWord {
  const constants = new Map(program.constants.map(({ tensor, raws }) => [tensor, raws]));
  return (tensor: TensorSymbol, index: number): bigint => {
    const constant = constants.get(tensor.name);
    if (constant !== undefined) return rawAt(constant, index, tensor.format);
    const all: Raws | undefined = tensor.name === program.input ? batch.raws : result.captured.get(tensor.name);
    if (all === undefined) throw new Error(`no words of ${tensor.name}`);
    return rawAt(all, position * elementCount(tensor.shape) + index, tensor.format);
  };
}
