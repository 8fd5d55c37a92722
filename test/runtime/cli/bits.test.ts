import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SmallFiles, writeSmallFiles } from "../small-network.ts";
import { invoke } from "./invoke.ts";

let folder: string;
let files: SmallFiles;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-bits-command-"));
  files = await writeSmallFiles(folder, 24);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SMALL = ["--images", "8", "--search-images", "8", "--strategy", "uniform", "--workers", "1"] as const;

describe("macroscope bits", () => {
  it("writes an assignment that run takes, with the same digest, and ends with 0", async () => {
    const assignment = join(folder, "assignment.yaml");
    const json = join(folder, "bits.json");
    const target = ["--target-kind", "agreement", "--target", "0.8", "--search-data", files.images];
    const out = ["-o", assignment, "--json", json];
    const bits = await invoke("bits", files.model, "--data", files.data, ...SMALL, ...target, ...out);
    expect({ code: bits.code, stderr: bits.stderr }).toEqual({ code: 0, stderr: "" });
    expect(bits.stdout).toContain("Kept on the final images");
    expect(bits.stdout).toContain(`--assign ${assignment}`);
    const report = JSON.parse(readFileSync(json, "utf8"));
    expect(report.schema).toBe("macroscope/bits/1");
    const common = ["--data", files.data, "--images", "8", "--json", "-"];
    const runs = [
      await invoke("run", files.model, ...common, "--assign", assignment),
      // The result is a configuration too.
      await invoke("run", "--config", json, "--json", "-"),
    ];
    for (const { code, stdout } of runs) {
      expect(code).toBe(0);
      expect(JSON.parse(stdout).digest).toBe(report.chosen.final.digest);
    }
  }, 60_000);

  it("ends with 1 and writes no assignment where nothing keeps the target", async () => {
    const assignment = join(folder, "none.yaml");
    const impossible = ["--target", "1.5", "--margin", "0", "--datapath", "extrinsic", "-o", assignment];
    const { code, stdout } = await invoke("bits", files.model, "--data", files.data, ...SMALL, ...impossible);
    expect(code).toBe(1);
    process.exitCode = undefined;
    expect(stdout).toContain("Not reached");
    expect(existsSync(assignment)).toBe(false);
  }, 60_000);

  it.each([
    [["--target", "high"], /--target: found "high"/],
    [["--target", "3"], /--target: 3 is no relative target/],
    [["--target-kind", "relativ"], /did you mean relative/],
    [["--margin", "-1"], /--margin/],
    [["--objective", "speed"], /--objective/],
    [["--strategy", "best"], /--strategy/],
    [["--early-error", "0.5"], /--early-error/],
    [["--datapath", "float"], /--datapath/],
    [["--format", "8,4"], /unknown option '--format'/],
    [["-o", "/nowhere/at/all.yaml"], /the folder does not exist/],
    [["--search-data", "mnist-validatio"], /did you mean mnist-validation/],
  ])("refuses %j", async (wrong, message) => {
    const { code, stdout, stderr } = await invoke("bits", ...wrong);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });
});
