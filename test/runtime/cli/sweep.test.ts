/** `macroscope sweep`, killed, resumed, and given what cannot be. Needs the build. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SweepRecord, SweepReport } from "../../../runtime/results/sweep-report.ts";
import { COMMAND, errorLines, invoke } from "./invoke.ts";

const LONG = process.env.MACROSCOPE_LONG === "1";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "macroscope-sweep-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Runs the built command; kills it after `delay` ms where that is given. */
function run(
  parameters: readonly string[],
  delay?: number,
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [COMMAND, ...parameters], { stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk) => (stderr += chunk));
    const timer = delay === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), delay);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, stderr });
    });
  });
}

/** What must be the same: all but times. */
function results(records: readonly SweepRecord[]): readonly unknown[] {
  return records.map(({ key, result }) => ({ key, result })).toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

async function journalled(path: string): Promise<readonly SweepRecord[]> {
  const [, ...lines] = (await readFile(path, "utf8")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

const SWEEP = ["sweep", "--images", "3", "--datapath", "tensorquant,extrinsic", "--overflow", "saturate"];
const SHORT = [...SWEEP, "--word-lengths", "6..12:2", "--rounding", "nearest,stochastic"];

describe("a sweep that is killed at random moments", () => {
  it("ends with the same results as an undisturbed one", { timeout: 300_000 }, async () => {
    const [calm, wild] = [join(folder, "calm.jsonl"), join(folder, "wild.jsonl")];
    const started = performance.now();
    expect(await run([...SHORT, "--workers", "1", "--journal", calm])).toMatchObject({ code: 0 });
    const duration = performance.now() - started;
    const kills = LONG ? 10 : 2;
    const moments = fc.sample(fc.double({ min: 0.2, max: 1, noNaN: true }), { numRuns: kills, seed: 5 });
    for (const [index, moment] of moments.entries()) {
      const workers = String(1 + (index % 2));
      await run([...SHORT, "--workers", workers, "--journal", wild], moment * duration);
    }
    const json = join(folder, "wild.json");
    const { code, stderr } = await run([...SHORT, "--workers", "2", "--journal", wild, "--json", json]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const found = await journalled(wild);
    expect(results(found)).toEqual(results(await journalled(calm)));
    expect(found).toHaveLength(16);
    expect(new Set(found.map(({ key }) => key)).size).toBe(16);
    const report: SweepReport = JSON.parse(await readFile(json, "utf8"));
    expect(results(report.records)).toEqual(results(found));
    expect((await readdir(folder)).sort()).toEqual(["calm.jsonl", "wild.json", "wild.jsonl"]);
  });
});

describe("a sweep", () => {
  it("goes on where it stopped, in a larger grid and with other workers, and refuses another seed", {
    timeout: 60_000,
  }, async () => {
    const journal = join(folder, "sweep.jsonl");
    const small = ["sweep", "--images", "2", "--word-lengths", "8", "--journal", journal];
    expect(await invoke(...small, "--fraction-lengths", "3")).toMatchObject({ code: 0, stderr: "" });
    const json = join(folder, "result.json");
    const more = await invoke(...small, "--fraction-lengths", "2..3", "--workers", "1", "--json", json);
    expect(more).toMatchObject({ code: 0, stderr: `${journal}: 1 results are there already\n` });
    expect(more.stdout).toMatch(/^intrinsic +8,2 [\s\S]*^intrinsic +8,3 /m);
    const { records, configuration, request }: SweepReport = JSON.parse(await readFile(json, "utf8"));
    expect(records.map(({ point }) => point.fractionLength)).toEqual([2, 3]);
    expect(results(records)).toEqual(results(await journalled(journal)));
    expect(configuration).toMatchObject({ model: "lenet5", images: 2 });
    expect(request).toMatchObject({ wordLengths: "8", fractionLengths: "2..3" });
    const fewer = await invoke(...small, "--fraction-lengths", "3", "--images", "1");
    expect(fewer.code).toBe(0);
    expect((await journalled(journal)).map(({ point }) => point.images)).toEqual([2, 2, 1]);
    const other = await invoke(...small, "--seed", "2");
    expect(other.code).toBe(2);
    expect(errorLines(other)[0]).toMatch(/^error\[JOURNAL\] .*another configuration/);
    await writeFile(journal, `${await readFile(journal, "utf8")}{"key":"torn`);
    const torn = await invoke(...small, "--fraction-lengths", "3");
    expect(torn).toMatchObject({ code: 0 });
    expect(torn.stderr).toContain("cut off a torn last line of 12 bytes");
  });

  it("of parts of the network and of best fraction lengths tells points apart", { timeout: 60_000 }, async () => {
    const json = join(folder, "result.json");
    const lists = [
      "--word-lengths",
      "3",
      "--fraction-lengths",
      "best,half,9",
      "--layers",
      "fc*;all",
      "--search-images",
      "2",
    ];
    const found = await invoke("sweep", "--images", "3", "--datapath", "wide", ...lists, "--json", json);
    expect(found.code).toBe(0);
    expect(found.stderr).toContain("2 points left out");
    const { records }: SweepReport = JSON.parse(await readFile(json, "utf8"));
    const tried = records.filter(({ point }) => point.first === 3);
    expect(tried.map(({ point }) => [point.subunit, point.fractionLength, point.images])).toEqual([
      ...[0, 1, 2].map((fraction) => ["fc*", fraction, 2]),
      ...[0, 1, 2].map((fraction) => [null, fraction, 2]),
    ]);
    expect(tried[0]?.point.layers).toEqual(["fc1", "fc2"]);
    expect(tried[0]?.result.cost).toBeNull();
    expect(tried[3]?.result.cost?.storedBits).toBeGreaterThan(0);
  });

  it.each([
    [["--word-lengths", "0..8"], /^error\[OPTION\] --word-lengths: "0..8" is outside 1 to 64/],
    [["--fraction-lengths", "middle"], /^error\[OPTION\] --fraction-lengths: "middle" is no fraction length/],
    [["--rounding", "nearest,nearst"], /^error\[ROUNDING\] --rounding: .*did you mean nearest\?/],
    [["--overflow", "trap"], /^error\[OPTION\] --overflow: trap ends a run/],
    [["--overflow", "clip"], /^error\[OVERFLOW\] --overflow: /],
    [["--datapath", "intrinsic,"], /^error\[OPTION\] --datapath: "intrinsic," has an empty item/],
    [["--datapath", "float"], /^error\[OPTION\] --datapath: float has no word lengths/],
    [["--format", "8,4"], /^error\[USAGE\] macroscope sweep/],
    [["--journal", "/absent/x.jsonl"], /^error\[FILE\] \/absent\/x.jsonl: the folder does not exist/],
    [
      ["--layers", "cnv1", "--images", "1"],
      /^error\[UNKNOWN_LAYER\] --layers: "cnv1" matches no layer; did you mean conv1\?/,
    ],
    [["--word-lengths", "2", "--fraction-lengths", "2", "--images", "1"], /^error\[GRID\] the grid: /],
  ])("%j is refused with one line", async (parameters, line) => {
    const found = await invoke("sweep", ...parameters);
    expect(found.code).toBe(2);
    expect(errorLines(found)).toHaveLength(1);
    expect(errorLines(found)[0]).toMatch(line);
  });
});

describe("Ctrl-C", () => {
  it("keeps the journal, says how to go on, and ends with 130", { timeout: 60_000 }, async () => {
    const journal = join(folder, "sweep.jsonl");
    const child = spawn(process.execPath, [COMMAND, ...SWEEP, "--word-lengths", "4..30", "--journal", journal], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (chunk) => (stderr += chunk));
    let told = false;
    const timer = setInterval(async () => {
      const text = await readFile(journal, "utf8").catch(() => "");
      if (told || text.split("\n").length <= 3) return;
      // A second one would end it at once.
      told = true;
      child.kill("SIGINT");
    }, 20);
    const code = await new Promise((resolve) => child.on("close", resolve));
    clearInterval(timer);
    expect({ code, stderr }).toEqual({
      code: 130,
      stderr: `${journal} keeps what was done: the same command goes on from there\ninterrupted\n`,
    });
    expect((await journalled(journal)).length).toBeGreaterThanOrEqual(2);
    expect(await readdir(folder)).toEqual(["sweep.jsonl"]);
  });
});

describe("a format in the place of a list", () => {
  it("is answered with the lists to write", async () => {
    const { code, stderr } = await invoke("sweep", "lenet5", "--word-lengths", "ap_fixed<16,6>");
    expect(code).toBe(2);
    expect(stderr).toContain("write --word-lengths 16 --fraction-lengths 10");
  });
});
