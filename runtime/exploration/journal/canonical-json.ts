import { createHash } from "node:crypto";
import { InvariantError } from "../../../isa/diagnostic.ts";

/**
 * The same text for the same value, whatever the order of its fields: keys sorted by UTF-16 code units, absent and undefined
 * fields the same, no blanks. Numbers that JSON has none for, big integers and arrays of raw numbers (by the SHA-256 of their bytes) have
 * texts of their own, which no string has.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? JSON.stringify(value)
      : marked("number", Object.is(value, -0) ? "-0" : String(value));
  }
  if (typeof value === "bigint") return marked("bigint", String(value));
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return marked(value.constructor.name, createHash("sha256").update(bytes).digest("hex"));
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  if (typeof value !== "object") throw new InvariantError(`a ${typeof value} in a configuration`);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`);
  return `{${fields.join(",")}}`;
}

/** SHA-256 of the canonical text, in hexadecimal. */
export function canonicalDigest(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}

function marked(kind: string, text: string): string {
  return `(${kind} ${text})`;
}
