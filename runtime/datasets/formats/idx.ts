/**
 * IDX, the file format of the MNIST database: big-endian header (two zero bytes, type, rank, one 32-bit length per
 * dimension), then the elements in row-major order. Unsigned bytes only; plain or gzip-compressed.
 *
 * Source: the format's description on the MNIST page of LeCun, Cortes and Burges.
 */
import { constants, gunzipSync, gzipSync } from "node:zlib";
import { type DiagnosticError, diagnosticError, InvariantError } from "../../../isa/diagnostic.ts";

export interface IdxTensor {
  /** Lengths of the dimensions, outermost first, e.g. [1000, 28, 28] for images and [1000] for labels. */
  readonly shape: readonly number[];
  /** Row-major elements. */
  readonly data: Uint8Array;
}

export const IDX_LIMITS: { readonly maxRank: number; readonly maxElements: number } = {
  /** More dimensions than any data set has; keeps a header within 36 bytes. */
  maxRank: 8,
  /** 2^31 − 1 elements: what one typed array surely holds. */
  maxElements: 2 ** 31 - 1,
};

const UNSIGNED_BYTE = 0x08;

/** Element types of the format, for messages. */
const TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [UNSIGNED_BYTE, "unsigned byte"],
  [0x09, "signed byte"],
  [0x0b, "16-bit integer"],
  [0x0c, "32-bit integer"],
  [0x0d, "32-bit float"],
  [0x0e, "64-bit float"],
]);

/** A byte of deflate expands to at most 1,032 bytes (258 bytes per two bits), and gzip adds 18 bytes. */
const MAX_EXPANSION = 1032;

/** Compressed bytes looked at for the header, at first. */
const PREFIX_LENGTH = 4096;

/**
 * Reads an IDX file from memory. `where` names it in messages. The header is checked against the length of the file
 * before memory for the elements is taken, compressed or not. For an uncompressed file `data` is a view of `bytes`.
 *
 * Throws `DiagnosticError` for anything that is not one complete IDX file of unsigned bytes.
 */
export function readIdx(bytes: Uint8Array, where: string): { shape: number[]; data: Uint8Array } {
  const compressed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const { shape, headerLength, elements } = readHeader(compressed ? inflatedPrefix(bytes, where) : bytes, where);
  const total = headerLength + elements;
  if (compressed && total > bytes.length * MAX_EXPANSION) {
    throw corrupt(where, `${bytes.length} compressed bytes cannot hold the ${total} bytes that the header announces`);
  }
  const file = compressed ? inflate(bytes, total, where) : bytes;
  if (file.length !== total) {
    const body = file.length - headerLength;
    throw corrupt(where, `the header announces ${shape.join(" × ")} = ${elements} elements, the file holds ${body}`);
  }
  return { shape, data: new Uint8Array(file.buffer, file.byteOffset + headerLength, elements) };
}

/** The bytes of an IDX file; with `compress`, of a gzip file that carries neither name nor time nor system. */
export function writeIdx(tensor: IdxTensor, options: { readonly compress?: boolean } = {}): Uint8Array {
  const { shape, data } = tensor;
  const elements = shape.reduce((product, length) => product * length, 1);
  const lengthsFit = shape.every((length) => Number.isInteger(length) && length >= 0 && length < 2 ** 32);
  if (shape.length < 1 || shape.length > IDX_LIMITS.maxRank || !lengthsFit || elements !== data.length) {
    throw new InvariantError(`an IDX tensor of shape [${shape.join(", ")}] with ${data.length} elements`);
  }
  const headerLength = 4 + 4 * shape.length;
  const file = new Uint8Array(headerLength + elements);
  file[2] = UNSIGNED_BYTE;
  file[3] = shape.length;
  const view = new DataView(file.buffer);
  for (const [dimension, length] of shape.entries()) view.setUint32(4 + 4 * dimension, length);
  file.set(data, headerLength);
  return options.compress === true ? compress(file) : file;
}

interface Header {
  readonly shape: number[];
  readonly headerLength: number;
  readonly elements: number;
}

function readHeader(bytes: Uint8Array, where: string): Header {
  const [zero0, zero1, type, rank] = bytes;
  if (type === undefined || rank === undefined) throw corrupt(where, `${bytes.length} bytes hold no IDX header`);
  if (zero0 !== 0 || zero1 !== 0) throw corrupt(where, "an IDX file starts with two zero bytes, this one does not");
  if (type !== UNSIGNED_BYTE) {
    throw diagnosticError(
      "IDX_TYPE",
      where,
      `elements of type 0x${type.toString(16).padStart(2, "0")} (${TYPE_NAMES.get(type) ?? "unknown"}); expected 0x08 (unsigned byte)`,
      "convert the file to unsigned bytes",
    );
  }
  if (rank < 1 || rank > IDX_LIMITS.maxRank) {
    throw corrupt(where, `${rank} dimensions; expected 1 to ${IDX_LIMITS.maxRank}`);
  }
  const headerLength = 4 + 4 * rank;
  if (bytes.length < headerLength) {
    throw corrupt(
      where,
      `the header of ${rank} dimensions takes ${headerLength} bytes, the file holds ${bytes.length}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerLength);
  const shape = Array.from({ length: rank }, (_, dimension) => view.getUint32(4 + 4 * dimension));
  const elements = shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
  if (elements > IDX_LIMITS.maxElements) {
    throw corrupt(where, `${shape.join(" × ")} elements are more than ${IDX_LIMITS.maxElements}`);
  }
  return { shape, headerLength, elements };
}

/** Enough of the decompressed file to read its header, taken from no more of the compressed one than necessary. */
function inflatedPrefix(bytes: Uint8Array, where: string): Uint8Array {
  const longestHeader = 4 + 4 * IDX_LIMITS.maxRank;
  for (let length = PREFIX_LENGTH; ; length *= 2) {
    // Z_SYNC_FLUSH: input that stops in the middle gives what it holds so far.
    const prefix = gunzip(bytes.subarray(0, length), { finishFlush: constants.Z_SYNC_FLUSH }, where);
    if (prefix.length >= longestHeader || length >= bytes.length) return prefix;
  }
}

function inflate(bytes: Uint8Array, total: number, where: string): Uint8Array {
  return gunzip(bytes, { maxOutputLength: total }, where);
}

function gunzip(bytes: Uint8Array, options: Parameters<typeof gunzipSync>[1], where: string): Uint8Array {
  try {
    return gunzipSync(bytes, options);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const tooLong = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    throw corrupt(
      where,
      tooLong ? "more elements than the header announces" : `not a sound gzip file: ${error.message}`,
    );
  }
}

function compress(file: Uint8Array): Uint8Array {
  const packed = new Uint8Array(gzipSync(file, { level: 9 }));
  // RFC 1952: byte 9 names the operating system; 255 is unknown. The time stamp (bytes 4 to 7) is zero already.
  packed[9] = 255;
  return packed;
}

function corrupt(where: string, what: string): DiagnosticError {
  return diagnosticError("IDX_FILE", where, what, "fetch or write the IDX file again");
}
