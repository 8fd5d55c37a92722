/** TensorProto to tensors: every way ONNX stores elements. */
import { type DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import { elementCount, formatShape, MAXIMUM_ELEMENTS } from "../../graph/shape.ts";
import { fromBfloat16, fromFloat16 } from "../../tensor-graph/arithmetic/small-floats.ts";
import { ONNX_ELEMENT_TYPES, type OnnxElementType, onnxTypeName } from "../../tensor-graph/onnx-types.ts";
import { ELEMENT_BYTES, safeInteger, zeros } from "../../tensor-graph/tensor.ts";
import type { AnyTensor, ElementType } from "../../tensor-graph/tensor-graph.ts";
import { type ExternalFile, externalFileOf } from "./external-data.ts";
import { bigintOf, type TensorMessage, varintReader } from "./schema.ts";

/** The bytes of a tensor that lie in a file beside the model. */
export type ReadExternal = (file: ExternalFile) => Uint8Array;

/** Throws `DiagnosticError`; `where` is the tensor's place. */
export function readTensor(message: TensorMessage, where: string, readExternal: ReadExternal): AnyTensor {
  const code = message.dataType ?? 0;
  const type = ONNX_ELEMENT_TYPES.get(code);
  if (type === undefined) {
    throw tensorError(
      where,
      `elements of type ${onnxTypeName(code)} are not supported`,
      "use integers or floats of 16 bits and more",
    );
  }
  const shape = readShape(message, where);
  if ((message.segment?.length ?? 0) > 0) {
    throw tensorError(where, "the tensor is stored in segments, which are not supported", "save the model again");
  }
  if (message.dataLocation === 1) {
    const file = externalFileOf(message, where);
    return readRaw(
      readExternal({ ...file, length: file.length ?? byteLength(type, elementCount(shape)) }),
      type,
      shape,
      where,
    );
  }
  const { rawData } = message;
  if (rawData !== undefined && rawData.length > 0) return readRaw(rawData, type, shape, where);
  return readTyped(message, type, shape, where);
}

/** Throws `DiagnosticError` unless the sizes are bounded. */
function readShape(message: TensorMessage, where: string): readonly number[] {
  const shape = (message.dims ?? []).map((size) => safeInteger(bigintOf(size)));
  if (shape.every((size) => size >= 0) && elementCount(shape) <= MAXIMUM_ELEMENTS) return shape;
  throw tensorError(
    where,
    `found shape ${formatShape(shape)}, expected sizes from 0 up and at most ${MAXIMUM_ELEMENTS} elements in all`,
    "the file is damaged, or the model too large",
  );
}

function byteLength(type: OnnxElementType, count: number): number {
  return Math.ceil((count * type.bits) / 8);
}

/** Elements one after the other, little-endian; two of 4 bits in a byte, the lower one first. */
function readRaw(bytes: Uint8Array, type: OnnxElementType, shape: readonly number[], where: string): AnyTensor {
  const count = elementCount(shape);
  requireCount(bytes.length, byteLength(type, count), "bytes", type, shape, where);
  const tensor: AnyTensor = zeros(type.held, shape);
  if (type.bits === 4) {
    for (let i = 0; i < count; i++) tensor.data[i] = nibble((bytes[i >> 1] ?? 0) >> (4 * (i & 1)), type) as never;
  } else if (type.bits === 16 && type.held === "float32") {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const widen = type.name === "float16" ? fromFloat16 : fromBfloat16;
    for (let i = 0; i < count; i++) tensor.data[i] = widen(view.getUint16(2 * i, true)) as never;
  } else {
    copyLittleEndian(bytes, tensor);
  }
  requireBooleans(tensor, where);
  return tensor;
}

const HOST_IS_LITTLE_ENDIAN: boolean = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function copyLittleEndian(bytes: Uint8Array, tensor: AnyTensor): void {
  const target = new Uint8Array(tensor.data.buffer);
  target.set(bytes);
  const size = ELEMENT_BYTES[tensor.type];
  if (!HOST_IS_LITTLE_ENDIAN) for (let at = 0; at < target.length; at += size) target.subarray(at, at + size).reverse();
}

/** The low four bits as a number. */
function nibble(bits: number, type: OnnxElementType): number {
  const low = bits & 15;
  return type.name === "int4" && low > 7 ? low - 16 : low;
}

/** Where a type's elements stand when they are not raw; the rest stand in `int32Data`. */
type TypedField = "floatData" | "doubleData" | "int64Data" | "uint64Data" | "int32Data";

const TYPED_FIELDS: Readonly<Partial<Record<string, TypedField>>> = {
  float: "floatData",
  double: "doubleData",
  int64: "int64Data",
  uint32: "uint64Data",
  uint64: "uint64Data",
};

function readTyped(message: TensorMessage, type: OnnxElementType, shape: readonly number[], where: string): AnyTensor {
  const field = TYPED_FIELDS[type.name] ?? "int32Data";
  const bytes = joined(message[field] ?? []);
  if (field === "floatData" || field === "doubleData") return readRaw(bytes, type, shape, where);
  const count = elementCount(shape);
  const stored = type.bits === 4 ? Math.ceil(count / 2) : count;
  requireCount(varintCount(bytes), stored, "elements", type, shape, where);
  const tensor: AnyTensor = zeros(type.held, shape);
  const next = varintReader(bytes);
  const read = INT32_READERS[type.name] ?? ((value: number): number => value);
  try {
    let word = 0;
    for (let i = 0; i < count; i++) {
      let value: number | bigint;
      if (tensor.type === "int64" || tensor.type === "uint64") {
        value = bigintOf(next());
      } else if (type.bits === 4) {
        if (i % 2 === 0) word = next().low;
        value = nibble(word >> (4 * (i & 1)), type);
      } else {
        value = read(next().low);
      }
      tensor.data[i] = value as never;
    }
  } catch {
    throw tensorError(where, "the elements are no list of integers", "the file is damaged: copy or export it again");
  }
  requireBooleans(tensor, where);
  return tensor;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only, ...others] = parts;
  if (only !== undefined && others.length === 0) return only;
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** The last byte of a varint has its highest bit clear. */
function varintCount(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte < 128) count++;
  return count;
}

const INT32_READERS: Readonly<Partial<Record<string, (value: number) => number>>> = {
  float16: (value) => fromFloat16(value & 0xffff),
  bfloat16: (value) => fromBfloat16(value & 0xffff),
};

function requireCount(
  found: number,
  expected: number,
  unit: "bytes" | "elements",
  type: OnnxElementType,
  shape: readonly number[],
  where: string,
): void {
  if (found === expected) return;
  throw tensorError(
    where,
    `found ${found} ${unit}, expected ${expected} for ${type.name} ${formatShape(shape)}`,
    "the file is cut off or damaged: copy or export it again",
  );
}

/** Anything but 0 and 1 is no bool. */
function requireBooleans(tensor: AnyTensor, where: string): void {
  const type: ElementType = tensor.type;
  if (type !== "bool" || tensor.data.every((value) => value === 0 || value === 1)) return;
  throw tensorError(where, "found a bool that is neither 0 nor 1", "the file is damaged: export it again");
}

export function tensorError(where: string, what: string, hint: string): DiagnosticError {
  return diagnosticError("MODEL_TENSOR", where, what, hint);
}
