import { createHash } from "node:crypto";
import { type DiagnosticError, diagnosticError } from "../diagnostic.ts";

/*
 * The program file around its sections. Integers are little-endian.
 *
 *   8 bytes   magic
 *   4 bytes   version
 *   4 bytes   number of sections
 *  12 bytes   per section: kind (4), length in bytes (8)
 *             the sections, one after the other in the order of the table
 *  32 bytes   SHA-256 of everything before
 */

/** Kind of a section in the table; a file holds each once, in this order. */
const SECTION_KINDS = { symbols: 1, constants: 2, code: 3 } as const;
export type SectionName = keyof typeof SECTION_KINDS;
export type Sections = Readonly<Record<SectionName, Uint8Array>>;

const SECTION_NAMES = Object.keys(SECTION_KINDS) as SectionName[];

/** A byte above 127, then line ends of both kinds: a transfer in text mode cannot leave it intact. */
export const PROGRAM_MAGIC: Uint8Array = Uint8Array.of(0x89, 0x4d, 0x43, 0x53, 0x0d, 0x0a, 0x1a, 0x0a);

export const PROGRAM_FILE_VERSION = 2;

const VERSION_AT = PROGRAM_MAGIC.length;
const COUNT_AT = VERSION_AT + 4;
const TABLE_AT = COUNT_AT + 4;
const ENTRY_BYTES = 12;
const SECTIONS_AT = TABLE_AT + SECTION_NAMES.length * ENTRY_BYTES;
const CHECKSUM_BYTES = 32;

export function writeContainer(sections: Sections): Uint8Array {
  const contentBytes = SECTION_NAMES.reduce((total, name) => total + sections[name].length, 0);
  const bytes = new Uint8Array(SECTIONS_AT + contentBytes + CHECKSUM_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(PROGRAM_MAGIC);
  view.setUint32(VERSION_AT, PROGRAM_FILE_VERSION, true);
  view.setUint32(COUNT_AT, SECTION_NAMES.length, true);
  let start = SECTIONS_AT;
  SECTION_NAMES.forEach((name, index) => {
    const content = sections[name];
    view.setUint32(TABLE_AT + index * ENTRY_BYTES, SECTION_KINDS[name], true);
    view.setBigUint64(TABLE_AT + index * ENTRY_BYTES + 4, BigInt(content.length), true);
    bytes.set(content, start);
    start += content.length;
  });
  bytes.set(checksum(bytes.subarray(0, start)), start);
  return bytes;
}

/** The sections as views of `bytes`, after every length and the checksum were checked; `DiagnosticError` PROGRAM_FILE. */
export function readContainer(bytes: Uint8Array, where: string): Sections {
  const damaged = "the file is incomplete or damaged: copy it again, or compile it again";
  const fail = (at: string, what: string, hint = damaged): DiagnosticError =>
    diagnosticError("PROGRAM_FILE", `${where}: ${at}`, what, hint);

  if (PROGRAM_MAGIC.some((byte, index) => bytes[index] !== byte)) {
    const what = bytes.length === 0 ? "the file is empty" : "this is not a program file";
    throw fail("byte 0", what, "give a file that macroscope compile or macroscope asm wrote");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < TABLE_AT) throw fail("header", `it ends at byte ${bytes.length} of ${TABLE_AT}`);
  const version = view.getUint32(VERSION_AT, true);
  if (version !== PROGRAM_FILE_VERSION) {
    throw fail(
      `byte ${VERSION_AT}`,
      `format version ${version}, this macroscope reads version ${PROGRAM_FILE_VERSION}`,
      "compile the program again with this macroscope, or use the one that wrote it",
    );
  }
  if (bytes.length < SECTIONS_AT) throw fail("section table", `it ends at byte ${bytes.length} of ${SECTIONS_AT}`);
  const count = view.getUint32(COUNT_AT, true);
  if (count !== SECTION_NAMES.length) {
    throw fail(`byte ${COUNT_AT}`, `${count} sections, expected ${SECTION_NAMES.length}`);
  }

  let end = SECTIONS_AT;
  const lengths = SECTION_NAMES.map((name, index) => {
    const entry = TABLE_AT + index * ENTRY_BYTES;
    const kind = view.getUint32(entry, true);
    if (kind !== SECTION_KINDS[name]) {
      throw fail(`byte ${entry}`, `section of kind ${kind}, expected ${SECTION_KINDS[name]} (${name})`);
    }
    const length = view.getBigUint64(entry + 4, true);
    if (length > BigInt(bytes.length)) {
      throw fail(`byte ${entry + 4}`, `the ${name} section has ${length} bytes, the file only ${bytes.length}`);
    }
    end += Number(length);
    return Number(length);
  });
  const expected = end + CHECKSUM_BYTES;
  if (bytes.length !== expected) {
    throw fail("section table", `the sections ask for a file of ${expected} bytes, found ${bytes.length}`);
  }
  const found = checksum(bytes.subarray(0, end));
  if (found.some((byte, index) => byte !== bytes[end + index])) {
    throw fail(`byte ${end}`, "the checksum does not match the content");
  }

  let start = SECTIONS_AT;
  const [symbols, constants, code] = lengths.map((length) => {
    const section = bytes.subarray(start, start + length);
    start += length;
    return section;
  }) as [Uint8Array, Uint8Array, Uint8Array];
  return { symbols, constants, code };
}

function checksum(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
