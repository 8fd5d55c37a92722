/**
 * TFRecord files of image examples. Framing: length (64-bit, little-endian), its masked CRC-32C, the record, its masked
 * CRC-32C. Opening reads the framing only; records are read, checked and decoded by ranges. Source: tensorflow/core/lib/io/record_writer.h.
 *
 * A record is a `tf.train.Example` with `image/encoded` (JPEG or PNG) and `image/class/label`, or `image` and `label`.
 * With `image/class/synset`, as ImageNet's conversion script writes it, labels count from 1 (0 is background) and become
 * classes from 0 here.
 */
import { type DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import { type OpenedFile, withFile } from "../../files.ts";
import type { Picture, PictureSource } from "../dataset.ts";
import { decodePicture, PICTURE_FILE_LIMIT, pictureShape } from "../preprocessing/pictures.ts";
import { maskedCrc32c } from "./crc32c.ts";
import { TfExample } from "./tf-example.ts";

const HEADER = 12;
const FOOTER = 4;

/** Whether the start of a file is the header of a record: its own checksum says so. */
export function isTfRecord(start: Uint8Array): boolean {
  return start.length >= HEADER && recordLength(start) !== null;
}

/** Length of the record behind a header; null where the header's checksum does not agree. */
function recordLength(header: Uint8Array): number | null {
  const view = new DataView(header.buffer, header.byteOffset, HEADER);
  if (view.getUint32(8, true) !== maskedCrc32c(header.subarray(0, 8))) return null;
  return Number(view.getBigUint64(0, true));
}

interface RecordPlace {
  readonly path: string;
  /** Of the record itself, behind its header. */
  readonly offset: number;
  readonly length: number;
  /** Position in its file. */
  readonly ordinal: number;
}

/** Several files are one data set, in the order given; at most `limit` records are counted. */
export async function openTfRecords(name: string, paths: readonly string[], limit: number): Promise<PictureSource> {
  const records: RecordPlace[] = [];
  for (const path of paths) {
    if (records.length >= limit) break;
    await withFile(path, (file) => listRecords(file, path, limit, records));
  }
  const [first] = records;
  if (first === undefined) throw corrupt(name, "no records");
  const example = await readExample(first);
  return {
    name,
    count: records.length,
    labelled: labelOf(example, first) !== null,
    shape: await pictureShape(encodedImage(example, first), placeText(first)),
    elements: "bytes",
    async read(start, count) {
      const wanted = records.slice(start, start + count);
      const pictures: Picture[] = [];
      const labels: number[] = [];
      for (const record of wanted) {
        const each = await readExample(record);
        pictures.push(await decodePicture(encodedImage(each, record), placeText(record)));
        const label = labelOf(each, record);
        if (label !== null) labels.push(label);
      }
      if (labels.length !== 0 && labels.length !== wanted.length) {
        throw corrupt(name, `labels for ${labels.length} of ${wanted.length} records`);
      }
      return {
        pictures,
        labels: labels.length === 0 ? null : Int32Array.from(labels),
        places: wanted.map(placeText),
      };
    },
  };
}

async function listRecords(file: OpenedFile, path: string, limit: number, records: RecordPlace[]): Promise<void> {
  let ordinal = 0;
  for (let offset = 0; offset < file.size && records.length < limit; ordinal++) {
    const where = `${path}: record ${ordinal}`;
    if (offset + HEADER > file.size) throw corrupt(where, "the file ends within its header");
    const length = recordLength(await file.read(offset, HEADER));
    if (length === null) throw corrupt(where, "the checksum of its length does not agree");
    const end = offset + HEADER + length + FOOTER;
    if (end > file.size) throw corrupt(where, `${length} bytes, but the file ends before`);
    if (length > PICTURE_FILE_LIMIT) throw corrupt(where, `${length} bytes, more than ${PICTURE_FILE_LIMIT}`);
    records.push({ path, offset: offset + HEADER, length, ordinal });
    offset = end;
  }
}

async function readExample(record: RecordPlace): Promise<TfExample> {
  const { path, offset, length } = record;
  const bytes = await withFile(path, (file) => file.read(offset, length + FOOTER));
  const body = bytes.subarray(0, length);
  const footer = new DataView(bytes.buffer, bytes.byteOffset + length, FOOTER).getUint32(0, true);
  if (footer !== maskedCrc32c(body)) throw corrupt(placeText(record), "the checksum of its bytes does not agree");
  return new TfExample(body, placeText(record));
}

function encodedImage(example: TfExample, record: RecordPlace): Uint8Array {
  const bytes = example.bytes("image/encoded") ?? example.bytes("image");
  if (bytes !== undefined) return bytes;
  const names = example.names.slice(0, 8).join(", ");
  throw corrupt(placeText(record), `no image/encoded among its features ${names}`);
}

/** Null where the example has none, or a negative one, as test sets do. */
function labelOf(example: TfExample, record: RecordPlace): number | null {
  const stored = example.integer("image/class/label") ?? example.integer("label");
  if (stored === undefined || stored < 0) return null;
  const label = example.has("image/class/synset") ? stored - 1 : stored;
  if (label >= 0 && label < 2 ** 31) return label;
  throw corrupt(placeText(record), `label ${stored}`);
}

function placeText({ path, ordinal }: RecordPlace): string {
  return `${path}: record ${ordinal}`;
}

function corrupt(where: string, what: string): DiagnosticError {
  return diagnosticError("TFRECORD_FILE", where, what, "fetch or write the TFRecord file again");
}
