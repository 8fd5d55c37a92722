/** The table of a function on its way to the vector unit. */
import { elementCount } from "../../isa/program.ts";
import { emitRunLoad, type LayerLowering, type StoredTensor, wordsOf } from "./layer-lowering.ts";
import type { LoadedTable } from "./vector-layer.ts";

/** The table in the weight scratchpad, loaded unless it is still there. */
export function loadTable(
  { emitter, memories, name }: LayerLowering,
  tensor: StoredTensor,
  droppedBits: number,
): LoadedTable {
  const words = elementCount(tensor.shape);
  const bits = words * tensor.format.wordLength;
  const key = `${name} table`;
  const target = "weightScratchpad";
  const known = memories.weightScratchpad.find(key);
  const address = known ?? memories.weightScratchpad.allocate(key, bits);
  if (known === undefined) {
    emitRunLoad(emitter, { tensor, origin: 0, words, target, address, input: wordsOf(tensor.format) });
  }
  return { address, range: { memory: target, start: address, end: address + bits }, droppedBits };
}
