/** A source of 32-bit random words. */
export interface RandomWordSource {
  /** The next word, an integer from 0 to 2^32 − 1. */
  next(): number;
}

/**
 * Marsaglia's xorshift with shifts 13, 17, 5 (Journal of Statistical Software 8(14), 2003): period 2^32 − 1 over every
 * word but 0. Thirty-two flip-flops and three rows of XOR gates in hardware. A word is the state *after* the step.
 */
export class Xorshift32 implements RandomWordSource {
  #state: number;

  /** `state` is taken modulo 2^32; 0, which would stay 0 for ever, is replaced by 1. */
  constructor(state: number) {
    this.#state = state >>> 0 || 1;
  }

  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state;
  }
}

/**
 * One step of a 32-bit SplitMix: add the golden-ratio constant, then mix by two multiplications and three shifts. A
 * permutation of the 32-bit words; `x` is taken modulo 2^32.
 */
export function splitmix32(x: number): number {
  let mixed = (x + 0x9e3779b9) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** One 32-bit word from several, order included: h = splitmix32(first), then h = splitmix32(h xor word) for each further word. */
export function combineSeed(first: number, ...words: number[]): number {
  let combined = splitmix32(first >>> 0);
  for (const word of words) combined = splitmix32((combined ^ word) >>> 0);
  return combined;
}

/**
 * The generator of one quantizing register of one processing element or lane, set anew for every instruction of every
 * image and stepped once per quantisation that drops bits. All arguments are taken modulo 2^32.
 */
export function registerGenerator(
  seed: number,
  instructionOrdinal: number,
  image: number,
  registerCode: number,
  row: number,
  column: number,
): Xorshift32 {
  return new Xorshift32(combineSeed(seed, instructionOrdinal, image, registerCode, row, column));
}

/** The generator of a tensor quantized at compile time, drawn from in row-major order. */
export function tensorGenerator(seed: number, tensorName: string): Xorshift32 {
  return new Xorshift32(combineSeed(seed, fnv1a32(new TextEncoder().encode(tensorName))));
}

/** FNV-1a, 32 bits (offset basis 2166136261, prime 16777619). */
function fnv1a32(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
