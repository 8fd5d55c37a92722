/** `report` and `--report`: result files in, a page and charts out. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SAMPLES } from "../report/sample-results.ts";
import { type SmallFiles, writeSmallFiles } from "../small-network.ts";
import { DIAGNOSTIC_LINE, errorLines, invoke } from "./invoke.ts";

let folder: string;
let small: SmallFiles;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-report-"));
  small = await writeSmallFiles(folder);
  for (const [name, json] of Object.entries(SAMPLES)) writeFileSync(join(folder, `${name}.json`), json);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);

describe("macroscope report", () => {
  it("writes a page of several results, their charts and what it wrote", async () => {
    const files = Object.keys(SAMPLES).map((name) => at(`${name}.json`));
    const ran = await invoke("report", ...files, "-o", at("page.html"), "--svg", at("charts/svg"), "--json", "-");
    expect({ code: ran.code, stderr: ran.stderr.split("\n").length }).toEqual({ code: 0, stderr: 3 });
    const summary = JSON.parse(ran.stdout);
    const page = readFileSync(at("page.html"), "utf8");
    expect(summary).toMatchObject({
      schema: "macroscope/report/1",
      output: at("page.html"),
      bytes: Buffer.byteLength(page),
    });
    expect(summary.results.map(({ schema }: { schema: string }) => schema)).toEqual(
      Object.keys(SAMPLES).map((name) => `macroscope/${name}/1`),
    );
    expect(readdirSync(at("charts/svg"))).toEqual([...summary.charts].sort());
    expect(summary.charts.length).toBeGreaterThan(30);
    for (const name of Object.keys(SAMPLES)) expect(page).toContain(`${name}.json`);
  });

  it.each([
    ["no file", ["-o", "x.html"], "missing required argument"],
    ["no page", ["run.json"], "--output"],
    ["a file that is not there", ["nothing.json", "-o", "x.html"], "no such file"],
    ["a folder", [".", "-o", "x.html"], "found a folder"],
    ["no result", ["text.txt", "-o", "x.html"], "not JSON"],
    ["a page in a folder that is not there", ["run.json", "-o", "no/x.html"], "the folder does not exist"],
    [
      "charts where a file stands",
      ["run.json", "-o", "x.html", "--svg", "run.json"],
      "found a file, expected a folder",
    ],
    ["a result too many", [...new Array(101).fill("run.json"), "-o", "x.html"], "at most 100"],
  ])("%s is refused, and nothing is written", async (_name, args, words) => {
    writeFileSync(at("text.txt"), "# a text");
    const paths = args.map((arg) => (arg.startsWith("-") ? arg : at(arg)));
    const ran = await invoke("report", ...paths);
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    for (const line of errorLines(ran)) expect(line).toMatch(DIAGNOSTIC_LINE);
    expect(ran.stderr).toContain(words);
    expect(existsSync(at("x.html"))).toBe(false);
  });
});

describe("--report", () => {
  it("run writes the page that report writes from its JSON, but for where the configuration stands", async () => {
    const args = ["--data", small.data, "--workers", "1", "--format", "5,3"];
    const ran = await invoke("run", small.model, ...args, "--json", at("own.json"), "--report", at("own.html"));
    expect(ran.code).toBe(0);
    expect((await invoke("report", at("own.json"), "-o", at("again.html"))).code).toBe(0);
    const [own, again] = ["own.html", "again.html"].map((name) => readFileSync(at(name), "utf8"));
    expect(again?.split("To reproduce it")[0]).toBe(own?.split("To reproduce it")[0]);
    expect(again).toContain(`run --config ${at("own.json")}`);
    expect(own).toContain("run --config configuration.yaml");
  });

  it("compare writes a page too", async () => {
    writeFileSync(at("small.yaml"), JSON.stringify({ model: small.model, data: small.data, images: 2, workers: 1 }));
    const args = ["--dataflows", "os,ws", "--config", at("small.yaml"), "--format", "5,3"];
    const ran = await invoke("compare", ...args, "--report", at("compare.html"));
    expect({ ...ran, stdout: "" }).toEqual({ code: expect.toBeOneOf([0, 1]), stdout: "", stderr: "" });
    expect(readFileSync(at("compare.html"), "utf8")).toContain("os beside ws");
  });

  it("is refused before the run where it cannot be written", async () => {
    const ran = await invoke("run", small.model, "--data", small.data, "--report", at("no/page.html"));
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain("the folder does not exist");
  });
});
