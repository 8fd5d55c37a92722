/** Labels: class numbers from 0, from an IDX or NPY file in the order of the images, or from a table (CSV). */
import { type DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import { parseCsv } from "../csv.ts";
import { readWholeFile } from "../files.ts";
import { readIdx } from "./idx.ts";
import { isIntegerType, isNpy, readNpy } from "./npy.ts";

/** Rows of a table of labels: a class, and the picture's file where the table has it. */
export interface LabelTable {
  readonly files: readonly string[] | null;
  readonly labels: Int32Array;
}

/** Largest label file that is read, 256 MiB. */
const LABEL_FILE_LIMIT = 2 ** 28;

/** Largest class number. */
const MAX_LABEL = 2 ** 31 - 1;

/** Names of the columns, lower case. */
const FILE_COLUMNS = ["file", "filename", "file_name", "image", "path", "name"] as const;
const LABEL_COLUMNS = ["label", "class", "class_index", "class_id", "target", "index"] as const;

/** Reads a label file of any kind. */
export async function readLabels(path: string): Promise<LabelTable> {
  const bytes = await readWholeFile(path, LABEL_FILE_LIMIT);
  if (isNpy(bytes)) {
    const { header, data } = readNpy(bytes, path);
    return { files: null, labels: labelArray(header, data, path) };
  }
  // An IDX file begins with two zero bytes, or is compressed; no text does either.
  if (bytes[0] === 0 || (bytes[0] === 0x1f && bytes[1] === 0x8b)) {
    const { shape, data } = readIdx(bytes, path);
    if (shape.length !== 1) throw wrong(path, `labels of shape ${shape.join(" × ")}, expected one number per image`);
    return { files: null, labels: Int32Array.from(data) };
  }
  return readLabelTable(bytes, path);
}

/** Labels from an array of integers of shape (n) or (n, 1). */
export function labelArray(
  { type, shape }: { readonly type: Parameters<typeof isIntegerType>[0]; readonly shape: readonly number[] },
  data: ArrayLike<number>,
  where: string,
): Int32Array {
  const flat = shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  if (!isIntegerType(type) || !flat) {
    throw wrong(where, `labels of shape (${shape.join(", ")}) and type ${type}, expected one integer per image`);
  }
  return Int32Array.from(data, (value, index) => {
    if (value < 0 || value > MAX_LABEL) throw wrong(where, `label ${value} of image ${index}`);
    return value;
  });
}

/**
 * A table in UTF-8, one picture a row, with or without a row of column names: labels alone, or file and label (in that order
 * where there are no names). Columns are separated by comma, semicolon, tab or blank.
 */
export function readLabelTable(bytes: Uint8Array, where: string): LabelTable {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw wrong(where, "neither IDX nor NPY, and not a text in UTF-8");
  }
  const rows = parseRows(text, where);
  const [first] = rows;
  if (first === undefined) throw wrong(where, "no labels");
  const named = !isLabel(first.at(-1) ?? "") && !isLabel(first[0] ?? "");
  const { file, label } = named ? namedColumns(first, where) : plainColumns(first, where);
  const body = named ? rows.slice(1) : rows;
  if (body.length === 0) throw wrong(where, "no labels");
  const labels = Int32Array.from(body, (row, index) => {
    const found = row[label] ?? "";
    if (!isLabel(found)) {
      throw wrong(`${where}: row ${index + (named ? 2 : 1)}`, `label "${found.slice(0, 40)}"`);
    }
    return Number(found);
  });
  return { files: file === null ? null : body.map((row) => row[file] ?? ""), labels };
}

function parseRows(text: string, where: string): string[][] {
  const firstLine = text.slice(0, 4096).split("\n", 1)[0] ?? "";
  const delimiter = [",", ";", "\t", " "].find((candidate) => firstLine.includes(candidate)) ?? ",";
  try {
    return parseCsv(text, { delimiter, bom: true, trim: true, skip_empty_lines: true, max_record_size: 65_536 });
  } catch (error) {
    throw wrong(where, error instanceof Error ? error.message : String(error));
  }
}

interface Columns {
  readonly file: number | null;
  readonly label: number;
}

function namedColumns(names: readonly string[], where: string): Columns {
  const lower = names.map((name) => name.toLowerCase());
  const column = (known: readonly string[]): number =>
    known.map((name) => lower.indexOf(name)).find((index) => index >= 0) ?? -1;
  const file = column(FILE_COLUMNS);
  const label = names.length === 1 && column(LABEL_COLUMNS) < 0 ? 0 : column(LABEL_COLUMNS);
  if (label < 0) throw wrong(where, `columns ${names.slice(0, 8).join(", ")}, none of them label`);
  return { file: file < 0 ? null : file, label };
}

function plainColumns(row: readonly string[], where: string): Columns {
  if (row.length === 1) return { file: null, label: 0 };
  if (row.length === 2 && isLabel(row[1] ?? "")) return { file: 0, label: 1 };
  throw wrong(where, `${row.length} columns without names`);
}

function isLabel(text: string): boolean {
  return /^[0-9]{1,10}$/.test(text) && Number(text) <= MAX_LABEL;
}

function wrong(where: string, what: string): DiagnosticError {
  return diagnosticError("LABELS", where, what, "give class numbers from 0, in a column label beside a column file");
}
