import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAssignmentSpecification } from "../../../../compiler/quantization/specification.ts";
import { parseFormat } from "../../../../isa/index.ts";
import { resolveConfiguration } from "../../../../runtime/configuration.ts";
import { DEFAULT_WEIGHTS } from "../../../../runtime/exploration/search/objective.ts";
import { targetOf } from "../../../../runtime/exploration/search/target.ts";
import { bitsReportText } from "../../../../runtime/report/text/bits-text.ts";
import type { BitsReport, TargetKind } from "../../../../runtime/results/bits-report.ts";
import { type BitsRequest, findBits, splitImages } from "../../../../runtime/session/exploration/bits.ts";
import { runModel } from "../../../../runtime/session/run.ts";
import { type SmallFiles, writeSmallFiles } from "../../small-network.ts";

let folder: string;
let files: SmallFiles;
/** Of one search that several tests look at. */
let found: BitsReport;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-bits-"));
  files = await writeSmallFiles(folder, 24);
  found = await ask("sqnr", 15);
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function configurationOf(datapath: string): ReturnType<typeof resolveConfiguration> {
  const assignment = { default: { datapath, rounding: "nearest", format: "16,8" } };
  return resolveConfiguration({ model: files.model, data: files.data, assignment });
}

function requestFor(kind: TargetKind, value: number, more: Partial<BitsRequest> = {}): BitsRequest {
  return {
    target: targetOf(kind, value),
    objective: "weighted",
    weights: DEFAULT_WEIGHTS,
    strategy: "greedy",
    searchData: null,
    searchImages: null,
    finalImages: null,
    errorProbability: 0.01,
    marginBits: 1,
    observedImages: 4,
    journal: null,
    version: "test",
    ...more,
  };
}

function ask(
  kind: TargetKind,
  value: number,
  datapath = "intrinsic",
  more: Partial<BitsRequest> = {},
): Promise<BitsReport> {
  return findBits(configurationOf(datapath), requestFor(kind, value, more));
}

/** Three searches on the machine take a while. */
const DATAPATHS = process.env.MACROSCOPE_LONG === "1" ? ["extrinsic", "tensorquant", "wide"] : ["extrinsic"];

describe("bits of a small network", () => {
  it("keeps the target on images that no decision saw, and runs again from its own configuration", async () => {
    const report = found;
    expect(report.search.span).toEqual({ first: 0, images: 12 });
    expect(report.final.span).toEqual({ first: 12, images: 12 });
    expect(report.kept).toBe(true);
    expect(report.chosen?.search.figure).toBeGreaterThanOrEqual(16);
    expect(report.chosen?.final?.figure95?.[0]).toBeLessThan(report.chosen?.final?.figure ?? 0);
    // The images of both parts together, in one run of what was written.
    const assignment = parseAssignmentSpecification(report.chosen?.assignment, "chosen");
    const run = await runModel({ ...configurationOf("intrinsic"), images: 24, assignment });
    if ("fault" in run) throw new Error(run.fault.message);
    expect(run.report.error?.sqnrDb).toBeGreaterThan(14);
    for (const { name, registers } of report.layers) {
      const ran = run.report.layers.find((layer) => layer.name === name)?.registers ?? {};
      for (const [register, { format }] of Object.entries(registers)) {
        expect(ran[register]?.format, `${name} ${register}`).toBe(format);
      }
    }
  });

  it("the final digest is that of a run on the same images", async () => {
    const report = await ask("agreement", 0.9, "intrinsic", { searchData: files.images, strategy: "uniform" });
    expect(report.final.span.first).toBe(0);
    const assignment = parseAssignmentSpecification(report.chosen?.assignment, "chosen");
    const run = await runModel({ ...configurationOf("intrinsic"), images: 24, assignment });
    if ("fault" in run) throw new Error(run.fault.message);
    expect(report.chosen?.final?.digest).toBe(run.report.digest);
    expect(report.chosen?.final?.error).toEqual(run.report.error);
  });

  it.each(DATAPATHS)("works for the %s datapath, with the registers it has", async (datapath) => {
    const report = await ask("sqnr", 15, datapath);
    // So few images may choose what others miss; the report must say so.
    expect(report.chosen?.search.figure).toBeGreaterThanOrEqual(15);
    expect(report.kept).toBe((report.chosen?.final?.figure ?? 0) >= 15);
    const registers = report.layers.find(({ name }) => name === "conv1")?.registers ?? {};
    const expected = {
      tensorquant: ["input", "weight", "product", "sum", "bias", "output"],
      wide: ["input", "weight", "bias", "output"],
      extrinsic: ["output"],
    }[datapath];
    expect(Object.keys(registers)).toEqual(expected);
    expect(report.chosen?.cost === null).toBe(datapath === "extrinsic");
  });

  it("proves at least as many integer bits as any image needs, and the words it chose hold one at least", async () => {
    const { layers } = found;
    let compared = 0;
    for (const { name, registers } of layers) {
      for (const [register, { observedIntegerBits, provenIntegerBits, format, targetWordLength }] of Object.entries(
        registers,
      )) {
        expect(parseFormat(format.split(" ")[0] ?? "").wordLength).toBeGreaterThanOrEqual(1);
        expect(targetWordLength).toBeLessThanOrEqual(16);
        if (observedIntegerBits === null || provenIntegerBits === null) continue;
        compared++;
        // Constants are rounded to the start's words, which may take the last step to a power of two.
        expect(provenIntegerBits, `${name} ${register}`).toBeGreaterThanOrEqual(observedIntegerBits);
      }
    }
    expect(compared).toBeGreaterThan(8);
  });

  it("tells people the formats, the intervals, what it costs and how to use it", async () => {
    const text = bitsReportText(found, {
      file: "found.yaml",
      alternative: null,
      command: "macroscope run --assign found.yaml",
    });
    expect(text).toContain("<- bottleneck");
    expect(text).toMatch(/Kept on the final images: SQNR \d+\.\d dB \(95 %: /);
    expect(text).toMatch(/stored bits +[\d,]+ +[\d,]+ +0\.\d+/);
    expect(text).toContain("Use: macroscope run --assign found.yaml");
    expect(text).not.toMatch(/undefined|NaN|null/);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(110);
  });

  it("says so where nothing keeps the target", () => {
    const missed: BitsReport = { ...found, chosen: null, uniform: null, kept: false, layers: [] };
    expect(bitsReportText(missed, null)).toContain("Not reached");
  });

  it("goes on from a journal, and ends with the same result", async () => {
    const journal = join(folder, "bits.jsonl");
    const lasting = ({ resources: _, request: __, ...rest }: BitsReport): unknown => rest;
    const whole = await ask("agreement", 0.9, "intrinsic", { strategy: "uniform" });
    const controller = new AbortController();
    let left = 8;
    const interrupted = findBits(
      configurationOf("intrinsic"),
      requestFor("agreement", 0.9, { strategy: "uniform", journal }),
      {
        signal: controller.signal,
        onTrial: () => void (--left === 0 && controller.abort()),
      },
    );
    await expect(interrupted).rejects.toThrow(/abort/i);
    const notes: string[] = [];
    const resumed = await findBits(
      configurationOf("intrinsic"),
      requestFor("agreement", 0.9, { strategy: "uniform", journal }),
      {
        onNote: (note) => void notes.push(note),
      },
    );
    expect(notes.join()).toMatch(/[0-9]+ outcomes are there already/);
    expect(lasting(resumed)).toEqual(lasting(whole));
    const foreign = findBits(
      configurationOf("intrinsic"),
      requestFor("agreement", 0.9, { strategy: "uniform", journal, version: "other" }),
    );
    await expect(foreign).rejects.toThrow(/another configuration/);
  });

  it("refuses what it cannot use", async () => {
    const withLayers = { ...configurationOf("intrinsic"), assignment: { layers: { conv1: { format: "8,4" } } } };
    const search = requestFor("sqnr", 20);
    await expect(findBits(withLayers, search)).rejects.toThrow(/formats to layers/);
    await expect(ask("sqnr", 20, "intrinsic", { searchData: "nowhere" })).rejects.toThrow(/nowhere/);
  });
});

describe("images of search and final figures", () => {
  it("never overlap, in the proportion wanted, however few there are", () => {
    expect(splitImages(2000, { search: 1000, final: 1000 }, "data")).toEqual({
      search: { first: 0, images: 1000 },
      final: { first: 1000, images: 1000 },
    });
    expect(splitImages(30, { search: 1000, final: 500 }, "data")).toEqual({
      search: { first: 0, images: 20 },
      final: { first: 20, images: 10 },
    });
    expect(splitImages(2, { search: 1000, final: 1 }, "data").final).toEqual({ first: 1, images: 1 });
    expect(() => splitImages(1, { search: 1, final: 1 }, "data")).toThrow(/both/);
  });
});
