/** Foreign JSON checked against a zod schema, with every complaint as a diagnostic that says where. */
import type { z } from "zod";
import { type Diagnostic, DiagnosticError } from "../../isa/diagnostic.ts";

export interface JsonPlace {
  /** Code of the diagnostics. */
  readonly code: string;
  /** File, and the part of it that is checked. */
  readonly where: string;
  readonly hint: string;
}

export type Checked<T> =
  | { readonly value: T; readonly diagnostics?: undefined }
  | { readonly value?: undefined; readonly diagnostics: readonly Diagnostic[] };

/** The value as the schema yields it, or one diagnostic per complaint. */
export function checkJson<T>(schema: z.ZodType<T>, json: unknown, { code, where, hint }: JsonPlace): Checked<T> {
  const result = schema.safeParse(json);
  if (result.success) return { value: result.data };
  return {
    diagnostics: result.error.issues.map(({ path, message }) => ({
      code,
      where: path.length === 0 ? where : `${where}, ${formatPath(path)}`,
      what: `found ${preview(follow(json, path))}: ${message}`,
      hint,
    })),
  };
}

/** As `checkJson`; throws `DiagnosticError` with all complaints. */
export function requireJson<T>(schema: z.ZodType<T>, json: unknown, place: JsonPlace): T {
  const { value, diagnostics } = checkJson(schema, json, place);
  if (diagnostics !== undefined) throw new DiagnosticError(diagnostics);
  return value;
}

/** A JSON value in a few words: scalars as they are, long texts cut, the rest by kind and size. */
export function preview(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) {
    const flat = value.length <= 6 && value.every((item) => item === null || typeof item !== "object");
    return flat ? `[${value.map(preview).join(", ")}]` : `a list of ${value.length}`;
  }
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** `config.layers[3].name` */
function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${String(key)}`))
    .join("");
}

function follow(json: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    json,
  );
}
