import { InvariantError } from "../../isa/diagnostic.ts";
import { type Raws, rawAt } from "../../isa/numerics/raws.ts";
import { elementCount } from "../../isa/program/program.ts";
import type { TensorWord } from "./loaded-words.ts";

/** Words of one image for `ElementHistories`: of constants, and of tensors whose words `all` has for several images, this one at `position`. */
export function wordsOfImage(
  constants: ReadonlyMap<string, Raws>,
  all: (tensor: string) => Raws | null,
  position: number,
): TensorWord {
  return ({ name, shape, format }, index) => {
    const constant = constants.get(name);
    if (constant !== undefined) return rawAt(constant, index, format);
    const raws = all(name);
    if (raws === null) throw new InvariantError(`the words of ${name} were not kept`);
    return rawAt(raws, position * elementCount(shape) + index, format);
  };
}
