import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import { fitsInt32, type Raws } from "../../../isa/numerics/raws.ts";

/** Raws that a double holds exactly. The plain kernels use Int32Array and Float64Array; narrower words are for others. */
export type NumberWords = Int8Array | Int16Array | Int32Array | Float64Array;

/** Raws of one word length and signedness, one element each. */
export type Words = NumberWords | bigint[];

/** Widest word whose raws are kept as doubles. */
export const NUMBER_WORD_LENGTH = 53;

/** Whether raws of a format are kept as numbers (else as big integers). */
export function fitsNumber(format: Pick<FixedPointFormat, "wordLength">): boolean {
  return format.wordLength <= NUMBER_WORD_LENGTH;
}

/** `length` zero words: Int32Array where every raw fits 32 signed bits, Float64Array up to 53 bits, else big integers. */
export function allocateWords(format: FixedPointFormat, length: number): Words {
  if (fitsInt32(format)) return new Int32Array(length);
  return fitsNumber(format) ? new Float64Array(length) : new Array<bigint>(length).fill(0n);
}

export function isNumberWords(words: Words): words is NumberWords {
  return !Array.isArray(words);
}

/** Word as an exact integer; 0 beyond the end. */
export function wordAt(words: Words, index: number): bigint {
  return BigInt(words[index] ?? 0);
}

/** Stores a raw that lies in the range of the words' format. */
export function setWord(words: Words, index: number, raw: bigint): void {
  if (isNumberWords(words)) words[index] = Number(raw);
  else words[index] = raw;
}

export function fillZero(words: Words, start: number, end: number): void {
  if (isNumberWords(words)) words.fill(0, start, end);
  else words.fill(0n, start, end);
}

/** Raws of a tensor as words of the same format; an Int32Array is used as it is, in place. */
export function wordsFromRaws(raws: Raws, format: FixedPointFormat): Words {
  if (raws instanceof Int32Array) return raws;
  const words = allocateWords(format, raws.length);
  copyRaws(raws, 0, raws.length, format, words);
  return words;
}

/** `count` raws of a tensor, from element `start` on, to the beginning of `words`. */
export function copyRaws(raws: Raws, start: number, count: number, format: FixedPointFormat, words: Words): void {
  if (raws instanceof Int32Array && isNumberWords(words)) {
    for (let index = 0; index < count; index++) words[index] = raws[start + index] as number;
    return;
  }
  for (let index = 0; index < count; index++) {
    const raw = BigInt(raws[start + index] ?? 0);
    setWord(words, index, format.signed ? raw : BigInt.asUintN(64, raw));
  }
}

/** All words into `raws` from element `start` on. */
export function exportWords(words: Words, raws: Raws, start: number): void {
  if (raws instanceof Int32Array) {
    for (let index = 0; index < words.length; index++) raws[start + index] = Number(words[index]);
    return;
  }
  for (let index = 0; index < words.length; index++) raws[start + index] = wordAt(words, index);
}

/** An array of words that are read and written with this signedness. */
export interface SignedWords {
  readonly words: Words;
  readonly signed: boolean;
}

/** Moves `length` words, from index `from` of one array to index `to` of the other. */
export type CopyWords = (from: number, to: number, length: number) => void;

/** Below this many words a loop is faster than a view and a block move. */
const SHORT_RUN = 32;

/**
 * Copies between two arrays of words of W bits: the same bits, read as the target has its sign. Both sides are numbers or both
 * big integers, which W decides.
 */
export function wordCopier(source: SignedWords, target: SignedWords, wordLength: number): CopyWords {
  const [from, to] = [source.words, target.words];
  if (source.signed === target.signed && isNumberWords(from) && isNumberWords(to)) {
    return (first, place, length) => {
      if (length >= SHORT_RUN) to.set(from.subarray(first, first + length), place);
      else for (let index = 0; index < length; index++) to[place + index] = from[first + index] as number;
    };
  }
  const sameSign = source.signed === target.signed;
  return (first, place, length) => {
    for (let index = 0; index < length; index++) {
      const raw = wordAt(from, first + index);
      setWord(to, place + index, sameSign ? raw : reinterpret(raw, wordLength, target.signed));
    }
  };
}

/** The same W bits read with the other signedness. */
export function reinterpret(raw: bigint, wordLength: number, signed: boolean): bigint {
  return signed ? BigInt.asIntN(wordLength, raw) : BigInt.asUintN(wordLength, raw);
}
