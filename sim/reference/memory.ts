import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import { MachineFault } from "./machine-fault.ts";

interface Word {
  readonly wordLength: number;
  /** Bit pattern, 0 … 2^W − 1. */
  readonly bits: bigint;
}

/** The bit pattern of a raw in a word of W bits. */
export function bitsOf(raw: bigint, wordLength: number): bigint {
  return BigInt.asUintN(wordLength, raw);
}

/** The raw that a reader of this format sees in a bit pattern. */
export function rawOf(bits: bigint, format: FixedPointFormat): bigint {
  return format.signed ? BigInt.asIntN(format.wordLength, bits) : bits;
}

/**
 * An on-chip memory: words by the address of their first bit, each remembering its own length. Writing a word destroys
 * every other word whose bits it touches. Faults: `address` outside the capacity, `uninitialised` where no word of this
 * length begins at the address.
 */
export class WordMemory {
  readonly #name: string;
  readonly #capacityBits: number;
  readonly #words = new Map<number, Word>();
  #longestWord = 0;

  constructor(name: string, capacityBits: number) {
    this.#name = name;
    this.#capacityBits = capacityBits;
  }

  /** The raw of the word at a bit address, as the format reads it. */
  read(address: number, format: FixedPointFormat): bigint {
    const { wordLength } = format;
    this.#checkAddress(address, wordLength);
    const word = this.#words.get(address);
    if (word?.wordLength !== wordLength) {
      const found = word === undefined ? "no word was written there" : `the word there has ${word.wordLength} bits`;
      throw new MachineFault(
        "uninitialised",
        `${this.#name}: read of ${wordLength} bits at bit ${address}, but ${found}`,
      );
    }
    return rawOf(word.bits, format);
  }

  /** Writes a raw that fits W bits. */
  write(address: number, raw: bigint, wordLength: number): void {
    this.#checkAddress(address, wordLength);
    if (this.#words.get(address)?.wordLength !== wordLength) this.#destroyOverlapping(address, wordLength);
    this.#words.set(address, { wordLength, bits: bitsOf(raw, wordLength) });
  }

  #destroyOverlapping(address: number, wordLength: number): void {
    for (let start = address - this.#longestWord + 1; start < address + wordLength; start++) {
      const word = this.#words.get(start);
      if (word !== undefined && start + word.wordLength > address) this.#words.delete(start);
    }
    this.#longestWord = Math.max(this.#longestWord, wordLength);
  }

  #checkAddress(address: number, wordLength: number): void {
    if (address < 0 || address + wordLength > this.#capacityBits) {
      throw new MachineFault(
        "address",
        `${this.#name}: word of ${wordLength} bits at bit ${address}, outside its ${this.#capacityBits} bits`,
      );
    }
  }
}
