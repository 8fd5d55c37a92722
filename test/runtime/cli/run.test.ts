/** `run` from files to its JSON result and its text. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunReport } from "../../../runtime/results/run-report.ts";
import { SMALL_CLASSES, SMALL_LAYERS, type SmallFiles, writeSmallFiles } from "../small-network.ts";
import { invoke } from "./invoke.ts";
import { checkedResult } from "./run-result.ts";

let folder: string;
let files: SmallFiles;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-run-"));
  files = await writeSmallFiles(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the small network (or what `args` say) and checks the result against its schema. */
async function run(...args: readonly string[]): Promise<RunReport> {
  const ran = await invoke("run", "--workers", "1", "--json", "-", ...args);
  expect({ code: ran.code, stderr: ran.code === 0 ? "" : ran.stderr }).toEqual({ code: 0, stderr: "" });
  return checkedResult(JSON.parse(ran.stdout));
}

function runSmall(...args: readonly string[]): Promise<RunReport> {
  return run(files.model, "--data", files.data, ...args);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The sums that hold in every result of a run on the machine. */
function expectSumsHold({ cycles, energy, layers, images, overflow }: RunReport): void {
  if (cycles === null || energy === null) throw new Error("a run on the machine has cycles and energy");
  expect(cycles.total).toBe(cycles.perImage * images);
  for (const { busy, stalls, idle } of Object.values(cycles.byUnit)) {
    expect(busy + sum(Object.values(stalls)) + idle).toBe(cycles.total);
  }
  expect(sum(layers.map((layer) => layer.cycles))).toBe(cycles.perImage);
  expect(energy.totalPj / images / energy.perImagePj).toBeCloseTo(1, 9);
  expect(sum(Object.values(energy.byComponent)) / energy.totalPj).toBeCloseTo(1, 9);
  expect(sum(layers.map((layer) => layer.energyPj)) / energy.perImagePj).toBeCloseTo(1, 9);
  const [low, high] = energy.perImageSpreadPj;
  expect(low).toBeLessThanOrEqual(energy.perImagePj);
  expect(high).toBeGreaterThanOrEqual(energy.perImagePj);
  const registers = layers.flatMap((layer) => Object.entries(layer.registers));
  const constant = (name: string): boolean => name === "weight" || name === "bias";
  expect(sum(registers.map(([name, entry]) => (constant(name) ? 0 : (entry?.overflow ?? 0))))).toBe(overflow.total);
  expect(sum(registers.map(([name, entry]) => (constant(name) ? (entry?.overflow ?? 0) : 0)))).toBe(overflow.compile);
  for (const [name, entry] of registers) {
    if (!constant(name)) expect(entry?.first === null).toBe(entry?.overflow === 0);
  }
}

describe("the result", () => {
  it("has every field of the interface, and its sums hold", async () => {
    const result = await runSmall("--array", "4x3");
    expectSumsHold(result);
    expect(result.layers.map(({ name }) => name)).toEqual([...SMALL_LAYERS]);
    // conv1: 4 × 4 pixels · 3 filters · 3·2·1 terms; fc1: 12 · 7.
    expect(result.layers.map(({ macs }) => macs)).toEqual([288, 0, 84]);
    expect(result.layers.map(({ kind }) => kind)).toEqual(["conv2d", "pool", "dense"]);
    for (const layer of result.layers) {
      expect(layer.utilization).toBeCloseTo(layer.macs / (layer.cycles * 12), 12);
      if (layer.macs > 0) expect(layer.formula).not.toBe("");
    }
    expect(result).toMatchObject({ model: "network", data: files.data, images: 12, observedImages: 2 });
    expect(result.accuracy).toMatchObject({ agreement: 1, float: result.accuracy?.fixed, ties: 0 });
    expect(Object.keys(result.layers[0]?.registers ?? {})).toEqual([
      "input",
      "weight",
      "product",
      "accumulator",
      "bias",
      "output",
    ]);
  });

  it.each([
    ["intrinsic overflowing", ["--format", "5,3"]],
    ["wide wrapping", ["--datapath", "wide:9", "--format", "6,4"]],
    ["tensorquant", ["--datapath", "tensorquant", "--format", "6,3"]],
    ["weight-stationary on a small array", ["--dataflow", "ws", "--array", "3x2", "--format", "8,5"]],
    ["input-stationary", ["--dataflow", "is", "--array", "2x5", "--format", "8,5"]],
    ["tree", ["--dataflow", "tree:4", "--format", "8,5"]],
    ["stochastic", ["--rounding", "stochastic", "--format", "7,4", "--seed", "77"]],
    ["F negative", ["--format", "12,-1"]],
    ["F above W", ["--format", "6,9", "--overflow", "wrap:2"]],
    ["no image observed", ["--observe", "0", "--format", "5,3"]],
    ["one bit", ["--format", "1,0"]],
    ["64 bits", ["--format", "64,40", "--images", "2"]],
    ["automatic", ["--format", "8,auto", "--calibration-images", "3"]],
  ])("%s: the sums hold, and both engines and three workers agree on everything", async (_name, args) => {
    const fast = await runSmall(...args);
    expectSumsHold(fast);
    const reference = await runSmall(...args, "--engine", "reference");
    const workers = await runSmall(...args, "--workers", "3");
    const comparable = ({ configuration, engine, resources, ...rest }: RunReport): unknown => rest;
    expect(comparable(reference)).toEqual(comparable(fast));
    expect(comparable(workers)).toEqual(comparable(fast));
  });

  it("the overflowing run names the first offender inside the layer", async () => {
    const { layers } = await runSmall("--format", "5,3");
    const first = layers[0]?.registers.accumulator?.first;
    expect(first).toMatchObject({ image: 0, element: [expect.any(Number), expect.any(Number), expect.any(Number)] });
    expect(Number(first?.before)).toBeGreaterThan(15);
    expect(first?.after).toBe(15);
  });

  it("a second run of its own file gives the same result, whatever computed the ranges", async () => {
    const path = join(folder, "again.json");
    const args = ["--format", "7,auto", "--rounding", "stochastic", "--seed", "5", "--array", "3x4", "--images", "9"];
    const ran = await invoke("run", files.model, "--data", files.data, "--json", path, ...args);
    expect(ran.code).toBe(0);
    const original = JSON.parse(readFileSync(path, "utf8"));
    expect(original.configuration.calibration.ranges).toHaveProperty("conv1");
    const again = await run("--config", path);
    const varying = { configuration: null, resources: null };
    expect({ ...again, ...varying }).toEqual({ ...original, ...varying });
    expect({ ...again.configuration, workers: 0 }).toEqual({ ...original.configuration, workers: 0 });
    expect((await run("--config", path, "--seed", "6")).digest).not.toBe(original.digest);
  });

  it("flags win over the file, the file over the defaults", async () => {
    const path = join(folder, "configuration.yaml");
    writeFileSync(
      path,
      `{ model: ${files.model}, data: ${files.data}, images: 5, machine: { rows: 4, dram: { latencyCycles: 3 } }, ` +
        'assignment: { default: { format: "9,4" }, layers: { fc1: { format: "10,4" } } } }',
    );
    const { configuration, images, layers } = await run("--config", path, "--format", "8,4", "--array", "2x7");
    expect(images).toBe(5);
    expect(configuration).toMatchObject({
      images: 5,
      seed: 1,
      machine: { rows: 2, columns: 7, clockHz: 200_000_000, dram: { latencyCycles: 3, wordBits: 64 } },
      assignment: { default: { datapath: "intrinsic", format: "8,4" }, layers: { fc1: { format: "10,4" } } },
    });
    expect(layers.map((layer) => layer.registers.output?.format ?? "")).toEqual([
      "8,4 nearest saturate",
      "",
      "10,4 nearest saturate",
    ]);
  });

  it("a program file gives the digest, cycles and energy of its model", async () => {
    const program = join(folder, "small.macroscope");
    const args = ["--format", "6,4", "--seed", "9", "--rounding", "stochastic", "--input-scale", "1/200"];
    const compiled = await invoke("compile", files.model, "--data", files.data, "-o", program, ...args);
    expect(compiled.code).toBe(0);
    const fromModel = await runSmall(...args);
    const path = join(folder, "program.json");
    expect((await invoke("run", program, "--data", files.data, "--json", path)).code).toBe(0);
    const fromProgram = checkedResult(JSON.parse(readFileSync(path, "utf8")));
    for (const field of ["digest", "cycles", "energy", "overflow"] as const) {
      expect(fromProgram[field]).toEqual(fromModel[field]);
    }
    expect(fromProgram.accuracy).toMatchObject({ float: null, fixed: fromModel.accuracy?.fixed });
    expect(fromProgram.configuration).toMatchObject({ seed: 9, preprocessing: { scale: 1 / 200 } });
    expect((await run("--config", path)).digest).toBe(fromModel.digest);
  });

  it("without labels there is no accuracy, but an error", async () => {
    const result = await run(files.model, "--data", files.images);
    expect(result.accuracy).toBeNull();
    expect(result.accuracyMissing).toBe("no labels");
    expect(result.error?.maxAbs).toBeGreaterThan(0);
    const labelled = await runSmall();
    expect(result.agreement).toEqual(labelled.agreement);
    expect(result.agreement).toMatchObject({ share: labelled.accuracy?.agreement, ties: labelled.accuracy?.ties });
  });

  it("extrinsic has accuracy and output overflow, no machine", async () => {
    const result = await runSmall("--datapath", "extrinsic", "--format", "8,4");
    expect(result).toMatchObject({ machine: null, cycles: null, energy: null, digest: null });
    expect(result.layers.map(({ registers }) => Object.keys(registers))).toEqual([["output"], ["output"], ["output"]]);
    expect(result.overflow.total).toBe(12 * SMALL_CLASSES);
  });
});

describe("faults", () => {
  it.each([
    ["the input", ["--format", "4,3"], "on the host"],
    ["the accumulator", ["--format", "6,4"], "the accumulator register cannot hold raw"],
    ["an extrinsic output", ["--format", "8,4", "--datapath", "extrinsic"], 'layer "fc1"'],
  ])("a trap of %s ends with 3 and says where", async (_name, args, words) => {
    const path = join(folder, "trap.json");
    const ran = await invoke("run", files.model, "--data", files.data, "--overflow", "trap", "--json", path, ...args);
    expect(ran).toMatchObject({ code: 3, stdout: "" });
    expect(ran.stderr).toMatch(/^fault\[overflow-trap\] .*: .*\n$/);
    expect(ran.stderr).toContain(words);
    expect(() => readFileSync(path)).toThrow("ENOENT");
  });
});

describe("the text", () => {
  it("fits a terminal, has a row per layer and register and ends with what to look at", async () => {
    const { stdout } = await invoke(
      "run",
      files.model,
      "--data",
      files.data,
      "--datapath",
      "tensorquant",
      "--format",
      "6,4",
    );
    const lines = stdout.trimEnd().split("\n");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(120);
    for (const layer of SMALL_LAYERS) expect(lines.some((line) => line.startsWith(`${layer} `))).toBe(true);
    for (const word of [
      "accuracy",
      "relative",
      "cycles",
      "energy",
      "overflows",
      "digest",
      "utilization",
      "not modelled",
    ]) {
      expect(stdout).toContain(word);
    }
    expect(stdout).toMatch(/fc1 +6,4; accumulator 10,4 +84 /);
    expect(stdout.slice(stdout.lastIndexOf("\n\n"))).toMatch(/^\n\nLook first: the .* register of /);
  });

  it("goes to standard error where JSON takes standard output", async () => {
    const { stdout, stderr } = await invoke("run", files.model, "--data", files.data, "--json", "-");
    expect(JSON.parse(stdout)).toHaveProperty("digest");
    expect(stderr).toContain("Look first:");
  });
});
