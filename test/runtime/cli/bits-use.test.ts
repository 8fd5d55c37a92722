/** The command that `bits` prints repeats what made its result, and files say where a target was missed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseYaml } from "../../../runtime/configuration.ts";
import { writeIdx } from "../../../runtime/datasets/formats/idx.ts";
import { EXPORT_FORMATS } from "../../../runtime/exports/index.ts";
import { readAssignment } from "../../../runtime/exports/read-assignment.ts";
import { reportPage } from "../../../runtime/report/html/page.ts";
import type { BitsReport } from "../../../runtime/results/bits-report.ts";
import { parseResult } from "../../../runtime/results/result.ts";
import { SMALL_CLASSES, type SmallFiles, writeSmallFiles } from "../small-network.ts";
import { invoke, shell } from "./invoke.ts";

/** No configuration of hls4ml is read here. */
const noNetwork = (): Promise<never> => Promise.reject(new Error("not of hls4ml"));

let folder: string;
let files: SmallFiles;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-bits-use-"));
  files = await writeSmallFiles(folder, 24);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the command that bits prints", () => {
  it("gives the digest of the final figures again, with labels, preprocessing, machine, weights and seed", async () => {
    const at = (name: string): string => join(folder, name);
    writeFileSync(at("machine.yaml"), "rows: 8\ncolumns: 4\n");
    const labels = Uint8Array.from({ length: 24 }, (_, index) => index % SMALL_CLASSES);
    writeFileSync(at("own labels.idx"), writeIdx({ shape: [24], data: labels }));
    const made = [
      ...[
        "--labels",
        at("own labels.idx"),
        "--input-scale",
        "1/64",
        "--input-offset",
        "-1",
        "--machine",
        at("machine.yaml"),
      ],
      ...["--dataflow", "ws", "--seed", "7", "--rounding", "stochastic", "--batch-norm", "separate"],
    ];
    const search = ["--search-data", files.data, "--target-kind", "sqnr", "--target", "8", "--strategy", "uniform"];
    const out = ["-o", at("found.yaml"), "--json", at("bits.json"), "--workers", "1", "--images", "8"];
    const ran = await invoke("bits", files.model, "--data", files.images, ...made, ...search, ...out);
    process.exitCode = undefined;
    expect(ran.stderr).toBe("");
    const use = /^Use: (npx macroscope run .*)$/m.exec(ran.stdout)?.[1] ?? "";
    for (const part of [
      "--labels",
      "--input-scale 1/64",
      "--machine",
      "--dataflow ws",
      "--seed 7",
      "--batch-norm separate",
    ]) {
      expect(use).toContain(part);
    }
    const again = await shell(`${use.replace("npx ", "")} --json -`, { cwd: folder });
    expect({ code: again.code }).toEqual({ code: 0 });
    const report: BitsReport = JSON.parse(readFileSync(at("bits.json"), "utf8"));
    const used = report.alternative?.final ?? report.chosen?.final;
    const { digest, accuracy, configuration } = JSON.parse(again.stdout);
    if (report.kept) expect(digest).toBe(used?.digest);
    expect(accuracy).not.toBeNull();
    expect(configuration.preprocessing).toEqual(report.configuration.preprocessing);
    expect(configuration.machine).toEqual(report.configuration.machine);
  }, 120_000);
});

describe("an assignment that missed its target", () => {
  it("says so in its file, in every export and in the page", async () => {
    const at = (name: string): string => join(folder, name);
    // The largest error of two images is not that of all.
    const target = [
      ...["--target-kind", "largest-error", "--target", "0.1", "--margin", "0"],
      ...["--search-images", "2", "--images", "22"],
    ];
    const out = ["-o", at("formats.yaml"), "--json", at("missed.json"), "--workers", "1"];
    const ran = await invoke("bits", files.model, "--data", files.images, ...target, ...out);
    expect(ran.code).toBe(1);
    process.exitCode = undefined;
    expect(ran.stdout).toContain("NOT kept on the final images");
    expect(ran.stdout).toContain("MISSED the target");
    const text = readFileSync(at("formats.yaml"), "utf8");
    expect(text).toMatch(/^# MISSED its target, largest error at most 0\.1: [\d.]+ on 22 images of /m);
    expect(parseYaml(text, "formats.yaml")).toMatchObject({
      verified: { target: "largest-error", wanted: 0.1, kept: false },
    });
    const report = parseResult(readFileSync(at("missed.json"), "utf8"), "missed.json");
    if (report.schema !== "macroscope/bits/1") throw new Error(report.schema);
    expect(report.chosen?.assignment).toMatchObject({ verified: { kept: false } });
    const page = reportPage([{ name: "missed", file: null, result: report }], "1").html;
    expect(page).not.toContain("Formats that keep the target");
    expect(page).toContain("Formats found, which miss the target");
    // hls4ml says nothing of product registers and biases added last, so that what was found is an error there.
    const { verified } = parseYaml(text, "formats.yaml") as { verified: object };
    const plain = { datapath: "intrinsic", format: "16,8", rounding: "down", overflow: "wrap", biasOrder: "first" };
    writeFileSync(at("plain.yaml"), JSON.stringify({ verified, default: plain }));
    for (const format of EXPORT_FORMATS) {
      const line = [
        "export",
        at(format === "hls4ml" ? "plain.yaml" : "formats.yaml"),
        files.model,
        "--to",
        format,
        "-o",
        at("exported"),
      ];
      const exported = await invoke(...line, "--data", files.data);
      if (exported.code !== 0) throw new Error(`${format}: ${exported.stderr}`);
      expect(exported.stdout.replace(/\n {2}/g, " "), format).toContain("MISSED its target");
      const content = readFileSync(at("exported"), "utf8");
      if (format === "json")
        expect((await readAssignment(at("exported"), noNetwork)).assignment).toHaveProperty("verified.kept", false);
      else if (format !== "csv" && format !== "qonnx") expect(content, format).toContain("MISSED its target");
    }
    // What flags change is no longer what was verified.
    const run = [
      "run",
      files.model,
      "--data",
      files.data,
      "--images",
      "2",
      "--assign",
      at("formats.yaml"),
      "--json",
      "-",
    ];
    const [same, other] = [await invoke(...run), await invoke(...run, "--rounding", "zero")];
    expect(JSON.parse(same.stdout).configuration.assignment.verified).toMatchObject({ kept: false });
    expect(JSON.parse(other.stdout).configuration.assignment.verified).toBeUndefined();
    if (report.alternative == null) return;
    expect(readFileSync(at("formats.kept.yaml"), "utf8")).toMatch(/^# Keeps its target, largest error at most 0\.1/m);
    expect(ran.stdout).toContain("--assign");
  }, 180_000);
});
