/**
 * Labels: class numbers from 0, from an IDX or NPY file in the order of the images, or from a table (CSV), which may also hold
 * names of classes where a list gives their order.
 */
import { type DiagnosticError, diagnosticError, nearestName } from "../../isa/diagnostic.ts";
import { parseCsv } from "../csv.ts";
import { readWholeFile } from "../files.ts";
import { readIdx } from "./formats/idx.ts";
import { isIntegerType, isNpy, readNpy } from "./formats/npy.ts";

/** Rows of a table of labels: a class, and the picture's file where the table has it. */
export interface LabelTable {
  readonly files: readonly string[] | null;
  readonly labels: Int32Array;
}

/** What the user gave beside the images. */
export interface GivenLabels {
  /** A file of labels; null takes those that come with the images. */
  readonly path: string | null;
  /** Names of the classes in the order of the network's outputs. */
  readonly names: readonly string[] | null;
}

/** Largest label file that is read, 256 MiB. */
const LABEL_FILE_LIMIT = 2 ** 28;

/** Largest class number. */
const MAX_LABEL = 2 ** 31 - 1;

/** Names of the columns, lower case. */
const FILE_COLUMNS = ["file", "filename", "file_name", "image", "path", "name"] as const;
const LABEL_COLUMNS = ["label", "class", "class_index", "class_id", "target", "index"] as const;

/** Reads a label file of any kind. `names`: the classes' names in the order of the network's outputs, where there is a list. */
export async function readLabels(path: string, names: readonly string[] | null): Promise<LabelTable> {
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
  return readLabelTable(bytes, path, names);
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
export function readLabelTable(bytes: Uint8Array, where: string, names: readonly string[] | null = null): LabelTable {
  const rows = parseRows(textOf(bytes, where), where);
  const [first] = rows;
  if (first === undefined) throw wrong(where, "no labels");
  const classes = names === null ? null : new Map(names.map((name, index) => [name, index]));
  const isNamed = hasColumnNames(first, classes);
  const { file, label } = isNamed ? namedColumns(first, where) : plainColumns(first, where);
  const body = isNamed ? rows.slice(1) : rows;
  if (body.length === 0) throw wrong(where, "no labels");
  const labels = Int32Array.from(body, (row, index) => {
    const found = row[label] ?? "";
    const number = classes?.get(found) ?? (isLabel(found) ? Number(found) : undefined);
    if (number !== undefined) return number;
    throw unknownName(`${where}: row ${index + (isNamed ? 2 : 1)}`, found, names);
  });
  return { files: file === null ? null : body.map((row) => row[file] ?? ""), labels };
}

/** The names of the classes, one a line, in the order of the network's outputs: line 1 is class 0. */
export async function readClassNames(path: string): Promise<readonly string[]> {
  const text = textOf(await readWholeFile(path, LABEL_FILE_LIMIT), path);
  const names = text.split(/\r?\n/).map((line) => line.trim());
  while (names.at(-1) === "") names.pop();
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index || name === "");
  if (names.length > 0 && twice < 0) return names;
  const what =
    names.length === 0 ? "no names" : `line ${twice + 1} is ${names[twice] === "" ? "empty" : "there twice"}`;
  throw diagnosticError("LABELS", path, what, "write the name of one class a line, in the order of the outputs");
}

function textOf(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw wrong(where, "neither IDX nor NPY, and not a text in UTF-8");
  }
}

/** Whether the first row names columns. Names of classes that a list knows are no names of columns. */
function hasColumnNames(row: readonly string[], classes: ReadonlyMap<string, number> | null): boolean {
  const [first = "", last = ""] = [row[0], row.at(-1)];
  if (isLabel(last) || isLabel(first) || classes?.has(last)) return false;
  const known: readonly string[] = [...FILE_COLUMNS, ...LABEL_COLUMNS];
  return row.length === 1 || row.some((name) => known.includes(name.toLowerCase()));
}

function unknownName(where: string, found: string, names: readonly string[] | null): DiagnosticError {
  const shown = `label "${found.slice(0, 40)}"`;
  if (names === null) {
    return diagnosticError(
      "LABELS",
      where,
      `${shown} is no number`,
      "where labels are names, give their list, one a line in the order of the network's outputs: --label-names classes.txt",
    );
  }
  const near = nearestName(found, names);
  return diagnosticError(
    "LABELS",
    where,
    `${shown} is not in the list of names`,
    near === undefined ? "complete the list of names" : `did you mean ${near}?`,
  );
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
  if (row.length === 2) return { file: 0, label: 1 };
  throw wrong(where, `${row.length} columns without names`);
}

function isLabel(text: string): boolean {
  return /^[0-9]{1,10}$/.test(text) && Number(text) <= MAX_LABEL;
}

function wrong(where: string, what: string): DiagnosticError {
  return diagnosticError("LABELS", where, what, "give class numbers from 0, in a column label beside a column file");
}
