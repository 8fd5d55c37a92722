/** Journals that were killed, damaged, forged, or belong to others. */
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Journal, type JournalOptions } from "../../../../runtime/exploration/journal/journal.ts";

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "macroscope-journal-"));
  path = join(folder, "sweep.jsonl");
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Note {
  readonly text: string;
}

function options(shared: unknown = { model: "a" }): JournalOptions<Note> {
  return {
    path,
    schema: "test/1",
    shared,
    about: { model: "a" },
    parse: (value) => (typeof value === "object" && value !== null && "text" in value ? (value as Note) : null),
  };
}

/** Opens, appends, closes. */
async function write(...texts: readonly string[]): Promise<Journal<Note>> {
  const journal = await Journal.open(options());
  for (const text of texts) await journal.append({ text });
  await journal.close();
  return journal;
}

const texts = ({ entries }: Journal<Note>): readonly string[] => entries.map(({ text }) => text);

describe("a journal", () => {
  it("gives back what was appended, in order, whatever it holds", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.string({ unit: "binary" }), { maxLength: 4 }), { maxLength: 4 }),
        async (parts) => {
          await rm(path, { force: true });
          for (const part of parts) await write(...part);
          // JSON has no lone surrogates: they come back as they are written.
          expect(texts(await write())).toEqual(parts.flat().map((text) => JSON.parse(JSON.stringify(text))));
        },
      ),
      { numRuns: 30 },
    );
    expect(await readdir(folder)).toEqual(["sweep.jsonl"]);
  });

  it("cut anywhere behind its header holds the entries that are whole, says what it cut, and grows on", async () => {
    await write("one", "zwei – 2", "three");
    const whole = await readFile(path);
    const header = whole.indexOf(10) + 1;
    for (let length = header; length <= whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      const lines = whole.subarray(header, length).toString().split("\n").length - 1;
      const journal = await write("more");
      expect(texts(journal)).toEqual(["one", "zwei – 2", "three"].slice(0, lines));
      expect(journal.cutBytes).toBe(length - (whole.subarray(0, length).lastIndexOf(10) + 1));
      expect(texts(await write())).toEqual([...texts(journal), "more"]);
    }
  });

  it("cut within its header, or empty, begins anew", async () => {
    await write();
    const header = await readFile(path);
    for (const length of [0, 1, 10, header.length - 1]) {
      await writeFile(path, header.subarray(0, length));
      expect(texts(await write("again"))).toEqual([]);
      expect(texts(await write())).toEqual(["again"]);
    }
  });

  it("of another configuration is refused, with what it is of, and left as it is", async () => {
    await write("one");
    const before = await readFile(path);
    await expect(Journal.open(options({ model: "b" }))).rejects.toThrow(
      /^error\[JOURNAL\] .*holds results of another configuration: \{"model":"a"\}; .*another journal$/,
    );
    expect(await readFile(path)).toEqual(before);
    expect(texts(await write())).toEqual(["one"]);
  });

  it.each([
    ["no line at all", "PK\u0003\u0004 not a journal", "line 1"],
    ["another text", "first line\nsecond line\n", "line 1: no JSON"],
    ["another schema", '{"schema":"other/1","digest":"x"}\n', "no header of a journal of test/1"],
    ["a header that is no object", "null\n", "no header of a journal of test/1"],
    ["a header without a digest", '{"schema":"test/1"}\n', "another configuration"],
  ])("%s is refused and left as it is", async (_, content, what) => {
    await writeFile(path, content);
    await expect(Journal.open(options())).rejects.toThrow(what);
    expect(await readFile(path, "utf8")).toBe(content);
    expect(await readdir(folder)).toEqual(["sweep.jsonl"]);
  });

  it.each([
    ["no JSON", "{\n", "line 3: no JSON"],
    ["no entry", '{"test":1}\n', "line 3: no result of this kind"],
    ["no UTF-8", Buffer.from([0x22, 0xff, 0x22, 10]), "line 3: no JSON"],
    ["an empty line", "\n", "line 3: no JSON"],
    ["a line beyond 1 MiB", `"${"x".repeat(2 ** 20)}"\n`, "line 3: 1048578 bytes, expected at most 1048576"],
  ])("%s among its lines is a diagnostic with the line", async (_, damage, what) => {
    await write("one");
    await appendFile(path, damage);
    await expect(Journal.open(options())).rejects.toThrow(what);
  });

  it("larger than 256 MiB is refused before it is read", async () => {
    await write("one");
    await truncate(path, 2 ** 28 + 1);
    await expect(Journal.open(options())).rejects.toThrow("268435457 bytes, expected at most 268435456");
  });

  it("that is a folder, or in no folder, is a diagnostic", async () => {
    await mkdir(path);
    await expect(Journal.open(options())).rejects.toThrow("error[FILE]");
    path = join(folder, "absent", "sweep.jsonl");
    await expect(Journal.open(options())).rejects.toThrow(/error\[|cannot write/);
    await symlink("/dev/null", join(folder, "device"));
    path = join(folder, "device");
    await expect(Journal.open(options())).rejects.toThrow("not a regular file");
  });
});

describe("the lock of a journal", () => {
  const lock = (): string => `${path}.lock`;
  const owner = (process: number, host = hostname()): string => `${JSON.stringify({ process, host })}\n`;

  it("lets one in, and the next one when it is closed", async () => {
    const first = await Journal.open(options());
    await expect(Journal.open(options())).rejects.toThrow(/^error\[LOCKED\] .*this one.*remove .*sweep\.jsonl\.lock/);
    await first.close();
    await (await Journal.open(options())).close();
    expect(await readdir(folder)).toEqual(["sweep.jsonl"]);
  });

  it.each([
    ["a process that lives", owner(1), "process 1 works with it"],
    ["a process of another machine", owner(1, "elsewhere"), "process 1 of the machine elsewhere works with it"],
    ["something else", "{}", "no process of macroscope"],
    ["something that is no JSON", "locked", "no process of macroscope"],
    ["a number that signals all processes", owner(-1), "no process of macroscope"],
  ])("of %s is respected", async (_, content, what) => {
    await writeFile(lock(), content);
    await expect(Journal.open(options())).rejects.toThrow(what);
    expect(await readFile(lock(), "utf8")).toBe(content);
  });

  it.each([
    ["a process that is gone", owner(2 ** 22 + 1)],
    ["an earlier process of this number", owner(process.pid)],
    ["a process that was killed while it wrote it", ""],
  ])("of %s is taken over", { timeout: 10_000 }, async (_, content) => {
    await writeFile(lock(), content);
    await (await Journal.open(options())).close();
    expect(await readdir(folder)).toEqual(["sweep.jsonl"]);
  });
});
