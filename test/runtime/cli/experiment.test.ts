/** The paper's experiments from the command line, on a small network. Needs the build, for worker threads. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXPERIMENT_NAMES } from "../../../runtime/results/experiment-report.ts";
import type { SweepReport } from "../../../runtime/results/sweep-report.ts";
import { type SmallFiles, writeSmallFiles } from "../small-network.ts";
import { type Invocation, invoke } from "./invoke.ts";

describe("sweep --experiment", { timeout: 60_000 }, () => {
  let folder: string;
  let files: SmallFiles;
  const experiment = (...args: readonly string[]): Promise<Invocation> =>
    invoke("sweep", files.model, "--data", files.data, "--images", "8", "--workers", "1", "--experiment", ...args);
  const reported = async (...args: readonly string[]): Promise<SweepReport> => {
    const { code, stdout, stderr } = await experiment(...args, "--json", "-");
    expect([code, stderr.includes("error")]).toEqual([0, false]);
    return JSON.parse(stdout);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "experiment-"));
    files = await writeSmallFiles(folder);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each(EXPERIMENT_NAMES)("%s gives tables and the records behind them", async (name) => {
    const { experiment: found, records, request } = await reported(name, "--word-lengths", "4,8");
    expect(request).toMatchObject({ experiment: name, subunits: "blocks", wordLengths: "4,8" });
    expect(found?.name).toBe(name);
    expect(new Set(records.map(({ key }) => key)).size).toBe(records.length);
    for (const { point } of records) expect([4, 8]).toContain(point.wordLength);
    for (const { rows, columns } of found?.tables ?? []) {
      expect(rows.length).toBeGreaterThan(0);
      for (const { entries } of rows) expect(entries).toHaveLength(columns.length);
    }
    // Each figure is a record's.
    const figures = records.map(({ result }) => result.accuracy?.relative ?? result.agreement?.share);
    const shown = (found?.tables ?? []).flatMap(({ rows }) => rows.flatMap(({ entries }) => entries));
    for (const entry of shown) if (entry !== null) expect(figures).toContain(entry.figure);
  });

  it("goes on from its journal and runs no point twice, with the same tables", async () => {
    const journal = join(folder, "journal.jsonl");
    const args = ["minimal-subunits", "--word-lengths", "4,6", "--journal", journal];
    const first = await reported(...args);
    const lines = (await readFile(journal, "utf8")).trimEnd().split("\n");
    expect(lines).toHaveLength(first.records.length + 1);
    const again = await reported(...args);
    expect(again.records).toEqual(first.records);
    expect(again.experiment).toEqual(first.experiment);
    expect((await readFile(journal, "utf8")).trimEnd().split("\n")).toEqual(lines);
  });

  it("takes subunits by layer and by pattern, and what intrinsic means", async () => {
    const names = async (...args: readonly string[]): Promise<unknown> =>
      (await reported("minimal-subunits", "--word-lengths", "4", ...args)).experiment?.tables[0]?.rows.map(
        ({ name }) => name,
      );
    expect(await names("--subunits", "layers")).toEqual(["conv1", "pool1", "fc1"]);
    expect(await names("--subunits", "stem=conv1,pool1;fc*")).toEqual(["stem", "fc*"]);
    const { records } = await reported("subunits", "--word-lengths", "4", "--datapath", "wide");
    expect(new Set(records.map(({ point }) => point.datapath))).toEqual(new Set(["wide"]));
  });

  it("prints the tables, and writes them as Markdown", async () => {
    const markdown = join(folder, "tables.md");
    const { stdout, code } = await experiment("subunits", "--word-lengths", "4", "--markdown", markdown);
    expect(code).toBe(0);
    expect(stdout).toContain("Table 1. network");
    const text = await readFile(markdown, "utf8");
    expect(text).toMatch(/^\| Topology \| 4 bit \|\n\| --- \| ---: \|\n\| network \(all\) \|/m);
    const { stdout: same } = await experiment("subunits", "--word-lengths", "4", "--markdown", "-");
    expect(same.trimEnd()).toBe(text.trimEnd());
  });

  it("refuses what means nothing to it, with the nearest name", async () => {
    const wrong = async (...args: readonly string[]): Promise<string> => {
      const { code, stderr } = await experiment(...args);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await wrong("minimal-subunit")).toContain("did you mean minimal-subunits?");
    expect(await wrong("subunits", "--rounding", "down")).toContain("error[OPTION] --rounding");
    expect(await wrong("subunits", "--layers", "each")).toContain("error[OPTION] --layers");
    expect(await wrong("subunits", "--datapath", "extrinsic")).toContain("error[OPTION] --datapath");
    expect(await wrong("subunits", "--subunits", "conv1;conw2")).toContain("error[UNKNOWN_LAYER] --subunits");
    const { stderr } = await invoke("sweep", files.model, "--data", files.data, "--subunits", "layers");
    expect(stderr).toContain("error[OPTION] --subunits: is for an --experiment");
  });
});
