import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import { IDX_LIMITS, type IdxTensor, readIdx, writeIdx } from "../../runtime/datasets/formats/idx.ts";

/** Tensors of every rank with odd lengths, zero among them. */
const tensors: fc.Arbitrary<IdxTensor> = fc
  .array(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 5 })
  .chain((shape) => {
    const elements = shape.reduce((product, length) => product * length, 1);
    return fc.uint8Array({ minLength: elements, maxLength: elements }).map((data) => ({ shape, data }));
  });

function diagnosticsOf(action: () => unknown): DiagnosticError {
  try {
    action();
  } catch (error) {
    if (error instanceof DiagnosticError) return error;
    throw error;
  }
  throw new Error("no diagnostic was given");
}

/** A header of the given type and lengths, and a body. */
function file(type: number, shape: readonly number[], body: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + body.length);
  bytes.set([0, 0, type, shape.length]);
  for (const [index, length] of shape.entries()) new DataView(bytes.buffer).setUint32(4 + 4 * index, length);
  bytes.set(body, 4 + 4 * shape.length);
  return bytes;
}

describe("IDX files", () => {
  test("return what was written, plain and compressed", () => {
    fc.assert(
      fc.property(tensors, fc.boolean(), (tensor, compress) => {
        expect(readIdx(writeIdx(tensor, { compress }), "digits")).toEqual(tensor);
      }),
    );
  });

  test("are big-endian and row-major: a 2×3 tensor byte by byte", () => {
    const bytes = writeIdx({ shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 255) });
    expect([...bytes]).toEqual([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255]);
  });

  test("are read from the middle of a larger buffer", () => {
    const plain = writeIdx({ shape: [3], data: Uint8Array.of(7, 8, 9) });
    const larger = new Uint8Array([9, 9, 9, ...plain, 9]);
    expect(readIdx(larger.subarray(3, 3 + plain.length), "digits").data).toEqual(Uint8Array.of(7, 8, 9));
  });

  test("compress to the same bytes whoever writes them, with no time and no system in the header", () => {
    const packed = writeIdx({ shape: [4], data: Uint8Array.of(1, 1, 1, 1) }, { compress: true });
    expect([...packed.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
    expect(new Uint8Array(gunzipSync(packed))).toEqual(writeIdx({ shape: [4], data: Uint8Array.of(1, 1, 1, 1) }));
  });

  test("are read from gzip files of several members and with a long name in the header", () => {
    const data = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7919) >>> 5);
    const plain = writeIdx({ shape: [70_000], data });
    const members = Buffer.concat([gzipSync(plain.subarray(0, 5)), gzipSync(plain.subarray(5))]);
    expect(readIdx(members, "digits").data).toEqual(data);
    const member = gzipSync(plain);
    const named = Buffer.concat([member.subarray(0, 10), Buffer.alloc(9000, "n"), Buffer.of(0), member.subarray(10)]);
    named[3] = 8;
    expect(readIdx(named, "digits").data).toEqual(data);
  });

  test.each([
    ["an empty file", new Uint8Array(), /hold no IDX header/],
    ["three bytes", Uint8Array.of(0, 0, 8), /hold no IDX header/],
    ["text", new TextEncoder().encode("label,pixel"), /two zero bytes/],
    ["no dimension", file(8, [], Uint8Array.of(1)), /0 dimensions; expected 1 to 8/],
    ["nine dimensions", file(8, [1, 1, 1, 1, 1, 1, 1, 1, 1], Uint8Array.of(1)), /9 dimensions/],
    ["half a header", file(8, [2, 3]).subarray(0, 11), /takes 12 bytes, the file holds 11/],
    ["an element too few", file(8, [2, 2], Uint8Array.of(1, 2, 3)), /2 × 2 = 4 elements, the file holds 3/],
    ["an element too many", file(8, [2], Uint8Array.of(1, 2, 3)), /2 = 2 elements, the file holds 3/],
    ["more elements than memory", file(8, [2 ** 32 - 1, 2 ** 32 - 1]), /are more than 2147483647/],
    ["a product beyond float64", file(8, Array(8).fill(2 ** 32 - 1)), /are more than 2147483647/],
    ["two gibibytes announced in twelve bytes", file(8, [2 ** 31 - 1]), /the file holds 0/],
  ])("give a diagnostic for %s, plain and compressed", (_, bytes, message) => {
    const plain = diagnosticsOf(() => readIdx(bytes, "digits.idx"));
    expect(plain.message).toMatch(message);
    expect(plain.diagnostics).toMatchObject([{ code: "IDX_FILE", where: "digits.idx" }]);
    expect(diagnosticsOf(() => readIdx(gzipSync(bytes), "digits.idx")).diagnostics).toMatchObject([
      { code: "IDX_FILE" },
    ]);
  });

  test("of other element types name the type found and the one expected", () => {
    const { diagnostics } = diagnosticsOf(() => readIdx(file(0x0d, [1], new Uint8Array(4)), "floats.idx"));
    expect(diagnostics).toMatchObject([
      { code: "IDX_TYPE", where: "floats.idx", what: expect.stringMatching(/32-bit float/) },
    ]);
    expect(diagnosticsOf(() => readIdx(file(0x77, [1]), "x")).message).toMatch(/0x77 \(unknown\)/);
  });

  test("that expand beyond their header are stopped there", () => {
    const bomb = gzipSync(file(8, [10], new Uint8Array(50_000_000)));
    expect(bomb.length).toBeLessThan(60_000);
    expect(diagnosticsOf(() => readIdx(bomb, "bomb.gz")).message).toMatch(/more elements than the header announces/);
  });

  test("that announce more than their compressed bytes can hold are refused before memory is taken", () => {
    const liar = gzipSync(file(8, [IDX_LIMITS.maxElements], new Uint8Array(1000)));
    expect(diagnosticsOf(() => readIdx(liar, "liar.gz")).message).toMatch(/compressed bytes cannot hold/);
  });

  test("give a tensor or a diagnostic, never another error, after any mutation", () => {
    const mutation = fc.record({ at: fc.nat(400), value: fc.nat(255), kind: fc.constantFrom("set", "cut", "insert") });
    fc.assert(
      fc.property(
        tensors,
        fc.boolean(),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        (tensor, compress, mutations) => {
          let bytes = [...writeIdx(tensor, { compress })];
          for (const { at, value, kind } of mutations) {
            const index = at % (bytes.length + 1);
            if (kind === "set" && index < bytes.length) bytes[index] = value;
            if (kind === "cut") bytes = bytes.slice(0, index);
            if (kind === "insert") bytes.splice(index, 0, value);
          }
          try {
            const { shape, data } = readIdx(Uint8Array.from(bytes), "mutated");
            expect(data.length).toBe(shape.reduce((product, length) => product * length, 1));
          } catch (error) {
            expect(error).toBeInstanceOf(DiagnosticError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("give a tensor or a diagnostic for random bytes after either magic number", () => {
    const start = fc.constantFrom([0, 0, 8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], []);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 64 }), (magic, rest) => {
        try {
          readIdx(Uint8Array.from([...magic, ...rest]), "random");
        } catch (error) {
          expect(error).toBeInstanceOf(DiagnosticError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("are not written where shape and elements disagree", () => {
    const data = new Uint8Array(6);
    for (const shape of [[], [5], [2, 4], [1.5, 4], [-2, -3], Array(9).fill(1)]) {
      expect(() => writeIdx({ shape, data })).toThrow(InvariantError);
    }
  });
});
