/** The real networks beside the project, on few images; skipped where they are absent. The document shows what was measured. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { candidateFractions } from "./format-search.ts";
import { FRONTNET_FOLDER, runFrontnet } from "./frontnet.ts";
import { assignmentFor, type Measurement, NetworkStudy } from "./network-study.ts";
import { reportParts, withReportParts } from "./networks-report.ts";
import {
  dataPath,
  isPresent,
  projectRoot,
  REAL_NETWORK_NAMES,
  REAL_NETWORKS,
  type RealNetworkName,
} from "./real-networks.ts";
import { findEntry, type NetworkResults, readResults, withEntry } from "./results-file.ts";

const LONG = process.env.MACROSCOPE_LONG === "1";

/** Of the first images, how many onnxruntime 1.30 classifies as labelled: [images, right]. */
const ONNXRUNTIME: Readonly<Record<RealNetworkName, readonly [images: number, right: number]>> = LONG
  ? { "lenet-mnist": [1000, 990], "lenet-fashion": [1000, 923], resnet20: [100, 89], googlenet: [4, 4] }
  : { "lenet-mnist": [100, 100], "lenet-fashion": [100, 89], resnet20: [20, 19], googlenet: [4, 4] };

describe("real networks with calibrated 16-bit words and a wide accumulator", () => {
  for (const name of REAL_NETWORK_NAMES) {
    const [images, right] = ONNXRUNTIME[name];
    // GoogLeNet's two images alone take half a minute.
    it.skipIf(!isPresent(name) || (name === "googlenet" && !LONG))(
      `${name}: ${right} of ${images} in float, in fixed point nothing lost`,
      { timeout: 300_000 },
      async () => {
        const study = await NetworkStudy.open(name, { images, workers: 1, calibrationImages: Math.min(images, 100) });
        try {
          const found = await study.run({ datapath: "wide", format: "16,auto" });
          expect(found).toMatchObject({ images, floatRight: right });
          expect(found.pValue).toBeGreaterThan(0.05);
          expect(found.agreeing / images).toBeGreaterThanOrEqual(0.95);
          expect(found.sqnrDb).toBeGreaterThan(25);
        } finally {
          await study.close();
        }
      },
    );
  }
});

describe("the integer network Frontnet", () => {
  const absent = !existsSync(dataPath(FRONTNET_FOLDER));
  const digest = "9d6b909019ac0ca15f5f056caf1c0f34fa4a9677bfd1a4aa5c693aacfd392903";

  it.skipIf(absent)(
    "leaves every integer that its authors give, on the fast engine",
    { timeout: 120_000 },
    async () => {
      const { layers, digest: found } = await runFrontnet("fast");
      expect(layers.map(({ words }) => words)).toEqual([122_880, 30_720, 7680, 7680, 3840, 780, 1530, 585, 4]);
      expect(layers.filter(({ words, equal }) => words !== equal)).toEqual([]);
      expect(found).toBe(digest);
    },
  );

  it.skipIf(absent || !LONG)("leaves the same on the reference engine", { timeout: 600_000 }, async () => {
    const { layers, digest: found } = await runFrontnet("reference");
    expect(layers.filter(({ words, equal }) => words !== equal)).toEqual([]);
    expect(found).toBe(digest);
  });
});

describe("RESULTS.md", () => {
  const document = readFileSync(resolve(projectRoot(), "RESULTS.md"), "utf8");

  it("shows what was measured: its tables follow from networks.json", () => {
    expect(withReportParts(document, readResults())).toBe(document);
  });

  it("every real network is within half a point of float, or without significant loss, at 16 calibrated bits", () => {
    const results = readResults();
    for (const name of REAL_NETWORK_NAMES) {
      const entry = findEntry(results, name, "wide", null);
      if (entry === undefined) continue;
      const { images, floatRight, fixedRight, pValue } = entry.measurement;
      const points = (100 * Math.abs(fixedRight - floatRight)) / images;
      expect(points <= 0.5 || pValue > 0.05, `${name}: ${points} points, p = ${pValue}`).toBe(true);
      if (images < REAL_NETWORKS[name].images) continue;
      // One image in a thousand may stand on an edge between two backends.
      expect(Math.abs(floatRight / images - REAL_NETWORKS[name].stated)).toBeLessThan(0.001);
    }
  });

  it("has every layer of Frontnet equal", () => {
    const { frontnet } = readResults();
    expect(frontnet).toHaveLength(9);
    expect(frontnet.filter(({ words, equal }) => words !== equal)).toEqual([]);
  });
});

describe("tables of results", () => {
  const measurement = (datapath: string, wordLength: number, relative: number): Measurement => ({
    datapath,
    format: `${wordLength},4`,
    images: 100,
    floatRight: 100,
    fixedRight: Math.round(100 * relative),
    onlyFloat: 0,
    onlyFixed: 0,
    pValue: 1,
    relative,
    relative95: [relative, relative],
    agreeing: 100,
    sqnrDb: null,
    overflowsPerImage: 0,
    worst: null,
    clippedConstants: 0,
    digest: null,
  });
  const empty: NetworkResults = { ...readResults(), entries: [], frontnet: [], frontnetDigest: null };
  const filled = (relatives: Readonly<Record<number, number>>): NetworkResults =>
    Object.entries(relatives).reduce(
      (results, [wordLength, relative]) =>
        withEntry(results, {
          network: "lenet-mnist",
          wordLength: Number(wordLength),
          searchImages: 10,
          measurement: measurement("tensorquant", Number(wordLength), relative),
        }),
      empty,
    );
  const leastOf = (results: NetworkResults): string | undefined =>
    /LeNet on MNIST, tensorquant *\| ([^|]*?) *\|/.exec(reportParts(results).least ?? "")?.[1];

  it("the least word length is the one from which on none falls below 99 %", () => {
    expect(leastOf(filled({ 8: 0.5, 10: 0.99, 12: 1, 14: 1 }))).toBe("10");
    expect(leastOf(filled({ 8: 1, 10: 0.98, 12: 0.99, 14: 1 }))).toBe("12");
    expect(leastOf(filled({ 8: 0.5, 10: 0.6 }))).toBe("none that was run");
    expect(leastOf(empty)).toBe("none that was run");
  });

  it("orders the paper's rows among them", () => {
    const rows = (reportParts(filled({ 8: 1, 10: 1, 12: 1 })).least ?? "").split("\n").slice(2);
    expect(rows[0]).toContain("LeNet on MNIST, tensorquant");
    expect(rows.filter((row) => row.includes("paper:")).map((row) => row.match(/\| (\d+)/)?.[1])).toEqual([
      "10",
      "12",
      "12",
      "12",
    ]);
  });

  it("a measurement takes the place of its rival and of no other", () => {
    const results = filled({ 8: 0.5, 10: 0.6 });
    const again = withEntry(results, {
      network: "lenet-mnist",
      wordLength: 8,
      searchImages: 10,
      measurement: measurement("tensorquant", 8, 0.7),
    });
    expect(again.entries).toHaveLength(2);
    expect(findEntry(again, "lenet-mnist", "tensorquant", 8)?.measurement.relative).toBe(0.7);
    expect(findEntry(again, "lenet-mnist", "tensorquant", 10)?.measurement.relative).toBe(0.6);
  });
});

describe("the search for a fraction length", () => {
  it("tries every number of integer bits within the bounds, and no negative fraction", () => {
    expect(candidateFractions(16, [2, 7])).toEqual([9, 10, 11, 12, 13, 14]);
    expect(candidateFractions(8, [5, 11])).toEqual([0, 1, 2, 3]);
    expect(candidateFractions(4, [5, 11])).toEqual([0]);
  });

  it("leaves layers that are calibrated out of the one format for all", () => {
    const setting = { datapath: "intrinsic", format: "12,4" };
    expect(assignmentFor("lenet-mnist", setting).layers).toBeUndefined();
    expect(assignmentFor("googlenet", setting)).toEqual({
      default: { ...setting, rounding: "nearest" },
      layers: {
        "norm1/*": { datapath: "wide", format: "16,auto" },
        "norm2/*": { datapath: "wide", format: "16,auto" },
      },
    });
    expect(assignmentFor("googlenet", { datapath: "wide", format: "16,auto" }).layers).toBeUndefined();
  });
});
