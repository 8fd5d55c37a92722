/** One process at a time at a file: a lock beside it, which says whose it is. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout } from "node:timers/promises";
import { DiagnosticError, diagnosticError } from "../isa/diagnostic.ts";
import { createExclusively, readTextFile, removeFile, renameIfPresent } from "./files.ts";

export interface FileLock {
  release(): Promise<void>;
}

/** Largest lock that is read. */
const LOCK_BYTES = 4096;

/** How long a lock without content is taken to be one that is being written. */
const WRITING_MS = 1000;
const PAUSE_MS = 50;

/** Locks that this process holds: its own number in a lock says nothing else. */
const held = new Set<string>();

/**
 * Takes the lock of `path`, the file `<path>.lock`. Throws `DiagnosticError` LOCKED where a living process holds it, or one
 * of another machine, of which nothing can be known. The lock of a process that ended without releasing it is taken over.
 */
export async function lockFile(path: string): Promise<FileLock> {
  const lock = `${path}.lock`;
  if (held.has(lock)) throw lockedError(path, lock, `process ${process.pid}, this one,`);
  held.add(lock);
  try {
    await take(path, lock);
  } catch (error) {
    held.delete(lock);
    throw error;
  }
  return {
    release: async () => {
      held.delete(lock);
      await removeFile(lock);
    },
  };
}

async function take(path: string, lock: string): Promise<void> {
  const own = `${JSON.stringify({ process: process.pid, host: hostname() })}\n`;
  const started = performance.now();
  while (!(await createExclusively(lock, own))) {
    const found = await contentOf(lock);
    if (found === null) continue;
    if (found === "" && performance.now() - started < WRITING_MS) {
      await setTimeout(PAUSE_MS);
      continue;
    }
    const owner = ownerOf(found);
    if (owner !== null) throw lockedError(path, lock, owner);
    await discard(lock, found);
  }
}

/** Removes the lock that was read, and no other that came in its place meanwhile. */
async function discard(lock: string, found: string): Promise<void> {
  const aside = `${lock}.${randomBytes(6).toString("hex")}`;
  if (!(await renameIfPresent(lock, aside))) return;
  const moved = await contentOf(aside);
  if (moved !== null && moved !== found) await createExclusively(lock, moved);
  await removeFile(aside);
}

/** Null where the lock is gone. */
async function contentOf(lock: string): Promise<string | null> {
  try {
    return await readTextFile(lock, LOCK_BYTES);
  } catch (error) {
    if (error instanceof DiagnosticError && error.message.includes("no such file")) return null;
    throw error;
  }
}

/** Who holds a lock with this content; null where that process is gone. */
function ownerOf(content: string): string | null {
  let value: unknown;
  try {
    value = content === "" ? null : JSON.parse(content);
  } catch {
    return "something that is no process of macroscope";
  }
  if (value === null) return null;
  const { process: id, host } = value as { readonly process?: unknown; readonly host?: unknown };
  if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 1 || typeof host !== "string") {
    return "something that is no process of macroscope";
  }
  if (host !== hostname()) return `process ${id} of the machine ${host}`;
  // This process holds no such lock: its number was another's before.
  if (id === process.pid) return null;
  return isAlive(id) ? `process ${id}` : null;
}

function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    // It lives, but is someone else's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function lockedError(path: string, lock: string, owner: string): DiagnosticError {
  const hint = `wait for it, or name another file; if nothing works there, remove ${lock}`;
  return diagnosticError("LOCKED", path, `${owner} works with it`, hint);
}
