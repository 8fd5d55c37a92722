/** Pipes and terminals: silence where the reader is gone, a progress bar only where someone looks. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SmallFiles, writeSmallFiles } from "../small-network.ts";
import { COMMAND, shell } from "./invoke.ts";

let folder: string;
let files: SmallFiles;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-terminal-"));
  files = await writeSmallFiles(folder, 40);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Whether util-linux's `script`, which gives a command a terminal, is at hand. */
function canOpenTerminal(): boolean {
  try {
    return execFileSync("script", ["--version"], { encoding: "utf8" }).includes("util-linux");
  } catch {
    return false;
  }
}

const run = (): string => `run ${files.model} --data ${files.data} --workers 1`;

describe("a closed pipe", () => {
  it.each([
    ["run --json -", () => `macroscope ${run()} --json - 2>errors | head -c 1`],
    ["run, the text", () => `macroscope ${run()} 2>errors | head -c 1`],
    ["quantize", () => "yes 3 | macroscope quantize --from 9,4 --to 4,0 2>errors | head -1"],
    ["--help", () => "macroscope run --help 2>errors | head -c 1"],
  ])("of %s ends the program silently with 0", async (_name, line) => {
    const ran = await shell(`${line()}; echo " \${PIPESTATUS[*]}" >&2; cat errors >&2`, { cwd: folder });
    expect(ran.stdout).toHaveLength(ran.stdout === "0\n" ? 2 : 1);
    const [statuses, ...errors] = ran.stderr.split("\n");
    expect(statuses?.trim().split(" ").at(-2)).toBe("0");
    expect(errors.join("\n")).not.toMatch(/EPIPE|^error\[|^ +at /m);
  });
});

describe("progress", () => {
  it("is not shown in a pipe", async () => {
    const { code, stderr } = await shell(`macroscope ${run()}`, { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it.runIf(canOpenTerminal())("is shown on a terminal, and cleared before the report", async () => {
    const command = `"${process.execPath}" "${COMMAND}" ${run()} --engine reference`;
    const { stdout } = await shell(`script -qec '${command}' /dev/null`, { cwd: folder });
    expect(stdout).toContain("images/s");
    expect(stdout).toContain("reference engine");
    const report = stdout.slice(stdout.indexOf("Look first:"));
    expect(report).not.toContain("images/s");
    // The cursor is shown again.
    expect(stdout.lastIndexOf("\u001b[?25h")).toBeGreaterThan(stdout.lastIndexOf("\u001b[?25l"));
  });
});

describe("output files", () => {
  it("replace what was there only when they are whole", async () => {
    writeFileSync(join(folder, "out.macroscope"), "before");
    const bad = await shell(
      `macroscope compile ${files.model} --data ${files.data} --format 99,1 -o out.macroscope; cat out.macroscope`,
      { cwd: folder },
    );
    expect(bad.stdout).toBe("before");
    const good = await shell(
      `macroscope compile ${files.model} --data ${files.data} -o out.macroscope; cat out.macroscope`,
      { cwd: folder },
    );
    expect(good.stdout).toContain("MCS");
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("a device that takes no more bytes ends with 74", async () => {
    const ran = await shell(`macroscope ${run()} > /dev/full`, { cwd: folder });
    expect(ran.code).toBe(74);
  });

  it("asm gives back byte for byte what disasm listed", async () => {
    const lines = [
      `macroscope compile ${files.model} --data ${files.data} --format 9,4 -o a.macroscope --json summary.json`,
      "macroscope disasm a.macroscope > a.asm",
      "macroscope asm a.asm -o b.macroscope",
      "cmp a.macroscope b.macroscope",
      "macroscope asm a.asm --seed 9 -o c.macroscope --json -",
      "macroscope disasm c.macroscope --json - 2>/dev/null",
    ];
    const ran = await shell(lines.join(" && "), { cwd: folder });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('"schema": "macroscope/asm/1"');
    expect(ran.stdout).toContain('"schema": "macroscope/disasm/1"');
    expect(ran.stdout.match(/"seed": 9/g)).toHaveLength(2);
  });
});
