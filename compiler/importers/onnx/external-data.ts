/** Tensors whose bytes lie in files beside the model. */
import { type DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import type { TensorMessage } from "./schema.ts";

/** A part of a file beside the model. */
export interface ExternalFile {
  /** Path relative to the model's folder, as the model gives it: unchecked. */
  readonly path: string;
  /** In bytes. */
  readonly offset: number;
  /** In bytes; null where the model leaves it to the tensor's shape. */
  readonly length: number | null;
}

/** What `external_data` says. Throws `DiagnosticError`; `where` is the tensor's place. */
export function externalFileOf(message: TensorMessage, where: string): ExternalFile {
  const entries = new Map((message.externalData ?? []).map(({ key = "", value = "" }) => [key, value]));
  const path = entries.get("location") ?? "";
  if (path === "" || path.includes("\0")) {
    throw externalError(where, `found location ${JSON.stringify(path)}, expected a file's path`);
  }
  const length = entries.get("length");
  return {
    path,
    offset: byteCount(entries.get("offset") ?? "0", "offset", where),
    length: length === undefined ? null : byteCount(length, "length", where),
  };
}

function byteCount(text: string, name: string, where: string): number {
  const count = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw externalError(where, `found ${name} ${JSON.stringify(text.slice(0, 40))}, expected a number of bytes`);
}

export function externalError(where: string, what: string): DiagnosticError {
  return diagnosticError(
    "MODEL_EXTERNAL",
    where,
    what,
    "keep the model and its data files together, or save it as one file",
  );
}
