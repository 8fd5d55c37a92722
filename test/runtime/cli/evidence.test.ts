/** What a run says of single registers, layers and classes, from files to the printed picture. */
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HistogramEntry, RunReport } from "../../../runtime/results/run-report.ts";
import { type SmallFiles, writeSmallFiles } from "../small-network.ts";
import { invoke } from "./invoke.ts";
import { checkedResult } from "./run-result.ts";

let folder: string;
let files: SmallFiles;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-evidence-"));
  files = await writeSmallFiles(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: readonly string[]): Promise<{ report: RunReport; text: string }> {
  const ran = await invoke("run", files.model, "--data", files.data, "--workers", "1", "--json", "-", ...args);
  expect(ran.code, ran.stderr).toBe(0);
  return { report: checkedResult(JSON.parse(ran.stdout)), text: ran.stderr };
}

async function formats(layer: Readonly<Record<string, string>>): Promise<string> {
  const path = join(folder, "formats.json");
  await writeFile(path, JSON.stringify({ default: { format: "16,8" }, layers: { "*1": layer } }));
  return path;
}

function counted({ octaves, zero }: HistogramEntry): number {
  return octaves.reduce((sum, { negative, positive }) => sum + negative + positive, zero);
}

describe("the energy of a register's words", () => {
  it("is part of its layer's, falls with its length, and is nobody else's", async () => {
    const [wide, narrow] = [await run("--format", "16,8"), await run("--assign", await formats({ weight: "8,6" }))];
    for (const { registers, energyPj } of wide.report.layers) {
      const own = Object.values(registers).map((entry) => entry.energyPj ?? 0);
      expect(own.reduce((sum, each) => sum + each, 0)).toBeLessThan(energyPj);
      expect(registers.product?.energyPj).toBeUndefined();
    }
    for (const [index, { registers, macs }] of wide.report.layers.entries()) {
      const other = narrow.report.layers[index]?.registers;
      if (macs === 0) continue;
      expect(other?.weight?.energyPj).toBeLessThan(registers.weight?.energyPj ?? 0);
      expect(other?.input?.energyPj).toBe(registers.input?.energyPj);
      expect(other?.output?.energyPj).toBe(registers.output?.energyPj);
    }
  });
});

describe("overflows", () => {
  it("stand beside how often the register was written, in all images", async () => {
    const { report, text } = await run("--format", "6,4", "--images", "10", "--observe", "2");
    const [conv1] = report.layers;
    const { overflow = 0 } = conv1?.registers.accumulator ?? {};
    expect(overflow).toBeGreaterThan(0);
    // 4 × 4 × 3 sums of 6 products and a bias, in each of ten images.
    const share = `${((100 * overflow) / (336 * 10)).toFixed(overflow >= 336 ? 1 : 2)} %`;
    expect(text.replace(/\n {2,}/g, " ")).toContain(`accumulator ${overflow.toLocaleString("en-US")} (${share})`);
    expect(text).toMatch(/Registers.*; overflows of all 10 images; ranges/);
  });
});

describe("closed forms", () => {
  it("are printed where asked for, and their values add up to what keeps the array busy", async () => {
    const { report, text } = await run("--formulas", "--images", "3");
    const values = report.layers.map(({ formula }) => Number(/ = ([0-9]+)$/.exec(formula)?.[1]));
    const { busy = 0 } = report.cycles?.byUnit.compute ?? {};
    // The halt belongs to no layer.
    expect(values.reduce((sum, value) => sum + value, 1)).toBe(busy / 3);
    // As printed, across its line ends.
    const printed = text.replace(/\n {2}/g, " ");
    for (const { name } of report.layers) expect(printed).toMatch(new RegExp(`^${name} +.* = `, "m"));
    for (const { formula } of report.layers) expect(printed).toContain(formula);
    expect((await run()).text).not.toContain("closed form");
  });
});

describe("evidence of registers", () => {
  it("counts every value of the observed images once, and what was flushed by its size", async () => {
    const { report } = await run("--format", "8,3", "--observe", "3");
    const [conv1, pool1, fc1] = report.layers;
    // Per image: 4 × 4 × 3 sums of 6 products, pool of 2 × 2 × 3, and 7 sums of 12 products.
    const values = {
      conv1: { input: 30, product: 288, accumulator: 336, output: 48 },
      fc1: { product: 84, accumulator: 91, output: 7 },
    };
    expect(pool1?.registers.product).toBeUndefined();
    for (const layer of [conv1, fc1]) {
      for (const [name, count] of Object.entries(values[layer?.name as keyof typeof values])) {
        const { histogram, flushedToZero, format, min, max } = layer?.registers[name] ?? {};
        expect(histogram, name).not.toBeNull();
        if (!histogram) continue;
        expect(counted(histogram)).toBe(3 * count);
        expect(histogram.underflow.reduce((sum, { count: lost }) => sum + lost, 0)).toBe(flushedToZero);
        // Octaves reach exactly as far as the range.
        const highest = histogram.octaves.at(-1)?.integerBits ?? -3;
        const largest = Math.max(max ?? 0, -(min ?? 0));
        expect(largest).toBeLessThanOrEqual(2 ** highest);
        expect(largest).toBeGreaterThanOrEqual(2 ** (highest - 1) - 2 ** -3);
        expect(format).toMatch(/^8,3 /);
      }
      const weights = layer?.registers.weight?.histogram;
      expect(weights && counted(weights)).toBe(layer?.name === "conv1" ? 18 : 84);
    }
  });

  it("is absent where nothing was observed, but for constants", async () => {
    const { report } = await run("--observe", "0");
    for (const { registers, noise } of report.layers) {
      expect(noise).toBeNull();
      for (const [name, { histogram, unusedLowBits }] of Object.entries(registers)) {
        expect(histogram === null).toBe(name !== "weight" && name !== "bias");
        expect(unusedLowBits === null).toBe(histogram === null);
      }
    }
  });

  it("finds the low bits that are 0 in every word", async () => {
    // Pixels are multiples of 1/256: of 14 fraction bits the last six say nothing, of 4 all are needed.
    const lowBits = async (format: string): Promise<(number | null | undefined)[]> => {
      const { registers } = (await run("--format", format)).report.layers[0] ?? {};
      return [registers?.input?.unusedLowBits, registers?.weight?.unusedLowBits];
    };
    expect(await lowBits("20,14")).toEqual([6, 0]);
    expect(await lowBits("10,4")).toEqual([0, 0]);
  });

  it("accuracy by class adds up to the accuracy", async () => {
    const { report } = await run("--format", "8,3");
    const { accuracy, classes, images } = report;
    expect(classes?.reduce((sum, entry) => sum + entry.images, 0)).toBe(images);
    const right = (of: "fixed" | "float"): number =>
      classes?.reduce((sum, entry) => sum + (entry[of] ?? 0) * entry.images, 0) ?? 0;
    expect(right("fixed") / images).toBeCloseTo(accuracy?.fixed ?? -1, 12);
    expect(right("float") / images).toBeCloseTo(accuracy?.float ?? -1, 12);
    expect(classes?.map((entry) => entry.class)).toEqual(
      [...(classes ?? [])].map((entry) => entry.class).sort((a, b) => a - b),
    );
  });

  it("is printed on request, a character an octave between the ends of the format", async () => {
    const plain = await run("--format", "8,3");
    expect(plain.text).not.toContain("│");
    const { text, report } = await run("--format", "8,3", "--histograms");
    const lines = text.split("\n").filter((line) => line.includes("│"));
    // The title, and every register that saw values.
    const seen = report.layers.flatMap(({ registers }) =>
      Object.values(registers).filter(({ histogram }) => histogram),
    );
    expect(lines).toHaveLength(1 + seen.length);
    for (const line of lines.slice(1)) expect(line.split("│")[1]).toHaveLength(7);
    expect(text).toContain("Accuracy by class");
    expect(text).toContain("its own at the output");
  });
});
