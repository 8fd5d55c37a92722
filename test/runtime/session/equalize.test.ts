/** Channels that a register of all channels would leave without words: scaled by powers of two, they have some. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunReport } from "../../../runtime/results/run-report.ts";
import { randomFloats } from "../../arbitraries/graph.ts";
import { encodeModel, type ModelNode } from "../../compiler/importers/onnx-model.ts";
import { invoke } from "../cli/invoke.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "macroscope-equalize-"));
const file = (name: string): string => join(FOLDER, name);
afterAll(() => rmSync(FOLDER, { recursive: true }));

const floats = (shape: readonly number[], data: ArrayLike<number>) =>
  ({ type: "float32", shape, data: Float32Array.from(data) }) as const;

function writeImage(name: string, channels: readonly number[]): void {
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 1, 1), }".padEnd(117);
  const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, 118, 0]);
  const values = Buffer.from(Float32Array.from(channels).buffer);
  writeFileSync(file(name), Buffer.concat([start, Buffer.from(`${header}\n`), values]));
}

/** Depthwise filters of 100 and 0.3, then a sum of 0.001 and 1 of them: 0.4 for ones. */
function writeTwoFilters(): void {
  const nodes: ModelNode[] = [
    { operator: "Conv", name: "dw", inputs: ["x", "dw_w"], outputs: ["h"], attributes: { group: 2n } },
    { operator: "Conv", name: "pw", inputs: ["h", "pw_w"], outputs: ["y"] },
  ];
  const constants = { dw_w: floats([2, 1, 1, 1], [100, 0.3]), pw_w: floats([1, 2, 1, 1], [0.001, 1]) };
  const bytes = encodeModel({ inputs: { x: { shape: [1, 2, 1, 1] } }, constants, nodes, outputs: ["y"] });
  writeFileSync(file("two.onnx"), bytes);
  writeImage("two.npy", [1, 1]);
  writeImage("other.npy", [0.001, 1]);
}

const CHANNELS = 16;

/** As MobileNet's blocks are: 3 × 3, depthwise of filters with gains 2^0 … 2^10, 1 × 1 that makes good for them, mean, ten classes. */
function writeDepthwise(): void {
  const gain = (channel: number): number => 2 ** ((channel * 7) % 11) * (1 + channel / CHANNELS);
  const weights = (
    shape: readonly number[],
    seed: number,
    most: number,
    factor: (index: number) => number = () => 1,
  ) => {
    const count = shape.reduce((a, b) => a * b, 1);
    return floats(
      shape,
      randomFloats(count, seed, -most, most).map((value, index) => value * factor(index)),
    );
  };
  const constants = {
    w1: weights([CHANNELS, 3, 3, 3], 1, 0.4),
    b1: weights([CHANNELS], 2, 0.2),
    w2: weights([CHANNELS, 1, 3, 3], 3, 0.6, (index) => gain(Math.floor(index / 9))),
    b2: weights([CHANNELS], 4, 0.2, gain),
    w3: weights([CHANNELS, CHANNELS, 1, 1], 5, 0.5, (index) => 1 / gain(index % CHANNELS)),
    w4: weights([10, CHANNELS], 6, 0.5),
  };
  const pads = [1n, 1n, 1n, 1n] as const;
  const nodes: ModelNode[] = [
    { operator: "Conv", name: "c1", inputs: ["x", "w1", "b1"], outputs: ["c1"], attributes: { pads } },
    { operator: "Relu", inputs: ["c1"], outputs: ["r1"] },
    { operator: "Conv", name: "c2", inputs: ["r1", "w2", "b2"], outputs: ["c2"], attributes: { pads, group: 16n } },
    { operator: "Relu", inputs: ["c2"], outputs: ["r2"] },
    { operator: "Conv", name: "c3", inputs: ["r2", "w3"], outputs: ["c3"] },
    { operator: "Relu", inputs: ["c3"], outputs: ["r3"] },
    { operator: "GlobalAveragePool", inputs: ["r3"], outputs: ["p"] },
    { operator: "Flatten", inputs: ["p"], outputs: ["f"] },
    { operator: "Gemm", name: "fc", inputs: ["f", "w4"], outputs: ["y"], attributes: { transB: 1n } },
  ];
  const bytes = encodeModel({ inputs: { x: { shape: [1, 3, 12, 10] } }, constants, nodes, outputs: ["y"] });
  writeFileSync(file("depthwise.onnx"), bytes);
}

beforeAll(() => {
  writeTwoFilters();
  writeDepthwise();
});

async function run(...args: readonly string[]): Promise<RunReport & { readonly text: string }> {
  const result = file(`result-${args.join("-").replace(/[^a-z0-9]+/gi, "-")}.json`);
  const { code, stdout, stderr } = await invoke("run", ...args, "--workers", "1", "--json", result);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return { ...JSON.parse(readFileSync(result, "utf8")), text: stdout };
}

const TWO = [file("two.onnx"), "--data", file("two.npy"), "--images", "1", "--input-scale", "1"] as const;
const AUTOMATIC = ["--datapath", "wide", "--format", "8,auto"] as const;

describe("filters of 100 and 0.3 at 8,auto", () => {
  it("leave 0 of the second where no channel is scaled", async () => {
    const { error, equalized, text } = await run(...TWO, ...AUTOMATIC, "--equalize", "none");
    expect(error?.mae).toBeCloseTo(0.4, 6);
    expect(equalized).toBeUndefined();
    expect(text).not.toContain("equalized");
  });

  it("give 0.4 with the second times 2^8, on either engine, and the report says so", async () => {
    const words = file("words.jsonl");
    const report = await run(...TWO, ...AUTOMATIC, "--dump", words);
    expect(report.error?.mae).toBeLessThan(0.002);
    expect(report.equalized).toEqual([{ layer: "dw", scaled: 1, channels: 2, exponents: [8, 8] }]);
    expect(report.text).toContain("equalized  1 of 2 channels of dw × 2^8; next weights by the inverse");
    expect((await run(...TWO, ...AUTOMATIC, "--engine", "reference")).digest).toBe(report.digest);
    const dumped = readFileSync(words, "utf8")
      .split("\n")
      .slice(2, 4)
      .map((line) => JSON.parse(line).raws);
    // Raws of 100 and 0.3 · 2^8 at F = 0, of 100 · 0.001 + 77 · 2^−8 at F = 8.
    expect(dumped).toEqual([[100, 77], [102]]);
    const same = await invoke("compare", words, "--model", ...TWO, ...AUTOMATIC);
    expect({ code: same.code, stderr: same.stderr }).toEqual({ code: 0, stderr: "" });
  });

  it("repeat from the result and on other images, whose own ranges would scale none", async () => {
    const report = await run(...TWO, ...AUTOMATIC);
    const result = file("kept.json");
    const { text: _text, ...plain } = report;
    writeFileSync(result, JSON.stringify(plain));
    expect((await run(...TWO, "--assign", result)).digest).toBe(report.digest);
    const other = [file("two.onnx"), "--data", file("other.npy"), ...TWO.slice(3)] as const;
    expect((await run(...other, ...AUTOMATIC)).equalized).toBeUndefined();
    expect((await run(...other, "--assign", result)).equalized).toEqual(report.equalized);
    const again = await invoke("run", "--config", result, "--workers", "1", "--json", "-");
    expect(JSON.parse(again.stdout)).toMatchObject({ digest: report.digest, equalized: report.equalized });
    const none = await run(...TWO, ...AUTOMATIC, "--assign", result, "--equalize", "none");
    expect(none.equalized).toBeUndefined();
  });

  it.each(["float", "extrinsic"])("give 0.4 too where the second layer is computed in float (%s)", async (datapath) => {
    const layers = `{ pw: { datapath: ${datapath} } }`;
    writeFileSync(file("parts.yaml"), `default: { datapath: wide, format: "8,auto" }\nlayers: ${layers}\n`);
    const report = await run(...TWO, "--assign", file("parts.yaml"));
    expect(report.equalized).toEqual([{ layer: "dw", scaled: 1, channels: 2, exponents: [8, 8] }]);
    expect(report.error?.mae).toBeLessThan(0.003);
  });

  it("are not compared with words of unscaled channels", async () => {
    writeFileSync(file("none.yaml"), 'equalize: none\ndefault: { datapath: wide, format: "8,auto" }\n');
    writeFileSync(file("automatic.yaml"), 'default: { datapath: wide, format: "8,auto" }\n');
    const { code, stderr } = await invoke("compare", file("none.yaml"), file("automatic.yaml"), "--model", ...TWO);
    expect(code).toBe(2);
    expect(stderr).toMatch(/error\[COMPARE\].*scales other output channels.*--equalize none/);
  });

  it("go into every export that has words or types, and hls4ml refuses them", async () => {
    const report = file("for-exports.json");
    const found = await run(...TWO, ...AUTOMATIC);
    writeFileSync(report, JSON.stringify({ ...found, text: undefined }));
    for (const to of ["json", "csv"]) {
      const exported = file(`formats.${to}`);
      expect((await invoke("export", report, "--to", to, "-o", exported)).code).toBe(0);
      expect((await run(...TWO, "--assign", exported)).digest, to).toBe(found.digest);
    }
    const model = file("exported.onnx");
    expect((await invoke("export", report, "--to", "qonnx", "-o", model)).code).toBe(0);
    const own = await run(model, "--data", file("two.npy"), "--images", "1", "--input-scale", "1", "--format", "8,8");
    expect(own.digest).toBe(found.digest);
    const refused = await invoke("export", report, "--to", "hls4ml", "-o", file("hls4ml.yaml"));
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/layer "dw": its output channels are scaled .*--to qonnx/);
    expect((await invoke("export", report, "--to", "mem", "-o", file("mem"))).code).toBe(0);
    const { layers } = JSON.parse(readFileSync(join(file("mem"), "index.json"), "utf8"));
    expect(layers[0]).toMatchObject({ name: "dw", channelExponents: [0, 8] });
    expect(readFileSync(join(file("mem"), "README.md"), "utf8")).toContain("e 0 8; its constants");
    expect((await invoke("report", report, "-o", file("page.html"))).code).toBe(0);
    expect(readFileSync(file("page.html"), "utf8")).toContain("Equalized: 1 of 2 channels of dw × 2^8;");
  });
});

describe("a depthwise network whose filters have gains 2^0 … 2^10", () => {
  const common = ["--data", "random:5", "--images", "40"] as const;
  const sqnr = async (...args: readonly string[]): Promise<number> =>
    (await run(file("depthwise.onnx"), ...common, ...args)).error?.sqnrDb ?? Number.NaN;

  it.each(["wide", "intrinsic"])("gains at 8 bits under %s", async (datapath) => {
    const formats = ["--datapath", datapath, "--format", "8,auto"];
    const none = await sqnr(...formats, "--equalize", "none");
    const automatic = await sqnr(...formats);
    const all = await sqnr(...formats, "--equalize", "all");
    expect(automatic).toBeGreaterThan(none + 3);
    expect(all).toBeGreaterThan(automatic);
  });

  it("is swept with the channels that gain scaled, where that is asked for", async () => {
    const images = ["--data", "random:5", "--images", "8", "--datapath", "wide", "--workers", "1"];
    const grid = ["--word-lengths", "8", "--fraction-lengths", "auto", "--json"];
    const sqnrOf = async (which: string): Promise<number> => {
      const result = file(`sweep-${which}.json`);
      await invoke("sweep", file("depthwise.onnx"), ...images, "--equalize", which, ...grid, result);
      return JSON.parse(readFileSync(result, "utf8")).records[0].result.error.sqnrDb;
    };
    expect(await sqnrOf("all")).toBeGreaterThan((await sqnrOf("none")) + 20);
  });

  it("is searched with the channels that gain scaled, and what is found holds their exponents", async () => {
    const found = file("bits.json");
    const search = ["--search-images", "4", "--target-kind", "sqnr", "--target", "20", "--strategy", "uniform"];
    const options = [
      "--data",
      "random:5",
      "--images",
      "4",
      "--datapath",
      "wide",
      "--equalize",
      "all",
      "--workers",
      "1",
    ];
    const { stderr } = await invoke("bits", file("depthwise.onnx"), ...options, ...search, "--json", found);
    expect(stderr).toBe("");
    const { chosen } = JSON.parse(readFileSync(found, "utf8"));
    expect(Object.keys(chosen.assignment.equalize)).toContain("c2");
    writeFileSync(file("chosen.json"), JSON.stringify(chosen.assignment));
    const images = ["--data", "random:5", "--images", "8"];
    const scaled = await run(file("depthwise.onnx"), ...images, "--assign", file("chosen.json"));
    const result = await run(file("depthwise.onnx"), ...images, "--assign", found);
    expect(result.digest).toBe(scaled.digest);
    expect(scaled.error?.sqnrDb).toBeGreaterThan(20);
    const plain = await run(file("depthwise.onnx"), ...images, "--assign", found, "--equalize", "none");
    expect(plain.error?.sqnrDb).toBeLessThan((scaled.error?.sqnrDb ?? 0) - 3);
  });
});
