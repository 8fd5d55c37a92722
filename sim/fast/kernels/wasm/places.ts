import { InvariantError } from "../../../../isa/diagnostic.ts";
import type { Words } from "../../memory/words.ts";
import type { MatrixOperands, MatrixProblem } from "../contract.ts";
import type { Arena } from "./arena.ts";
import { viewOf, type WideView } from "./wide-tile.ts";

/** Words that a kernel reads or writes in linear memory: in place where they lie there, else by a copy. */
export interface Place {
  /** Address of the first word. */
  readonly address: number;
  /** Bytes from row to row. */
  readonly pitch: number;
  /** Before the kernel runs, and after it. */
  readonly bring: (() => void) | null;
  readonly take: (() => void) | null;
}

/** The consecutive input words of a tile, from `inputBase` to the last one that a pixel's step reaches. */
export function inputPlace(arena: Arena, view: WideView, operands: MatrixOperands): Place & { readonly words: number } {
  const { input, inputBase, pixelOffsets, stepOffsets } = operands;
  const words = largest(pixelOffsets) + largest(stepOffsets) + 1;
  return { words, ...place(arena, view, input, inputBase, { rows: 1, length: words, pitch: words }, "read") };
}

/** The sums of a tile. */
export function sumPlace(
  arena: Arena,
  view: WideView,
  { pixels, filters }: MatrixProblem,
  { sums, sumBase, sumPitch }: MatrixOperands,
): Place {
  return place(arena, view, sums, sumBase, { rows: pixels, length: filters, pitch: sumPitch }, "write");
}

function place(
  arena: Arena,
  view: WideView,
  words: Words,
  base: number,
  { rows, length, pitch }: { readonly rows: number; readonly length: number; readonly pitch: number },
  use: "read" | "write",
): Place {
  const bytes = view === "Int32Array" ? 4 : 8;
  const resident = arena.addressOf(words);
  if (resident !== null && viewOf(words) === view) {
    return { address: resident + base * bytes, pitch: pitch * bytes, bring: null, take: null };
  }
  const copy = arena.array(view, rows * length);
  const address = arena.addressOf(copy) ?? 0;
  const bring = (): void => {
    for (let row = 0; row < rows; row++) {
      copyWords(words, base + row * pitch, copy, row * length, length);
    }
  };
  const take = (): void => {
    for (let row = 0; row < rows; row++) {
      copyWords(copy, row * length, words, base + row * pitch, length);
    }
  };
  return { address, pitch: length * bytes, bring, take: use === "write" ? take : null };
}

type CopiedWords = Words | BigInt64Array;

function copyWords(from: CopiedWords, fromIndex: number, to: CopiedWords, toIndex: number, count: number): void {
  if (isBig(from) !== isBig(to)) throw new InvariantError("a kernel of numbers is asked to work on big integers");
  for (let index = 0; index < count; index++) to[toIndex + index] = from[fromIndex + index] as never;
}

/** Whether words are big integers, which no place of numbers can take. */
export function isBig(words: CopiedWords): boolean {
  return Array.isArray(words) || words instanceof BigInt64Array;
}

function largest(offsets: Int32Array): number {
  return offsets.reduce((max, offset) => Math.max(max, offset), 0);
}
