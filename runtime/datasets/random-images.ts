/** Drawn images: every byte uniform from 0 to 255, for runs about cycles, energy and widths where no data set is at hand. */
import { diagnosticError } from "../../isa/diagnostic.ts";
import { tensorGenerator } from "../../isa/numerics/random.ts";
import type { PictureSource } from "./dataset.ts";
import { elementsOf, type ImageShape } from "./image-shape.ts";

const PREFIX = "random:";

/** Images of a drawn data set: as many as a run may ask for. */
const COUNT = 100_000_000;

/** The seed of `random:<seed>`; null for any other name. Throws `DiagnosticError` for a seed that is none. */
export function randomSeed(name: string): number | null {
  if (!name.startsWith(PREFIX)) return null;
  const text = name.slice(PREFIX.length);
  const seed = Number(text);
  if (/^[0-9]{1,10}$/.test(text) && seed < 2 ** 32) return seed;
  throw diagnosticError("DATA", "--data", `seed "${text}" of ${PREFIX}`, `write ${PREFIX}1, a seed from 0 to 2^32 − 1`);
}

/** Image n depends on the seed and on n alone. */
export function randomImages(name: string, seed: number, shape: ImageShape): PictureSource {
  return {
    name,
    count: COUNT,
    labelled: false,
    shape,
    elements: "bytes",
    read: async (first, count) => ({
      pictures: Array.from({ length: count }, (_, index) => ({ shape, elements: draw(seed, first + index, shape) })),
      labels: null,
    }),
  };
}

function draw(seed: number, image: number, shape: ImageShape): Uint8Array {
  const generator = tensorGenerator(seed, `image/${image}`);
  return Uint8Array.from({ length: elementsOf(shape) }, () => generator.next() >>> 24);
}
