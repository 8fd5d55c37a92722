import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../isa/diagnostic.ts";
import {
  bigIntToBytes,
  bytesToBigInt,
  packedByteCount,
  packRaws,
  unpackRaws,
} from "../../../isa/numerics/bit-packing.ts";
import { type FixedPointFormat, fixedPoint, rawRange } from "../../../isa/numerics/format.ts";
import { allocateRaws, type Raws, rawAt, setRaw } from "../../../isa/numerics/raws.ts";

const FORMATS: readonly FixedPointFormat[] = Array.from({ length: 64 }, (_, index) => index + 1).flatMap((W) => [
  fixedPoint(W, 0, true),
  fixedPoint(W, 0, false),
]);

function rawsOf(format: FixedPointFormat, values: readonly bigint[]): Raws {
  const raws = allocateRaws(format, values.length);
  values.forEach((value, index) => {
    setRaw(raws, index, value);
  });
  return raws;
}

function values(format: FixedPointFormat, maxLength: number): fc.Arbitrary<bigint[]> {
  const { min, max } = rawRange(format);
  return fc.array(fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n)), { maxLength });
}

/** The definition, bit by bit: bit j of word i is bit i·W + j of the block. */
function packBitByBit(given: readonly bigint[], wordLength: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((given.length * wordLength) / 8));
  given.forEach((value, index) => {
    for (let bit = 0; bit < wordLength; bit++) {
      const position = index * wordLength + bit;
      const byte = Math.floor(position / 8);
      if ((value >> BigInt(bit)) & 1n) bytes[byte] = (bytes[byte] ?? 0) | (1 << (position % 8));
    }
  });
  return bytes;
}

describe("packed words", () => {
  it.each(FORMATS)("W = $wordLength, signed $signed: equal the definition and come back", (format) => {
    fc.assert(
      fc.property(values(format, 21), (given) => {
        const bytes = packRaws(rawsOf(format, given), format);
        expect(bytes).toEqual(packBitByBit(given, format.wordLength));
        const back = unpackRaws(bytes, format, given.length);
        expect(Array.from(given, (_, index) => rawAt(back, index, format))).toEqual(given);
        expect(back).toEqual(rawsOf(format, given));
      }),
      { numRuns: 25 },
    );
  });

  it("three signed words of 5 bits, 1, −1 and −16, are the bytes 0xe1 0x43", () => {
    const format = fixedPoint(5, 2);
    expect([...packRaws(Int32Array.of(1, -1, -16), format)]).toEqual([0xe1, 0x43]);
    expect(unpackRaws(Uint8Array.of(0xe1, 0x43), format, 3)).toEqual(Int32Array.of(1, -1, -16));
  });

  it("an unsigned word of 64 bits with its top bit set keeps its value", () => {
    const format = fixedPoint(64, 0, false);
    const raws = rawsOf(format, [2n ** 64n - 1n, 2n ** 63n, 7n]);
    const back = unpackRaws(packRaws(raws, format), format, 3);
    expect([0, 1, 2].map((index) => rawAt(back, index, format))).toEqual([2n ** 64n - 1n, 2n ** 63n, 7n]);
  });

  it("any bytes unpack to words in range, whatever follows the last word", () => {
    fc.assert(
      fc.property(fc.constantFrom(...FORMATS), fc.nat(9), fc.infiniteStream(fc.nat(255)), (format, count, stream) => {
        const length = packedByteCount(format.wordLength, count);
        const bytes = Uint8Array.from(stream.take(length));
        const raws = unpackRaws(bytes, format, count);
        const { min, max } = rawRange(format);
        for (let index = 0; index < count; index++) {
          const raw = rawAt(raws, index, format);
          expect(raw >= min && raw <= max).toBe(true);
        }
      }),
    );
  });

  it("no words are no bytes", () => {
    expect(packRaws(new Int32Array(0), fixedPoint(7, 0))).toEqual(new Uint8Array(0));
    expect(unpackRaws(new Uint8Array(0), fixedPoint(60, 0), 0)).toEqual(new BigInt64Array(0));
  });

  it("a view into a larger buffer is read at its own place", () => {
    const format = fixedPoint(40, 0);
    const given = BigInt64Array.of(-5n, 123456789012n, -(2n ** 39n));
    const block = new Uint8Array(40).fill(0xff);
    block.set(packRaws(given, format), 11);
    expect(unpackRaws(block.subarray(11, 26), format, 3)).toEqual(given);
  });
});

describe("what may not be packed", () => {
  it.each([
    ["a raw above the range", () => packRaws(Int32Array.of(0, 8), fixedPoint(4, 0))],
    ["a raw below the range", () => packRaws(Int32Array.of(-9), fixedPoint(4, 0))],
    ["a negative unsigned raw", () => packRaws(Int32Array.of(-1), fixedPoint(31, 0, false))],
    ["a wide raw above the range", () => packRaws(BigInt64Array.of(2n ** 39n), fixedPoint(40, 0))],
    ["a wide unsigned raw above the range", () => packRaws(BigInt64Array.of(-1n), fixedPoint(63, 0, false))],
    ["narrow words in wide storage", () => packRaws(BigInt64Array.of(0n), fixedPoint(16, 0))],
    ["wide words in narrow storage", () => packRaws(Int32Array.of(0), fixedPoint(33, 0))],
    ["W = 65", () => packRaws(BigInt64Array.of(0n), fixedPoint(65, 0))],
    ["too few bytes", () => unpackRaws(new Uint8Array(1), fixedPoint(5, 0), 2)],
    ["too many bytes", () => unpackRaws(new Uint8Array(3), fixedPoint(5, 0), 2)],
    ["a negative count", () => unpackRaws(new Uint8Array(0), fixedPoint(5, 0), -1)],
    ["a negative integer in bytes", () => bigIntToBytes(-1n, 4)],
    ["an integer larger than its bytes", () => bigIntToBytes(2n ** 32n, 4)],
    ["one in no bytes", () => bigIntToBytes(1n, 0)],
  ])("%s is a broken promise", (_, attempt) => {
    expect(attempt).toThrow(InvariantError);
  });
});

it("an integer of any number of bytes comes back, least significant byte first", () => {
  expect([...bigIntToBytes(0x01_02_03n, 4)]).toEqual([3, 2, 1, 0]);
  expect(bytesToBigInt(new Uint8Array(0))).toBe(0n);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const value = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      expect(bytesToBigInt(bytes)).toBe(value);
      expect(Uint8Array.from(bigIntToBytes(value, bytes.length))).toEqual(bytes);
    }),
  );
});
