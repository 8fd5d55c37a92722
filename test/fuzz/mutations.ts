/** Damage of every kind to bytes, texts and JSON, and the one thing that may come of it. */
import fc from "fast-check";
import { expect } from "vitest";
import { DiagnosticError, formatDiagnostic } from "../../isa/diagnostic.ts";

/** Long enough for the many cases under MACROSCOPE_LONG on a busy machine. */
export const FUZZ_TIMEOUT_MS = 600_000;

/** Cases of a property in the everyday suite, or many under MACROSCOPE_LONG, then from the seed of all (test/seed.ts). */
export function cases(everyday: number): { readonly numRuns: number; readonly seed?: number } {
  return process.env.MACROSCOPE_LONG === "1" ? { numRuns: 10 * everyday } : { numRuns: everyday, seed: 2024 };
}

type Edit =
  | { readonly kind: "set"; readonly at: number; readonly value: number }
  | { readonly kind: "cut"; readonly at: number; readonly length: number }
  | { readonly kind: "copy"; readonly from: number; readonly at: number; readonly length: number }
  | { readonly kind: "end"; readonly at: number };

/** Positions are shares of the length, so that an edit fits whatever is left by those before it. */
const share = fc.nat(999_999).map((millionths) => millionths / 1_000_000);

const edit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("set" as const),
      at: share,
      value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), at: share, length: fc.nat(40) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("copy" as const), from: share, at: share, length: fc.nat(40) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("end" as const), at: share }) },
);

/** One to five edits of bytes. */
export function byteDamage(): fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> {
  return fc.array(edit, { minLength: 1, maxLength: 5 }).map((edits) => (bytes) => edits.reduce(applyToBytes, bytes));
}

function applyToBytes(bytes: Uint8Array, change: Edit): Uint8Array {
  const position = (at: number): number => Math.floor(at * bytes.length);
  const at = position(change.at);
  switch (change.kind) {
    case "set": {
      const copy = Uint8Array.from(bytes);
      if (at < copy.length) copy[at] = change.value;
      return copy;
    }
    case "cut":
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + change.length)]);
    case "copy": {
      const from = position(change.from);
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, from + change.length), bytes.subarray(at)]);
    }
    case "end":
      return bytes.subarray(0, at);
  }
}

/** One to four edits of a text: words replaced by others of the text or by `words`, lines lost, doubled or cut. */
export function textDamage(words: readonly string[]): fc.Arbitrary<(text: string) => string> {
  const word = fc.oneof(fc.constantFrom(...words), fc.integer().map(String), fc.string({ maxLength: 4 }));
  const replacement = fc.record({
    at: share,
    line: share,
    word,
    kind: fc.constantFrom("word", "word", "lose", "double", "cut"),
  });
  return fc.array(replacement, { minLength: 1, maxLength: 4 }).map((changes) => (text) => {
    let lines = text.split("\n");
    for (const change of changes) {
      const index = Math.floor(change.line * lines.length);
      const line = lines[index] ?? "";
      const parts = line.split(/([^A-Za-z0-9_.-]+)/);
      const at = Math.floor(change.at * parts.length);
      if (change.kind === "lose") lines.splice(index, 1);
      else if (change.kind === "double") lines.splice(index, 0, line);
      else if (change.kind === "cut")
        lines = [...lines.slice(0, index), line.slice(0, Math.floor(change.at * line.length))];
      else lines[index] = parts.with(at, change.word).join("");
    }
    return lines.join("\n");
  });
}

const oddValue = fc.oneof(
  fc.constantFrom<unknown[]>(undefined, null, true, false, "", "__proto__", "constructor", [], {}, [null], [[]]),
  fc.constantFrom<unknown[]>(0, -1, 0.5, 1, 2, 3, 63, 64, 65, 1024, 1025, 2 ** 31, 2 ** 32, 2 ** 53, 1e300),
  fc.constantFrom<unknown[]>(
    "16,8",
    "u1,0",
    "64,auto",
    "exact",
    "wide:3",
    "stochastic",
    "wrap:99",
    "trap",
    "extrinsic",
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

/** One to three values anywhere in a JSON value replaced or removed. */
export function jsonDamage(): fc.Arbitrary<(json: unknown) => unknown> {
  return fc
    .array(fc.tuple(share, oddValue), { minLength: 1, maxLength: 3 })
    .map((changes) => (json) => changes.reduce<unknown>((value, [at, odd]) => replaced(value, at, odd), json));
}

function replaced(json: unknown, at: number, odd: unknown): unknown {
  const places = paths(json);
  return withValue(json, places[Math.floor(at * places.length)] ?? [], odd);
}

function paths(json: unknown): string[][] {
  if (typeof json !== "object" || json === null) return [[]];
  return [[], ...Object.entries(json).flatMap(([key, value]) => paths(value).map((rest) => [key, ...rest]))];
}

function withValue(json: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const entries = Object.entries(json as object).flatMap(([name, old]): [string, unknown][] => {
    if (name !== key) return [[name, old]];
    const changed = withValue(old, rest, value);
    return changed === undefined ? [] : [[name, changed]];
  });
  return Array.isArray(json) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

/** Longest that one damaged input may keep the reader busy. */
const TIME_LIMIT_MS = 10_000;

/** The value that `read` yields, or undefined where it refuses with diagnostics; any other exception fails the test. */
export async function valueOrDiagnostics<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  const started = performance.now();
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    expect(error.diagnostics.length).toBeGreaterThan(0);
    for (const diagnostic of error.diagnostics) {
      expect(formatDiagnostic(diagnostic)).toMatch(/^error\[[A-Z_]+\] [\s\S]+: [\s\S]+; [\s\S]+$/);
    }
    return undefined;
  } finally {
    expect(performance.now() - started).toBeLessThan(TIME_LIMIT_MS);
  }
}
