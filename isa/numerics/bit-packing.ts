import { toBigIntLE, toBufferLE } from "bigint-buffer/dist/browser.js";
import { InvariantError } from "../diagnostic.ts";
import { type FixedPointFormat, FORMAT_LIMITS } from "./format.ts";
import { allocateRaws, fitsInt32, type Raws } from "./raws.ts";

/*
 * Words packed at their own word length W: word i occupies bits i·W … i·W + W − 1 of the block, bit b of the block is
 * bit b mod 8 of byte ⌊b / 8⌋, and the bits after the last word are zero.
 *
 * This is the one file that imports bigint-buffer, and its pure JavaScript build only: the native one can be made to
 * read past its buffer (CVE-2025-3194). Lengths are checked here before every call.
 */

/** Eight words of any W fill whole bytes, W of them. */
const WORDS_PER_GROUP = 8;

/** Bytes that `count` words of `wordLength` bits occupy. */
export function packedByteCount(wordLength: number, count: number): number {
  return Math.ceil((wordLength * count) / 8);
}

/** The raws, in the storage their format asks for (see raws.ts) and within its range, as packed bytes. W at most 64. */
export function packRaws(raws: Raws, format: FixedPointFormat): Uint8Array {
  checkWordLength(format);
  checkRange(raws, format);
  const bytes = new Uint8Array(packedByteCount(format.wordLength, raws.length));
  if (raws instanceof Int32Array) packNarrow(raws, format.wordLength, bytes);
  else packWide(raws, format.wordLength, bytes);
  return bytes;
}

/** The inverse of `packRaws`: `bytes` must hold exactly `count` words; bits after the last one are not looked at. */
export function unpackRaws(bytes: Uint8Array, format: FixedPointFormat, count: number): Raws {
  checkWordLength(format);
  const expected = packedByteCount(format.wordLength, count);
  if (!Number.isSafeInteger(count) || count < 0 || bytes.length !== expected) {
    throw new InvariantError(`${count} words of ${format.wordLength} bits need ${expected} bytes, got ${bytes.length}`);
  }
  const raws = allocateRaws(format, count);
  if (raws instanceof Int32Array) unpackNarrow(bytes, format, raws);
  else unpackWide(bytes, format, raws);
  return raws;
}

/** An unsigned integer as `byteCount` bytes, least significant first. */
export function bigIntToBytes(value: bigint, byteCount: number): Uint8Array {
  if (value < 0n || value >> BigInt(8 * byteCount) !== 0n) {
    throw new InvariantError(`${value} does not fit ${byteCount} unsigned bytes`);
  }
  return byteCount === 0 ? new Uint8Array(0) : new Uint8Array(toBufferLE(value, byteCount));
}

/** The unsigned integer whose least significant byte is the first; 0 for no bytes. */
export function bytesToBigInt(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  return toBigIntLE(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

function packNarrow(raws: Int32Array, wordLength: number, bytes: Uint8Array): void {
  let byteIndex = 0;
  let bitIndex = 0;
  for (const raw of raws) {
    let rest = raw;
    let bitsLeft = wordLength;
    while (bitsLeft > 0) {
      const taken = Math.min(8 - bitIndex, bitsLeft);
      bytes[byteIndex] = (bytes[byteIndex] ?? 0) | ((rest & ((1 << taken) - 1)) << bitIndex);
      rest >>= taken;
      bitsLeft -= taken;
      bitIndex += taken;
      if (bitIndex === 8) {
        bitIndex = 0;
        byteIndex++;
      }
    }
  }
}

function unpackNarrow(bytes: Uint8Array, format: FixedPointFormat, raws: Int32Array): void {
  const { wordLength, signed } = format;
  const signShift = signed ? 32 - wordLength : 0;
  let byteIndex = 0;
  let bitIndex = 0;
  for (let index = 0; index < raws.length; index++) {
    let raw = 0;
    let bitsHeld = 0;
    while (bitsHeld < wordLength) {
      const taken = Math.min(8 - bitIndex, wordLength - bitsHeld);
      raw |= (((bytes[byteIndex] ?? 0) >> bitIndex) & ((1 << taken) - 1)) << bitsHeld;
      bitsHeld += taken;
      bitIndex += taken;
      if (bitIndex === 8) {
        bitIndex = 0;
        byteIndex++;
      }
    }
    raws[index] = (raw << signShift) >> signShift;
  }
}

function packWide(raws: BigInt64Array, wordLength: number, bytes: Uint8Array): void {
  const shift = BigInt(wordLength);
  for (let start = 0; start < raws.length; start += WORDS_PER_GROUP) {
    const group = raws.subarray(start, start + WORDS_PER_GROUP);
    let packed = 0n;
    for (let index = group.length - 1; index >= 0; index--) {
      packed = (packed << shift) | BigInt.asUintN(wordLength, group[index] ?? 0n);
    }
    bytes.set(bigIntToBytes(packed, packedByteCount(wordLength, group.length)), (start / WORDS_PER_GROUP) * wordLength);
  }
}

function unpackWide(bytes: Uint8Array, format: FixedPointFormat, raws: BigInt64Array): void {
  const { wordLength, signed } = format;
  const shift = BigInt(wordLength);
  for (let start = 0; start < raws.length; start += WORDS_PER_GROUP) {
    const firstByte = (start / WORDS_PER_GROUP) * wordLength;
    let packed = bytesToBigInt(bytes.subarray(firstByte, firstByte + wordLength));
    for (let index = start; index < Math.min(start + WORDS_PER_GROUP, raws.length); index++) {
      raws[index] = signed ? BigInt.asIntN(wordLength, packed) : BigInt.asUintN(wordLength, packed);
      packed >>= shift;
    }
  }
}

function checkWordLength(format: FixedPointFormat): void {
  const { wordLength } = format;
  if (!Number.isInteger(wordLength) || wordLength < 1 || wordLength > FORMAT_LIMITS.wordLength) {
    throw new InvariantError(`a packed word has 1 to ${FORMAT_LIMITS.wordLength} bits, not ${wordLength}`);
  }
}

function checkRange(raws: Raws, format: FixedPointFormat): void {
  const { wordLength, signed } = format;
  if (raws instanceof Int32Array !== fitsInt32(format)) {
    throw new InvariantError(`raws of ${wordLength} bits in a ${raws.constructor.name}`);
  }
  const outside = raws instanceof Int32Array ? narrowOutside(raws, format) : wideOutside(raws, wordLength, signed);
  if (outside >= 0) throw new InvariantError(`raw ${raws[outside]} at ${outside} does not fit ${wordLength} bits`);
}

function narrowOutside(raws: Int32Array, { wordLength, signed }: FixedPointFormat): number {
  const max = 2 ** (signed ? wordLength - 1 : wordLength) - 1;
  const min = signed ? -max - 1 : 0;
  return raws.findIndex((raw) => raw < min || raw > max);
}

function wideOutside(raws: BigInt64Array, wordLength: number, signed: boolean): number {
  return raws.findIndex((raw) =>
    signed ? BigInt.asIntN(wordLength, raw) !== raw : BigInt.asUintN(wordLength, raw) !== BigInt.asUintN(64, raw),
  );
}
