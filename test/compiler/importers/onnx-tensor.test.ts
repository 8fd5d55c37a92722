import { Writer } from "protobufjs";
import { describe, expect, it } from "vitest";
import { type Long, messageType, type TensorMessage } from "../../../compiler/importers/onnx/schema.ts";
import { readTensor } from "../../../compiler/importers/onnx/tensor-message.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";

const long = (value: number): Long => ({ low: value | 0, high: Math.floor(value / 2 ** 32) });

function read(message: Omit<TensorMessage, "dims"> & { readonly dims: readonly number[] }): {
  readonly type: string;
  readonly shape: readonly number[];
  readonly data: readonly (number | bigint)[];
} {
  const tensor = readTensor({ ...message, dims: message.dims.map(long) }, "w", () => new Uint8Array());
  return { type: tensor.type, shape: tensor.shape, data: [...tensor.data] };
}

function varints(...values: readonly number[]): Uint8Array {
  const writer = Writer.create();
  for (const value of values) writer.int64(value);
  return writer.finish();
}

const floatBytes = (...values: readonly number[]): Uint8Array => new Uint8Array(new Float32Array(values).buffer);

describe("raw bytes", () => {
  it.each([
    ["float", 1, new Float32Array([1.5, -2]), "float32", [1.5, -2]],
    ["uint8", 2, new Uint8Array([1, 255]), "uint8", [1, 255]],
    ["int8", 3, new Int8Array([1, -1]), "int8", [1, -1]],
    ["uint16", 4, new Uint16Array([1, 65535]), "uint16", [1, 65535]],
    ["int16", 5, new Int16Array([1, -2]), "int16", [1, -2]],
    ["int32", 6, new Int32Array([1, -(2 ** 31)]), "int32", [1, -(2 ** 31)]],
    ["int64", 7, new BigInt64Array([1n, -(2n ** 63n)]), "int64", [1n, -(2n ** 63n)]],
    ["bool", 9, new Uint8Array([0, 1]), "bool", [0, 1]],
    ["float16", 10, new Uint16Array([0x3c00, 0xc401]), "float32", [1, -4.00390625]],
    ["double", 11, new Float64Array([0.1, 1e300]), "float64", [0.1, 1e300]],
    ["uint32", 12, new Uint32Array([1, 2 ** 32 - 1]), "uint32", [1, 2 ** 32 - 1]],
    ["uint64", 13, new BigUint64Array([1n, 2n ** 64n - 1n]), "uint64", [1n, 2n ** 64n - 1n]],
    ["bfloat16", 16, new Uint16Array([0x3f80, 0xc0a0]), "float32", [1, -5]],
  ] as const)("of %s", (_name, dataType, array, type, data) => {
    // One byte off any alignment, as in a file.
    const bytes = new Uint8Array(array.byteLength + 1);
    bytes.set(new Uint8Array(array.buffer), 1);
    expect(read({ dims: [2, 1], dataType, rawData: bytes.subarray(1) })).toEqual({ type, shape: [2, 1], data });
  });

  it("of 4 bits: the lower half first, the last one alone", () => {
    const rawData = new Uint8Array([0x8f, 0x07]);
    expect(read({ dims: [3], dataType: 22, rawData })).toEqual({ type: "int8", shape: [3], data: [-1, -8, 7] });
    expect(read({ dims: [3], dataType: 21, rawData })).toEqual({ type: "uint8", shape: [3], data: [15, 8, 7] });
  });
});

describe("typed fields", () => {
  it("floats, also in several packed parts", () => {
    const floatData = [floatBytes(1, 2), floatBytes(-3)];
    expect(read({ dims: [3], dataType: 1, floatData }).data).toEqual([1, 2, -3]);
  });

  it("doubles", () => {
    const doubleData = [new Uint8Array(new Float64Array([0.1]).buffer)];
    expect(read({ dims: [], dataType: 11, doubleData })).toEqual({ type: "float64", shape: [], data: [0.1] });
  });

  it.each([
    ["int32", 6, [5, -7], [5, -7]],
    ["int8", 3, [5, -7], [5, -7]],
    ["uint8", 2, [5, 200], [5, 200]],
    ["int16", 5, [5, -7], [5, -7]],
    ["uint16", 4, [5, 65535], [5, 65535]],
    ["bool", 9, [0, 1], [0, 1]],
    ["float16", 10, [0x3c00, 0xbc00], [1, -1]],
    ["bfloat16", 16, [0x3f80, 0xbf80], [1, -1]],
  ] as const)("%s in int32_data", (_name, dataType, stored, data) => {
    expect(read({ dims: [2], dataType, int32Data: [varints(...stored)] }).data).toEqual(data);
  });

  it("two of 4 bits per word of int32_data", () => {
    expect(read({ dims: [3], dataType: 22, int32Data: [varints(0x8f, 7)] }).data).toEqual([-1, -8, 7]);
  });

  it("64-bit integers", () => {
    expect(read({ dims: [2], dataType: 7, int64Data: [varints(2 ** 52, -1)] }).data).toEqual([2n ** 52n, -1n]);
    expect(read({ dims: [2], dataType: 13, uint64Data: [varints(7, -1)] }).data).toEqual([7n, 2n ** 64n - 1n]);
    expect(read({ dims: [1], dataType: 12, uint64Data: [varints(2 ** 32 - 1)] }).data).toEqual([2 ** 32 - 1]);
  });

  it("no elements need no bytes", () => {
    expect(read({ dims: [0, 3], dataType: 1 })).toEqual({ type: "float32", shape: [0, 3], data: [] });
  });

  it("are read from a file as the library wrote it", () => {
    const type = messageType("TensorProto");
    const bytes = type.encode(type.fromObject({ dims: [2], dataType: 1, floatData: [floatBytes(1, 2)] })).finish();
    const message = type.decode(bytes) as unknown as TensorMessage;
    expect([...readTensor(message, "w", () => new Uint8Array()).data]).toEqual([1, 2]);
  });
});

describe("refused", () => {
  it.each([
    ["too few bytes", { dims: [3], dataType: 1, rawData: new Uint8Array(8) }, /found 8 bytes, expected 12/],
    ["too many bytes", { dims: [1], dataType: 1, rawData: new Uint8Array(8) }, /found 8 bytes, expected 4/],
    ["no bytes", { dims: [1], dataType: 1 }, /found 0 bytes, expected 4/],
    ["too few integers", { dims: [3], dataType: 6, int32Data: [varints(1, 2)] }, /found 2 elements, expected 3/],
    [
      "half an integer",
      { dims: [1], dataType: 6, int32Data: [new Uint8Array([0x80])] },
      /found 0 elements, expected 1/,
    ],
    [
      "endless integers",
      { dims: [1], dataType: 6, int32Data: [new Uint8Array(20).fill(0x80).fill(1, 19)] },
      /no list of integers/,
    ],
    ["huge sizes", { dims: [2 ** 31, 2 ** 31], dataType: 1 }, /at most 268435456 elements/],
    ["negative sizes", { dims: [-1, -4], dataType: 1, rawData: new Uint8Array(16) }, /found shape \[-1, -4\]/],
    ["texts", { dims: [1], dataType: 8 }, /type string are not supported/],
    ["8-bit floats", { dims: [1], dataType: 17 }, /type float8e4m3fn are not supported/],
    ["an unknown type", { dims: [1], dataType: 77 }, /type number 77 are not supported/],
    ["odd bools", { dims: [1], dataType: 9, rawData: new Uint8Array([2]) }, /neither 0 nor 1/],
    ["segments", { dims: [1], dataType: 1, segment: new Uint8Array(2) }, /segments/],
  ] as const)("%s", (_name, message, text) => {
    expect(() => read(message)).toThrow(DiagnosticError);
    expect(() => read(message)).toThrow(text);
  });
});
