/**
 * Paths in configuration files and results: relative ones start at the folder of the file that holds them, so that it says the
 * same from every current folder. In memory they start at the current folder.
 */
import { isAbsolute, relative, resolve, sep } from "node:path";
import { isNetworkName } from "../compiler/networks/index.ts";
import { diagnosticError, nearestName } from "../isa/diagnostic.ts";
import { BUNDLED_DATASETS } from "./datasets/open-dataset.ts";
import { exists, realFolderOf } from "./files.ts";
import { BUNDLED_MODELS } from "./model.ts";

/** Fields of a configuration that hold a path or a known name, and the options that overrule them. */
const PATH_FIELDS = {
  model: "--model",
  weights: "--weights",
  data: "--data",
  labels: "--labels",
  labelNames: "--label-names",
} as const;

export type PathField = keyof typeof PATH_FIELDS;

/** The fields of a configuration that this file knows. */
type WrittenPaths = { readonly [Field in PathField]?: string | null | undefined };

/** Whether a text names something that comes along or is drawn, and no file. */
function isKnownName(field: PathField, text: string): boolean {
  if (field === "data") return BUNDLED_DATASETS.includes(text) || text.startsWith("random:");
  return (field === "model" || field === "weights") && (isNetworkName(text) || BUNDLED_MODELS.includes(text));
}

/** A path that starts at folder `from` as it stands from folder `to`, or absolute where that is null. Names and absolute paths stay. */
function movedPath(field: PathField, text: string, from: string, to: string | null): string {
  if (from === to || text === "" || isAbsolute(text) || isKnownName(field, text)) return text;
  if (to === null) return resolve(from, text);
  const path = relative(to, resolve(from, text)).split(sep).join("/");
  if (path === "") return ".";
  // Without a dot or separator it would be read as a name.
  return /[./\\]/.test(path) && !isKnownName(field, path) ? path : `./${path}`;
}

/** A configuration as it was written in `file`, with paths as they stand from the current folder. */
export async function locatedConfiguration<Written extends WrittenPaths>(
  written: Written,
  file: string,
  overruled: readonly PathField[],
): Promise<Written> {
  const folder = await realFolderOf(file);
  const located: { -readonly [Field in PathField]?: string } = {};
  for (const field of Object.keys(PATH_FIELDS) as PathField[]) {
    const text = written[field];
    if (typeof text !== "string" || text === "" || isKnownName(field, text) || overruled.includes(field)) continue;
    if (await exists(resolve(folder, text))) located[field] = movedPath(field, text, folder, process.cwd());
    else if (!isMisspelt(field, text) || (await exists(text))) throw await missing(field, text, file, folder);
  }
  return { ...written, ...located };
}

/** Whether whoever opens it knows better what was meant: a name, by its look. */
function isMisspelt(field: PathField, text: string): boolean {
  if (/[./\\]/.test(text)) return false;
  if (field === "data") return nearestName(text, BUNDLED_DATASETS) !== undefined;
  return field === "model" || field === "weights";
}

async function missing(field: PathField, text: string, file: string, folder: string): Promise<Error> {
  const option = PATH_FIELDS[field];
  const path = resolve(folder, text);
  const here = !isAbsolute(text) && (await exists(text));
  const what = isAbsolute(text)
    ? `${path} is not there`
    : `${path} is not there; "${text}" starts at the folder of ${file}`;
  const hint = here
    ? `it is there from the current folder: write ${movedPath(field, text, process.cwd(), folder)} in the file, or give ${option} ${text}`
    : `correct the file, or overrule it: ${option} <path>`;
  return diagnosticError("FILE", `${file}: ${field}`, what, hint);
}

/** A result whose configurations' paths start at folder `from`, with paths that start at folder `to`, absolute where that is null. */
export function withMovedPaths<Result>(result: Result, from: string, to: string | null): Result {
  if (!isRecord(result)) return result;
  const { configuration, sides } = result;
  return {
    ...result,
    ...(isRecord(configuration) && { configuration: movedFields(configuration, from, to) }),
    ...(Array.isArray(sides) && { sides: sides.map((side) => withMovedPaths(side, from, to)) }),
  };
}

function movedFields(fields: Readonly<Record<string, unknown>>, from: string, to: string | null): object {
  const moved = (Object.keys(PATH_FIELDS) as PathField[]).flatMap((field) => {
    const text = fields[field];
    return typeof text === "string" ? [[field, movedPath(field, text, from, to)] as const] : [];
  });
  return { ...fields, ...Object.fromEntries(moved) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
