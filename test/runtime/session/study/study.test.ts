/** A network opened once and asked many times answers as `run` does. Needs the build, for worker threads. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AssignmentSpecification } from "../../../../compiler/quantization/specification.ts";
import { type ConfigurationFile, resolveConfiguration } from "../../../../runtime/configuration.ts";
import type { Candidate } from "../../../../runtime/results/evaluation.ts";
import type { RunReport } from "../../../../runtime/results/run-report.ts";
import { runModel } from "../../../../runtime/session/run.ts";
import { openStudy, type Study } from "../../../../runtime/session/study/study.ts";
import { dataPath } from "../../../results/real-networks.ts";

const all = (fields: NonNullable<AssignmentSpecification["default"]>): Candidate => ({
  assignment: { default: fields },
  layers: null,
});

const CANDIDATES: readonly Candidate[] = [
  all({ datapath: "tensorquant", format: "8,4", rounding: "down" }),
  all({ datapath: "intrinsic", format: "12,8", overflow: "wrap" }),
  all({ datapath: "wide", format: "10,auto" }),
  all({ datapath: "intrinsic", format: "9,6", rounding: "stochastic" }),
  all({ datapath: "extrinsic", format: "6,2", rounding: "nearest" }),
];

async function reported(file: ConfigurationFile): Promise<RunReport> {
  const outcome = await runModel(resolveConfiguration(file));
  if ("fault" in outcome) throw new Error(outcome.fault.message);
  return outcome.report;
}

describe("a study of the bundled LeNet", () => {
  const IMAGES = 30;
  const file: ConfigurationFile = { images: IMAGES, calibration: { images: 20 } };
  let study: Study;

  beforeAll(async () => {
    study = await openStudy(resolveConfiguration(file));
  }, 60_000);
  afterAll(() => study.close());

  it("knows its layers and images", () => {
    expect(study.images).toBe(IMAGES);
    expect(study.layers).toEqual(["conv1", "pool1", "conv2", "pool2", "fc1", "fc2"]);
  });

  it.each(CANDIDATES)("gives what run gives: $assignment.default", { timeout: 60_000 }, async (candidate) => {
    const report = await reported({ ...file, assignment: candidate.assignment });
    const found = await study.evaluate(candidate, { first: 0, images: IMAGES });
    expect(found.digest).toBe(report.digest);
    expect(found.accuracy).toEqual(report.accuracy);
    expect(found.agreement).toEqual(report.agreement);
    expect(found.error).toEqual(report.error);
    expect(found.overflow.reduce((sum, { overflow }) => sum + overflow, 0)).toBe(report.overflow.total);
    expect(found.clippedConstants).toBe(report.overflow.compile);
    const share = (marks: Uint8Array | null): number =>
      (marks ?? new Uint8Array()).reduce((sum, mark) => sum + mark, 0) / IMAGES;
    expect(share(found.fixedRight)).toBe(report.accuracy?.fixed);
    expect(share(found.floatRight)).toBe(report.accuracy?.float);
    expect(share(found.sameClass)).toBe(report.accuracy?.agreement);
    const cost = study.cost(candidate);
    expect(cost?.cyclesPerImage).toBe(report.cycles?.perImage);
    expect(cost?.energyPjPerImage).toBe(report.energy?.perImagePj);
    for (const { layer, register, overflow } of found.overflow) {
      const entry = report.layers.find(({ name }) => name === layer)?.registers[register];
      expect(entry?.overflow).toBe(overflow);
    }
  });

  it("an image answers the same in every span, with any number of workers, stochastic registers included", async () => {
    const candidate = CANDIDATES[3] as Candidate;
    const whole = await study.evaluate(candidate, { first: 0, images: 17 });
    const parts = [
      await study.evaluate(candidate, { first: 5, images: 12 }),
      await study.evaluate(candidate, { first: 0, images: 5 }),
    ].reverse();
    expect(parts.flatMap(({ classes }) => [...classes])).toEqual([...whole.classes]);
    const right = (each: typeof whole): number[] => [...(each.fixedRight ?? [])];
    expect(parts.flatMap(right)).toEqual(right(whole));
    expect(whole.fixedRight).toHaveLength(17);
    const three = await openStudy(resolveConfiguration({ ...file, workers: 3 }));
    try {
      expect(await three.evaluate(candidate, { first: 5, images: 12 })).toEqual(parts[1]);
    } finally {
      await three.close();
    }
  });

  it("tells of progress up to the last image, and stops where it is told", async () => {
    const candidate = CANDIDATES[0] as Candidate;
    const seen: number[] = [];
    await study.evaluate(candidate, { first: 4, images: 11 }, { onProgress: (done) => seen.push(done) });
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(11);
    const controller = new AbortController();
    const aborted = study.evaluate(candidate, { first: 0, images: IMAGES }, { signal: controller.signal });
    controller.abort();
    await expect(aborted).rejects.toThrow("abort");
  });

  it("costs words of every register: 8-bit weights and layers take half of 16-bit ones", () => {
    const [byte, two] = ["8,4", "16,8"].map((format) => study.cost(all({ datapath: "tensorquant", format })));
    expect(two?.constantBits).toBe(2 * (byte?.constantBits ?? 0));
    expect(two?.activationBits).toBe(2 * (byte?.activationBits ?? 0));
    // 24 × 24 × 6 + 12 × 12 × 6 and so on: every value that a layer writes.
    expect(byte?.storedBits).toBe((byte?.constantBits ?? 0) + (byte?.activationBits ?? 0));
    expect([byte?.dspBlocks, two?.dspBlocks]).toEqual([256, 256]);
    expect(study.cost(all({ datapath: "tensorquant", format: "20,8" }))?.dspBlocks).toBe(512);
    expect(two?.energyPjPerImage).toBeGreaterThan(byte?.energyPjPerImage ?? 0);
  });

  it("costs nothing that a machine could say where layers compute in float", () => {
    expect(study.cost(all({ datapath: "extrinsic", format: "8,4" }))).toBeNull();
    expect(study.cost({ ...(CANDIDATES[0] as Candidate), layers: ["conv1"] })).toBeNull();
  });

  it("refuses images that are not at hand, and word lengths that cannot be", async () => {
    const candidate = CANDIDATES[0] as Candidate;
    for (const span of [
      { first: 0, images: IMAGES + 1 },
      { first: -1, images: 3 },
      { first: 0, images: 0 },
      { first: 0.5, images: 1 },
    ]) {
      await expect(study.evaluate(candidate, span)).rejects.toThrow(/error\[IMAGES\] mnist-test/);
    }
    const wrong = all({ format: "8,nine" });
    await expect(study.evaluate(wrong, { first: 0, images: 1 })).rejects.toThrow("error[");
    expect(() => study.cost(wrong)).toThrow("error[");
  });

  it("a register that traps ends the evaluation with its fault", async () => {
    const trapping = all({ datapath: "tensorquant", format: "5,3", overflow: "trap" });
    await expect(study.evaluate(trapping, { first: 0, images: 2 })).rejects.toThrow("fault[overflow-trap]");
    const extrinsic = all({ datapath: "extrinsic", format: "4,3", overflow: "trap" });
    await expect(study.evaluate(extrinsic, { first: 0, images: 2 })).rejects.toThrow("fault[overflow-trap]");
  });
});

describe("a study", () => {
  it("of a program file is refused", async () => {
    const { writeFile, mkdtemp, rm } = await import("node:fs/promises");
    const { join } = await import("node:path");
    const { tmpdir } = await import("node:os");
    const { PROGRAM_MAGIC } = await import("../../../../isa/program/program-file.ts");
    const folder = await mkdtemp(join(tmpdir(), "study-"));
    try {
      const model = join(folder, "lenet.program");
      await writeFile(model, Uint8Array.from(PROGRAM_MAGIC));
      await expect(openStudy(resolveConfiguration({ model }))).rejects.toThrow(/error\[MODEL\].*word lengths already/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("of drawn images, which no accuracy is known of, compares with float alone", async () => {
    const study = await openStudy(resolveConfiguration({ data: "random:4", images: 3 }));
    try {
      const found = await study.evaluate(CANDIDATES[0] as Candidate, { first: 1, images: 2 });
      expect(found).toMatchObject({ accuracy: null, floatRight: null, fixedRight: null });
      expect(found.sameClass).toHaveLength(2);
      expect(found.agreement?.share).toBeTypeOf("number");
    } finally {
      await study.close();
    }
  });

  const frontnet = dataPath("frontnet-int8/Frontnet.onnx");
  it.skipIf(!existsSync(frontnet))(
    "of a quantized model lays a candidate over what the model prescribes, as run does",
    { timeout: 60_000 },
    async () => {
      const file: ConfigurationFile = { model: frontnet, data: "random:1", preprocessing: { scale: 1 }, images: 1 };
      const study = await openStudy(resolveConfiguration({ ...file, assignment: {} }), { calibrate: false });
      try {
        const assignment = { default: { datapath: "wide", format: "12,4" } };
        const found = await study.evaluate({ assignment, layers: null }, { first: 0, images: 1 });
        const report = await reported({ ...file, assignment });
        expect(found.digest).toBe(report.digest);
        expect(found.error).toEqual(report.error);
      } finally {
        await study.close();
      }
    },
  );
});
