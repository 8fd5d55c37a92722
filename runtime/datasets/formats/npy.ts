/**
 * NPY, NumPy's file format of one array: magic, version, length of the header, the header (a Python dictionary of
 * `descr`, `fortran_order` and `shape`), then the elements. Versions 1 to 3; booleans, integers and floats of either byte
 * order; C and Fortran order. Source: NEP 1 and the documentation of numpy.lib.format.
 */
import { type DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";

export interface NpyHeader {
  readonly type: NpyType;
  readonly littleEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly dataOffset: number;
  /** Product of the shape. */
  readonly elements: number;
}

/** Kind and bytes of an element, as NumPy writes them. */
export const NPY_TYPES = ["b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"] as const;
export type NpyType = (typeof NPY_TYPES)[number];

type ReadElement = (view: DataView, offset: number, littleEndian: boolean) => number;

interface ElementReader {
  readonly bytes: number;
  readonly integer: boolean;
  readonly read: ReadElement;
}

/** 64-bit integers are rounded to doubles. */
const READERS: Readonly<Record<NpyType, ElementReader>> = {
  b1: { bytes: 1, integer: true, read: (view, offset) => (view.getUint8(offset) === 0 ? 0 : 1) },
  u1: { bytes: 1, integer: true, read: (view, offset) => view.getUint8(offset) },
  i1: { bytes: 1, integer: true, read: (view, offset) => view.getInt8(offset) },
  u2: { bytes: 2, integer: true, read: (view, offset, little) => view.getUint16(offset, little) },
  i2: { bytes: 2, integer: true, read: (view, offset, little) => view.getInt16(offset, little) },
  u4: { bytes: 4, integer: true, read: (view, offset, little) => view.getUint32(offset, little) },
  i4: { bytes: 4, integer: true, read: (view, offset, little) => view.getInt32(offset, little) },
  u8: { bytes: 8, integer: true, read: (view, offset, little) => Number(view.getBigUint64(offset, little)) },
  i8: { bytes: 8, integer: true, read: (view, offset, little) => Number(view.getBigInt64(offset, little)) },
  f2: { bytes: 2, integer: false, read: (view, offset, little) => halfToNumber(view.getUint16(offset, little)) },
  f4: { bytes: 4, integer: false, read: (view, offset, little) => view.getFloat32(offset, little) },
  f8: { bytes: 8, integer: false, read: (view, offset, little) => view.getFloat64(offset, little) },
};

/** Bytes of the start of a file that hold any header this reader takes. */
export const NPY_HEADER_LIMIT: number = 2 ** 16;

const MAX_RANK = 32;
const MAX_ELEMENTS = 2 ** 40;

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] as const;

export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, index) => bytes[index] === byte);
}

export function npyElementBytes(type: NpyType): number {
  return READERS[type].bytes;
}

export function isIntegerType(type: NpyType): boolean {
  return READERS[type].integer;
}

/** Reads the header from the start of a file. `where` names the file in messages. */
export function readNpyHeader(start: Uint8Array, where: string): NpyHeader {
  if (!isNpy(start)) throw corrupt(where, "does not start as an NPY file does");
  const major = start[6];
  if (major === undefined || major < 1 || major > 3) {
    throw corrupt(where, `NPY version ${major ?? "missing"}, expected 1, 2 or 3`);
  }
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const lengthBytes = major === 1 ? 2 : 4;
  if (start.length < 8 + lengthBytes) throw corrupt(where, "the header is cut off");
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const dataOffset = 8 + lengthBytes + length;
  if (dataOffset > start.length) {
    throw corrupt(where, `a header of ${length} bytes, but ${start.length - 8 - lengthBytes} follow`);
  }
  const text = new TextDecoder("latin1").decode(start.subarray(8 + lengthBytes, dataOffset));
  return { ...parseDictionary(text, where), dataOffset };
}

function parseDictionary(text: string, where: string): Omit<NpyHeader, "dataOffset"> {
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shapeText = /'shape'\s*:\s*\(([0-9,\sL]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || shapeText === undefined) {
    throw corrupt(where, "a header without plain descr, fortran_order and shape");
  }
  const [, byteOrder, type] = /^([<>|=])([a-z][0-9]+)$/.exec(descr) ?? [];
  if (byteOrder === undefined || type === undefined || !Object.hasOwn(READERS, type)) {
    throw diagnosticError(
      "NPY_TYPE",
      where,
      `elements of type ${JSON.stringify(descr)}; expected booleans, integers or floats`,
      "convert the array, e.g. with astype('uint8') or astype('float32')",
    );
  }
  const shape = shapeText
    .split(",")
    .map((side) => side.trim())
    .filter((side) => side !== "")
    .map((side) => Number(side.replace(/L$/, "")));
  const elements = shape.includes(0) ? 0 : shape.reduce((product, side) => product * side, 1);
  if (shape.length > MAX_RANK || !shape.every(Number.isSafeInteger) || !(elements <= MAX_ELEMENTS)) {
    throw corrupt(where, `a shape of (${shapeText.trim()})`);
  }
  return {
    type: type as NpyType,
    littleEndian: byteOrder !== ">",
    fortranOrder: order === "True",
    shape,
    elements,
  };
}

/** Elements as they stand in `bytes`, from element `first` of the file's own order. */
export function npyElements(
  { type, littleEndian }: Pick<NpyHeader, "type" | "littleEndian">,
  bytes: Uint8Array,
): Uint8Array | Float64Array {
  if (type === "u1") return bytes;
  const { bytes: size, read } = READERS[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: Math.floor(bytes.length / size) }, (_, index) =>
    read(view, index * size, littleEndian),
  );
}

/** A whole array from memory, in C order. Its size is checked against the header. */
export function readNpy(
  bytes: Uint8Array,
  where: string,
): { readonly header: NpyHeader; readonly data: Uint8Array | Float64Array } {
  const header = readNpyHeader(bytes, where);
  requireNpySize(header, bytes.length, where);
  const data = npyElements(header, bytes.subarray(header.dataOffset));
  return { header, data: header.fortranOrder ? inCOrder(data, header.shape) : data };
}

/** The file must hold exactly what its header announces. */
export function requireNpySize({ shape, type, elements, dataOffset }: NpyHeader, size: number, where: string): void {
  const announced = elements * npyElementBytes(type);
  if (size - dataOffset === announced) return;
  throw corrupt(
    where,
    `the header announces (${shape.join(", ")}) = ${announced} bytes, the file holds ${size - dataOffset}`,
  );
}

/** Column-major elements in row-major order. */
function inCOrder(data: Uint8Array | Float64Array, shape: readonly number[]): Uint8Array | Float64Array {
  const out = data instanceof Uint8Array ? new Uint8Array(data.length) : new Float64Array(data.length);
  const index = shape.map(() => 0);
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, side) => product * side, 1));
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    out[to] = data[from] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [side, stride] = [shape[axis] ?? 1, strides[axis] ?? 1];
      const next = (index[axis] ?? 0) + 1;
      if (next < side) {
        index[axis] = next;
        from += stride;
        break;
      }
      index[axis] = 0;
      from -= (side - 1) * stride;
    }
  }
  return out;
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

function corrupt(where: string, what: string): DiagnosticError {
  return diagnosticError("NPY_FILE", where, what, "write the array again with numpy.save");
}
