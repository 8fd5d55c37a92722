/** Every command has a help text with an example, and the examples do what they say. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandLine } from "../../../runtime/cli/command-line.ts";
import { shell } from "./invoke.ts";

interface Example {
  readonly command: string;
  readonly line: string;
  /** What the help says the line prints; empty where it says nothing. */
  readonly output: string;
}

/** In this order each example finds the files of those before. */
const ORDER = ["compile", "disasm", "asm", "quantize", "run", "sweep", "compare", "bits", "export", "report"];
/** Nothing in a page of results is drawn by chance. */
const WITHOUT_SEED = ["report"];
const NAMES = commandLine().commands.map((command) => command.name());

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-examples-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function examplesOf(command: string): Promise<Example[]> {
  const { code, stdout, stderr } = await shell(`macroscope ${command} --help`, { cwd: folder });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const [, text = ""] = stdout.split("\nExample:\n");
  return text
    .split(/^ {2}\$ /m)
    .slice(1)
    .map((part) => {
      const [line = "", ...output] = part.trimEnd().split("\n");
      return { command, line, output: output.map((each) => each.trim()).join("\n") };
    });
}

describe("help", () => {
  it("is tested for every command", () => {
    expect([...ORDER].sort()).toEqual([...NAMES].sort());
  });

  it.each(ORDER)("%s --help shows an example that runs and prints what it says, --json and --seed", async (name) => {
    const { stdout } = await shell(`macroscope ${name} --help`, { cwd: folder });
    expect(stdout).toContain("--json <file>");
    if (!WITHOUT_SEED.includes(name)) expect(stdout).toContain("--seed <n>");
    const examples = await examplesOf(name);
    expect(examples.some(({ line }) => line.includes(`npx macroscope ${name}`))).toBe(true);
    for (const { line, output } of examples) {
      const ran = await shell(line.replace("npx macroscope", "macroscope"), { cwd: folder });
      expect({ line, code: ran.code, stderr: ran.stderr }).toEqual({ line, code: 0, stderr: "" });
      if (output !== "") expect(ran.stdout.trim()).toBe(output);
    }
  });

  it("the files the examples wrote are there, and asm gave back what compile wrote", () => {
    expect(existsSync(join(folder, "lenet5.asm"))).toBe(true);
    // asm's example wrote over the program that disasm's example had read.
    expect(readFileSync(join(folder, "lenet5.macroscope")).length).toBeGreaterThan(100_000);
  });

  it("macroscope alone shows the commands on standard error and ends with 2", async () => {
    const { code, stdout, stderr } = await shell("macroscope", { cwd: folder });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    for (const name of NAMES) expect(stderr).toContain(`\n  ${name} `);
    expect(stderr).toContain(`error[USAGE] macroscope: found no command; use ${NAMES.join(", ")}`);
  });

  it("--version prints the version of the package", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
    expect(await shell("macroscope --version", { cwd: folder })).toEqual({
      code: 0,
      stdout: `${version}\n`,
      stderr: "",
    });
  });
});
