import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { type FileHandle, mkdir, open, readdir, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { DiagnosticError, diagnosticError } from "../isa/diagnostic.ts";

/** Reading or writing failed although the request was sound (permissions, full disk, device errors). */
export class FileError extends Error {
  constructor(path: string, action: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`${path}: ${action}, ${reason}; check permissions and free space`);
    this.name = "FileError";
  }
}

/** No such file, or a path that none can have (too long, a NUL byte). */
function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG" || code === "ERR_INVALID_ARG_VALUE";
}

/** Largest file that is read unless the caller says otherwise: what Node.js reads at once. */
const DEFAULT_LIMIT = 2 ** 31 - 1;

/** Path under which standard input is read as a file. */
const STANDARD_INPUT = "/dev/stdin";

/**
 * A whole file, after its size was checked against `limit` bytes. Regular files and standard input alone are read: a pipe of
 * another name would wait for its writer, a device never end. Anything else, a file that is not there or one too large is a
 * diagnostic, what the system refuses a `FileError`.
 */
export async function readWholeFile(path: string, limit: number = DEFAULT_LIMIT): Promise<Uint8Array> {
  // Asked before opening, which would wait for the writer of a pipe.
  const status = await statusOf(path);
  if (status?.isDirectory()) throw diagnosticError("FILE", path, "found a folder, expected a file", "name the file");
  if (status !== null && !status.isFile() && path !== STANDARD_INPUT) {
    const kind = status.isFIFO() ? "pipe" : status.isSocket() ? "socket" : "device";
    throw diagnosticError("FILE", path, `found a ${kind}, expected a file`, `name a file, or ${STANDARD_INPUT}`);
  }
  const handle = await openFile(path);
  try {
    const { size } = await handle.stat();
    if (size > limit) throw tooLarge(path, `${size} bytes`, limit);
    // Files that the system makes up have no size before they are read.
    return size > 0 ? await handle.readFile() : await readStream(handle, path, limit);
  } catch (error) {
    if (error instanceof DiagnosticError) throw error;
    throw new FileError(path, "cannot read", error);
  } finally {
    await handle.close();
  }
}

/** The first bytes of a regular file, fewer where it is shorter; none of anything else, which is not even opened. */
export async function readStart(path: string, length: number): Promise<Uint8Array> {
  if (!(await isRegularFile(path))) return new Uint8Array(0);
  const handle = await openFile(path);
  try {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw new FileError(path, "cannot read", error);
  } finally {
    await handle.close();
  }
}

/** A regular file opened for reading parts of it. */
export interface OpenedFile {
  /** Bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`; a diagnostic where the file ends before. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Opens a regular file for `action` and closes it again. What is no regular file is a diagnostic. */
export async function withFile<T>(path: string, action: (file: OpenedFile) => Promise<T>): Promise<T> {
  // Asked before opening: a pipe would wait for its writer.
  if (!(await isRegularFile(path))) {
    await requireExisting(path);
    throw diagnosticError("FILE", path, "not a regular file", "name a file that can be read in parts");
  }
  const handle = await openFile(path);
  try {
    const { size } = await readingErrors(path, () => handle.stat());
    return await action({ size, read: (offset, length) => readPart(handle, path, size, offset, length) });
  } finally {
    await handle.close();
  }
}

async function requireExisting(path: string): Promise<void> {
  if ((await statusOf(path)) === null) throw diagnosticError("FILE", path, "no such file", "check the path");
}

async function readPart(
  handle: FileHandle,
  path: string,
  size: number,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const missing = (): DiagnosticError =>
    diagnosticError("FILE", path, `no ${length} bytes from byte ${offset} on`, "fetch or write the file again");
  if (offset + length > size) throw missing();
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await readingErrors(path, () => handle.read(bytes, done, length - done, offset + done));
    if (bytesRead === 0) throw missing();
    done += bytesRead;
  }
  return bytes;
}

async function readingErrors<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new FileError(path, "cannot read", error);
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (isMissing(error)) throw diagnosticError("FILE", path, "no such file", "check the path");
    throw new FileError(path, "cannot open", error);
  }
}

/** Everything that comes, as far as the limit allows. */
async function readStream(handle: FileHandle, path: string, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of handle.createReadStream({ autoClose: false })) {
    parts.push(part as Uint8Array);
    length += (part as Uint8Array).length;
    if (length > limit) throw tooLarge(path, "more bytes", limit);
  }
  return Buffer.concat(parts);
}

function tooLarge(path: string, found: string, limit: number): Error {
  return diagnosticError("FILE", path, `${found}, expected at most ${limit}`, "use a smaller file");
}

/**
 * Whether a file may be written there, as far as one can know beforehand: its folder exists and it is no folder itself.
 * Asked before long work, so that a misspelt path does not cost its result.
 */
export async function requireWritable(path: string): Promise<void> {
  if (path === "") throw diagnosticError("FILE", "output", "the path is empty", "name a file");
  if (await isFolder(path)) throw diagnosticError("FILE", path, "found a folder, expected a file", "name the file");
  if (!(await isFolder(dirname(path)))) {
    throw diagnosticError("FILE", path, "the folder does not exist", "create it, or write somewhere else");
  }
}

/** Writes a file so that it appears whole or not at all: a temporary file beside it, then a rename. */
export async function writeFileAtomically(path: string, content: Uint8Array | string): Promise<void> {
  await requireWritable(path);
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    await writeFile(temporary, content, { flag: "wx" });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new FileError(path, "cannot write", error);
  }
}

/** Tells a folder that was written here before: a file of it, and a text in that file. */
export interface FolderMark {
  readonly file: string;
  readonly mark: string;
}

/** Whether a folder may be written there: nothing is, or an empty folder, or one that bears the mark. */
export async function requireWritableFolder(path: string, { file, mark }: FolderMark): Promise<void> {
  if (path === "") throw diagnosticError("FILE", "output", "the path is empty", "name a folder");
  const status = await statusOf(path);
  if (status === null) {
    if (await isFolder(dirname(resolve(path)))) return;
    throw diagnosticError("FILE", path, "the folder above it does not exist", "create it, or write somewhere else");
  }
  if (!status.isDirectory()) throw diagnosticError("FILE", path, "found a file, expected a folder", "name a folder");
  const names = await listFolder(path);
  if (names.length === 0) return;
  const start = new TextDecoder().decode(await readStart(join(path, file), 4096));
  if (start.includes(mark)) return;
  const what = "the folder holds other files, which would be lost";
  throw diagnosticError("FILE", path, what, "name an empty folder, or one that is not there");
}

/** Writes a folder of files so that it appears whole or not at all; it takes the place of one that bears the mark. */
export async function writeFolderAtomically(
  path: string,
  contents: ReadonlyMap<string, string>,
  mark: FolderMark,
): Promise<void> {
  await requireWritableFolder(path, mark);
  const target = resolve(path);
  const own = `.${basename(target)}.${randomBytes(6).toString("hex")}`;
  const [temporary, old] = [join(dirname(target), `${own}.tmp`), join(dirname(target), `${own}.old`)];
  try {
    await mkdir(temporary);
    for (const [name, content] of contents) await writeFile(join(temporary, name), content, { flag: "wx" });
    await renameIfPresent(target, old);
    await rename(temporary, target);
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw new FileError(path, "cannot write", error);
  }
}

/** Makes a folder, and those above it; one that is there already stays. A file in its place is a diagnostic. */
export async function makeFolder(path: string): Promise<void> {
  if (path === "") throw diagnosticError("FILE", "folder", "the path is empty", "name a folder");
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EEXIST" || code === "ENOTDIR") {
      throw diagnosticError("FILE", path, "found a file, expected a folder", "name a folder, or one that is not there");
    }
    throw new FileError(path, "cannot make the folder", error);
  }
}

/** A file that grows at its end alone. */
export interface GrowingFile {
  /** What it held when it was opened. */
  readonly content: Uint8Array;
  /** Leaves its first `length` bytes. */
  cut(length: number): Promise<void>;
  /** Adds text in one write, and returns when the device has it. */
  append(text: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens a regular file for growing, or creates it; one of more than `limit` bytes is a diagnostic. */
export async function openGrowing(path: string, limit: number): Promise<GrowingFile> {
  await requireWritable(path);
  const status = await statusOf(path);
  if (status !== null && !status.isFile()) {
    throw diagnosticError("FILE", path, "not a regular file", "name a file that can grow");
  }
  const content = status === null ? new Uint8Array(0) : await readWholeFile(path, limit);
  const handle = await writing(path, () => open(path, "a"));
  return {
    content,
    cut: (length) =>
      writing(path, async () => {
        await handle.truncate(length);
        await handle.sync();
      }),
    append: (text) => writing(path, () => appendWhole(handle, Buffer.from(text))),
    close: () => handle.close(),
  };
}

/** What was written of a text that did not fit is taken back. */
async function appendWhole(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  const { size } = await handle.stat();
  const { bytesWritten } = await handle.write(bytes);
  if (bytesWritten < bytes.length) {
    await handle.truncate(size);
    throw new Error("no space left");
  }
  await handle.datasync();
}

async function writing<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new FileError(path, "cannot write", error);
  }
}

/** Creates a file with this text; false where one is there already. */
export async function createExclusively(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw new FileError(path, "cannot write", error);
  }
}

/** Gives a file another name, in one step; false where it is not there. */
export async function renameIfPresent(path: string, to: string): Promise<boolean> {
  try {
    await rename(path, to);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw new FileError(path, "cannot rename", error);
  }
}

/** Removes a file; nothing happens where there is none. */
export async function removeFile(path: string): Promise<void> {
  await writing(path, () => rm(path, { force: true }));
}

/** A whole text file in UTF-8; other bytes are a diagnostic. */
export async function readTextFile(path: string, limit: number): Promise<string> {
  const bytes = await readWholeFile(path, limit);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw diagnosticError("FILE", path, "not a text in UTF-8", "give a text file");
  }
}

export async function isFolder(path: string): Promise<boolean> {
  return (await statusOf(path))?.isDirectory() === true;
}

/** Whether anything is there. */
export async function exists(path: string): Promise<boolean> {
  return (await statusOf(path)) !== null;
}

/** The folder in which a file's name stands, absolute and without symbolic links; for standard input the current folder. */
export async function realFolderOf(path: string): Promise<string> {
  if (path === STANDARD_INPUT) return process.cwd();
  try {
    return await realpath(dirname(resolve(path)));
  } catch (error) {
    throw new FileError(path, "cannot open its folder", error);
  }
}

async function isRegularFile(path: string): Promise<boolean> {
  return (await statusOf(path))?.isFile() === true;
}

/** Null where nothing is there. */
async function statusOf(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw new FileError(path, "cannot open", error);
  }
}

export async function listFolder(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (isMissing(error)) throw diagnosticError("FILE", path, "no such folder", "check the path");
    throw new FileError(path, "cannot list", error);
  }
}

/** `relative` inside `folder`; a path that leads out of it is a diagnostic. */
export function pathInside(folder: string, relative: string, where: string): string {
  const root = resolve(folder);
  const path = resolve(root, relative);
  if (path !== root && !path.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw diagnosticError("FILE", where, `"${relative}" leads out of ${folder}`, "use paths inside the folder");
  }
  return path;
}
