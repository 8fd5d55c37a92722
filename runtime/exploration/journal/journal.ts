/**
 * Results as they come, in a file of JSON Lines: a header, then one line for each result, written at once and kept by the
 * device before anything else happens. A process that is killed leaves at most one torn line at the end.
 */
import { type DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import { type FileLock, lockFile } from "../../file-lock.ts";
import { type GrowingFile, openGrowing } from "../../files.ts";
import { canonicalDigest } from "./canonical-json.ts";

/** Largest journal that is read, 256 MiB. */
const JOURNAL_BYTES = 2 ** 28;

/** Longest line, 1 MiB. */
const LINE_BYTES = 2 ** 20;

export interface JournalOptions<Entry> {
  readonly path: string;
  /** Name and version of what it holds, e.g. `macroscope/sweep-journal/1`. */
  readonly schema: string;
  /** Everything that all entries share and that decides them: a journal of anything else is refused. */
  readonly shared: unknown;
  /** For people, beside the digest of `shared`. Plain JSON. */
  readonly about: Readonly<Record<string, unknown>>;
  /** An entry as read from the file, or null where it is none. */
  readonly parse: (value: unknown) => Entry | null;
}

export class Journal<Entry> {
  /** Those of earlier processes, in the order in which they were written. */
  readonly entries: readonly Entry[];
  /** Bytes of a torn line that were cut off; 0 where there was none. */
  readonly cutBytes: number;
  readonly #file: GrowingFile;
  readonly #lock: FileLock;

  private constructor(entries: readonly Entry[], cutBytes: number, file: GrowingFile, lock: FileLock) {
    this.entries = entries;
    this.cutBytes = cutBytes;
    this.#file = file;
    this.#lock = lock;
  }

  /** Opens or begins a journal. Throws `DiagnosticError` for one of another configuration, in use, or damaged. */
  static async open<Entry>(options: JournalOptions<Entry>): Promise<Journal<Entry>> {
    const lock = await lockFile(options.path);
    try {
      const file = await openGrowing(options.path, JOURNAL_BYTES);
      try {
        const { entries, length } = await readLines(file, options);
        return new Journal(entries, file.content.length - length, file, lock);
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Returns when the entry is safe. */
  append(entry: Entry): Promise<void> {
    return this.#file.append(`${JSON.stringify(entry)}\n`);
  }

  async close(): Promise<void> {
    await this.#file.close();
    await this.#lock.release();
  }
}

/** The entries, and the length of what is whole. What is torn is cut off; a missing header is written. */
async function readLines<Entry>(
  file: GrowingFile,
  { path, schema, shared, about, parse }: JournalOptions<Entry>,
): Promise<{ readonly entries: readonly Entry[]; readonly length: number }> {
  const { content } = file;
  const header = `${JSON.stringify({ schema, digest: canonicalDigest(shared), about })}\n`;
  const length = content.lastIndexOf(NEWLINE) + 1;
  if (length === 0) {
    // Nothing, or the start of a header: anything else is no journal, and is left alone.
    const start = Buffer.from(header).subarray(0, content.length);
    if (!start.equals(content)) throw foreign(path, 1, "no header of a journal");
    if (content.length > 0) await file.cut(0);
    await file.append(header);
    return { entries: [], length: 0 };
  }
  requireHeader(path, lineAt(content, 0, path, 1), schema, canonicalDigest(shared));
  const entries: Entry[] = [];
  let line = 2;
  for (let start = content.indexOf(NEWLINE) + 1; start < length; line++) {
    const value = lineAt(content, start, path, line);
    const entry = parse(value);
    if (entry === null) throw foreign(path, line, "no result of this kind");
    entries.push(entry);
    start = content.indexOf(NEWLINE, start) + 1;
  }
  if (length < content.length) await file.cut(length);
  return { entries, length };
}

const NEWLINE = 10;

function lineAt(content: Uint8Array, start: number, path: string, line: number): unknown {
  const end = content.indexOf(NEWLINE, start);
  if (end - start > LINE_BYTES) throw foreign(path, line, `${end - start} bytes, expected at most ${LINE_BYTES}`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content.subarray(start, end)));
  } catch {
    throw foreign(path, line, "no JSON");
  }
}

function requireHeader(path: string, value: unknown, schema: string, digest: string): void {
  const header = typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  if (header.schema !== schema) throw foreign(path, 1, `no header of a journal of ${schema}`);
  if (header.digest === digest) return;
  throw diagnosticError(
    "JOURNAL",
    path,
    `holds results of another configuration: ${JSON.stringify(header.about ?? null)?.slice(0, 400)}`,
    "give the model, data, machine, seed and version it was begun with, or name another journal",
  );
}

function foreign(path: string, line: number, what: string): DiagnosticError {
  return diagnosticError("JOURNAL", `${path}: line ${line}`, what, "name a journal of macroscope, or a new file");
}
