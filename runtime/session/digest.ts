import { createHash } from "node:crypto";
import type { Raws } from "../../isa/raws.ts";

/** SHA-256 of raws as 64-bit little-endian two's complement, image by image, each in row, column, channel order. */
export function digestOf(raws: Raws): string {
  const hash = createHash("sha256");
  const words = new BigInt64Array(4096);
  const bytes = new DataView(words.buffer);
  for (let start = 0; start < raws.length; start += words.length) {
    const count = Math.min(words.length, raws.length - start);
    for (let index = 0; index < count; index++) {
      bytes.setBigInt64(8 * index, BigInt(raws[start + index] ?? 0), true);
    }
    hash.update(new Uint8Array(words.buffer, 0, 8 * count));
  }
  return hash.digest("hex");
}
