/** The words of a function on their way to the vector unit. */
import { elementCount } from "../../../isa/program/program.ts";
import { emitRunLoad, type LayerLowering, type StoredTensor, wordsOf } from "../layer-lowering.ts";
import type { LoadedConstants } from "./vector-layer.ts";

/** A table or slopes in the weight scratchpad, loaded unless they are still there. */
export function loadConstants({ emitter, memories }: LayerLowering, tensor: StoredTensor): LoadedConstants {
  const words = elementCount(tensor.shape);
  const { wordLength } = tensor.format;
  const bits = words * wordLength;
  const target = "weightScratchpad";
  const known = memories.weightScratchpad.find(tensor.name);
  const address = known ?? memories.weightScratchpad.allocate(tensor.name, bits);
  if (known === undefined) {
    emitRunLoad(emitter, { tensor, origin: 0, words, target, address, input: wordsOf(tensor.format) });
  }
  return { address, wordLength, range: { memory: target, start: address, end: address + bits } };
}
