import { createHash, type Hash } from "node:crypto";
import type { Raws } from "../../isa/numerics/raws.ts";

/** SHA-256 of raws as 64-bit little-endian two's complement, image by image, each in row, column, channel order. */
export class Digest {
  readonly #hash: Hash = createHash("sha256");
  readonly #words: BigInt64Array = new BigInt64Array(4096);

  add(raws: Raws): void {
    const words = this.#words;
    const bytes = new DataView(words.buffer);
    for (let start = 0; start < raws.length; start += words.length) {
      const count = Math.min(words.length, raws.length - start);
      for (let index = 0; index < count; index++) {
        bytes.setBigInt64(8 * index, BigInt(raws[start + index] ?? 0), true);
      }
      this.#hash.update(new Uint8Array(words.buffer, 0, 8 * count));
    }
  }

  /** Hexadecimal; nothing may be added after. */
  finish(): string {
    return this.#hash.digest("hex");
  }
}

/** The digest of raws that are at hand at once. */
export function digestOf(raws: Raws): string {
  const digest = new Digest();
  digest.add(raws);
  return digest.finish();
}
