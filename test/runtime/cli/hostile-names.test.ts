/** Layers and files with hostile names: what every command prints and writes obeys no terminal. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXPORT_FORMATS } from "../../../runtime/exports/index.ts";
import { readAssignment } from "../../../runtime/exports/read-assignment.ts";
import { hostileNames } from "../../arbitraries/hostile-name.ts";
import { smallImages, smallModel } from "../small-network.ts";
import { type Invocation, invoke } from "./invoke.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-hostile-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Everything that is printable, and line ends. */
const PRINTABLE = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]*$/u;

function expectPrintable(what: string, text: string): void {
  for (const line of text.split("\n")) expect(line, what).toMatch(PRINTABLE);
}

function expectPrinted({ stdout, stderr }: Invocation, what: string): void {
  expectPrintable(`${what}: standard output`, stdout);
  expectPrintable(`${what}: standard error`, stderr);
}

/** A name that a folder can have. */
const fileName = (name: string): string =>
  [...name.replaceAll("/", "|").replaceAll("\0", "0")]
    .slice(0, 20)
    .join("")
    .replace(/\p{Surrogate}/gu, "");

const [FIRST, SECOND, FOLDER] = ["conv\u001b[2J\n\u202e1", "fc\u009b\r\u2028", "da\u001b]0;x\u0007ta"] as const;
const names = fc.sample(hostileNames(), { numRuns: 3, seed: 7 });
const networks: readonly [string, string, string][] = [
  [FIRST, SECOND, FOLDER],
  [names[0] ?? "", names[1] ?? "", fileName(names[2] ?? "")],
];

interface HostileFiles {
  readonly model: string;
  readonly data: string;
}

/** The small network with two of its layers, and the folder around it, called otherwise. */
async function writeHostile([first, second, name]: readonly [string, string, string]): Promise<HostileFiles> {
  const own = join(folder, `n${readdirSync(folder).length}${name}`);
  mkdirSync(join(own, "data"), { recursive: true });
  const { json, weights } = smallModel();
  const renamed = JSON.stringify(json)
    .replaceAll('"conv1', JSON.stringify(`${first}1`).slice(0, -1))
    .replaceAll('"fc1', JSON.stringify(`${second}2`).slice(0, -1));
  const { images, labels } = smallImages(12);
  await writeFile(join(own, "model.json"), renamed);
  await writeFile(join(own, "group1-shard1of1.bin"), weights);
  await writeFile(join(own, "data", "small-images.idx"), images);
  await writeFile(join(own, "data", "small-labels.idx"), labels);
  return { model: join(own, "model.json"), data: join(own, "data") };
}

describe.each(networks)("layers %j and %j in a folder %j", (...given) => {
  it("are printed escaped by run, compile, disasm, compare, sweep and bits", async () => {
    const { model, data } = await writeHostile(given);
    const at = (name: string): string => join(data, "..", name);
    const common = ["--data", data, "--workers", "1", "--images", "4"];
    const lines: readonly (readonly string[])[] = [
      [
        "run",
        model,
        ...common,
        "--histograms",
        "--format",
        "6,3",
        "--dump",
        at("dump.jsonl"),
        "--json",
        at("run.json"),
      ],
      ["run", model, ...common, "--json", "-"],
      ["run", model, "--data", at("nothing")],
      ["run", model, ...common, "--overflow", "trap", "--format", "3,2"],
      ["compile", model, "--data", data, "-o", at("program.macroscope")],
      ["disasm", at("program.macroscope")],
      ["run", at("program.macroscope"), ...common],
      ["compare", model, ...common.slice(0, 2), "--dataflows", "os,ws"],
      ["compare", at("dump.jsonl"), "--model", model, "--data", data, "--format", "6,2"],
      ["sweep", model, ...common.slice(0, 4), "--images", "4", "--word-lengths", "4,6", "--layers", "each"],
      [...["bits", model, ...common, "--search-images", "4", "--target-kind", "sqnr", "--target", "10"]],
      ["report", at("run.json"), "-o", at("page.html"), "--svg", at("charts")],
    ];
    for (const line of lines) {
      const ran = await invoke(...line);
      expectPrinted(ran, line[0] ?? "");
      expect(ran.stdout + ran.stderr).not.toMatch(/\[BUG\]/);
      process.exitCode = undefined;
    }
    for (const file of ["dump.jsonl", "run.json", "page.html"]) expectPrintable(file, readFileSync(at(file), "utf8"));
    for (const chart of readdirSync(at("charts"))) expectPrintable(chart, readFileSync(at(`charts/${chart}`), "utf8"));
  }, 120_000);

  it("are escaped in what bits and export write, and found again", async () => {
    const { model, data } = await writeHostile(given);
    const at = (name: string): string => join(data, "..", name);
    const target = ["--target-kind", "sqnr", "--target", "5", "--margin", "0"];
    const few = ["--images", "4", "--search-images", "4", "--workers", "1"];
    await invoke("bits", model, "--data", data, ...few, ...target, "-o", at("bits.yaml"));
    process.exitCode = undefined;
    expectPrintable("bits.yaml", readFileSync(at("bits.yaml"), "utf8"));
    const written = Object.keys((await layersOf(at("bits.yaml"))) ?? {});
    expect(written).toContain(`${given[0]}1`);
    for (const format of EXPORT_FORMATS.filter((each) => each !== "qonnx")) {
      const file = at(`formats.${format}`);
      const line = ["export", at("bits.yaml"), model, "--data", data, "--to", format, "-o", file];
      const exported = await invoke(...line);
      expectPrinted(exported, format);
      if (format === "hls4ml" && exported.stderr.startsWith("error[EXPORT_HLS4ML]")) continue;
      expect({ format, code: exported.code, stderr: exported.stderr }).toEqual({ format, code: 0, stderr: "" });
      expectPrintable(format, readFileSync(file, "utf8"));
      if (format !== "json" && format !== "csv") continue;
      expect(Object.keys((await layersOf(file)) ?? {}), format).toContain(`${given[0]}1`);
    }
  }, 120_000);
});

const noNetwork = (): Promise<never> => Promise.reject(new Error("no configuration of hls4ml"));

async function layersOf(file: string): Promise<object | undefined> {
  return ((await readAssignment(file, noNetwork)).assignment as { layers?: object }).layers;
}
