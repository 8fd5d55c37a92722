import type { FixedPointFormat, RawRange } from "../../../isa/numerics/format.ts";
import { rawRange } from "../../../isa/numerics/format.ts";
import { hull } from "../arithmetic/ranges.ts";
import { type Words, wordAt } from "../memory/words.ts";
import type { PrepareContext } from "./plan.ts";

/** A dense row of words that an instruction reads from the weight scratchpad: one for each filter, or a table. */
export interface ScratchpadWords {
  /** Words that can occur: within the format, tighter where the words are known. */
  readonly range: RawRange;
  /** The words and the index of the first, once memories are allocated. */
  readonly bind: () => { readonly words: Words; readonly base: number };
}

/** `count` words from a bit address on; a constant's own words where they lie in one, else a region of the scratchpad. */
export function scratchpadWords(
  { weights, memories }: PrepareContext,
  address: number,
  format: FixedPointFormat,
  count: number,
): ScratchpadWords {
  const constant = weights.find(address, format, 1, count, count);
  if (constant !== null) {
    const { tensor, base } = constant;
    return { range: rangeOf(tensor.words, base, count), bind: () => ({ words: tensor.words, base }) };
  }
  const region = memories.region("weightScratchpad", format, address, count);
  return { range: rawRange(format), bind: () => ({ words: region.words, base: region.start }) };
}

function rangeOf(words: Words, base: number, count: number): RawRange {
  return hull(Array.from({ length: count }, (_, index) => wordAt(words, base + index)));
}
