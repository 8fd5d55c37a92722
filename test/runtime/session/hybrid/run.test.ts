/** The bundled LeNet with layers on the machine and layers in float, through `run` and through a study. Needs the build, for worker threads. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AssignmentSpecification } from "../../../../compiler/quantization/specification.ts";
import { type ConfigurationFile, resolveConfiguration } from "../../../../runtime/configuration.ts";
import { runReportText } from "../../../../runtime/report/text/run-text.ts";
import type { Evaluation } from "../../../../runtime/results/evaluation.ts";
import type { RunReport } from "../../../../runtime/results/run-report.ts";
import { runModel } from "../../../../runtime/session/run.ts";
import { openStudy, type Study } from "../../../../runtime/session/study/study.ts";

const IMAGES = 20;

async function reported(assignment: AssignmentSpecification, file: ConfigurationFile = {}): Promise<RunReport> {
  const outcome = await runModel(resolveConfiguration({ images: IMAGES, ...file, assignment }));
  if ("fault" in outcome) throw new Error(outcome.fault.message);
  return outcome.report;
}

const answersOf = ({ accuracy, agreement, error }: Pick<Evaluation, "accuracy" | "agreement" | "error">): unknown => ({
  accuracy,
  agreement,
  error,
});

describe("LeNet in parts", { timeout: 60_000 }, () => {
  let study: Study;
  const span = { first: 0, images: IMAGES };

  beforeAll(async () => {
    study = await openStudy(resolveConfiguration({ images: IMAGES, calibration: { images: 10 } }));
  }, 60_000);
  afterAll(() => study.close());

  it("an extrinsic default with layers of the machine is what the names say, and has no digest", async () => {
    const assignment = {
      default: { datapath: "extrinsic", format: "12,6" },
      layers: { "conv*": { datapath: "intrinsic", format: "8,4", rounding: "down" as const } },
    };
    const report = await reported(assignment);
    expect(report.digest).toBeNull();
    expect([report.cycles, report.energy]).toEqual([null, null]);
    expect(
      report.layers.map(({ name, registers }) => [name, Object.keys(registers).length, registers.output?.format]),
    ).toEqual([
      ["conv1", 6, "8,4 down saturate"],
      ["pool1", 1, "8,4 down saturate"],
      ["conv2", 6, "8,4 down saturate"],
      ["pool2", 1, "8,4 down saturate"],
      ["fc1", 1, "12,6 nearest saturate"],
      ["fc2", 1, "12,6 nearest saturate"],
    ]);
    expect(report.engine).toBe("fast: 2 parts of the network");
    expect(report.notModelled[0]).toBe("the inside of 4 extrinsic layers: it is computed in float32");
    expect(report.layers[0]?.cycles).toBeGreaterThan(0);
    expect(runReportText(report)).toContain("conv2");
    const found = await study.evaluate({ assignment, layers: null }, span);
    expect(answersOf(found)).toEqual(answersOf({ ...report, error: report.error ?? found.error }));
    expect(found.overflow.reduce((sum, { overflow }) => sum + overflow, 0)).toBe(report.overflow.total);
    expect(found.clippedConstants).toBe(report.overflow.compile);
    expect(study.cost({ assignment, layers: null })).toBeNull();
  });

  it("a float default quantizes the named layers alone, as a selection does", async () => {
    const entry = { datapath: "tensorquant", format: "8,6" };
    const report = await reported({ default: { datapath: "float" }, layers: { conv2: entry } });
    expect(report.layers.map(({ name }) => name)).toEqual(["conv2"]);
    expect(report.notModelled[0]).toBe("5 of 6 layers: they are computed in float32");
    const found = await study.evaluate({ assignment: { default: entry }, layers: ["conv2"] }, span);
    expect(answersOf(found)).toEqual(answersOf({ ...report, error: report.error ?? found.error }));
    expect(found.overflow.length).toBeGreaterThan(0);
    expect(new Set(found.overflow.map(({ layer }) => layer))).toEqual(new Set(["conv2"]));
  });

  it("all layers by name are the whole network, with its digest", async () => {
    const assignment = { default: { datapath: "intrinsic", format: "9,5" } };
    const whole = await study.evaluate({ assignment, layers: null }, span);
    const named = await study.evaluate({ assignment, layers: ["conv*", "pool*", "fc1", "fc2"] }, span);
    expect(whole.digest).not.toBeNull();
    expect(named).toEqual(whole);
  });

  it("each layer alone loses less than all together, in words of which some do not fit", async () => {
    const assignment = { default: { datapath: "tensorquant", format: "6,3" } };
    const sqnr = async (layers: readonly string[] | null): Promise<number> =>
      (await study.evaluate({ assignment, layers }, span)).error.sqnrDb ?? Number.POSITIVE_INFINITY;
    const all = await sqnr(null);
    for (const layer of study.layers) expect([layer, await sqnr([layer])]).toEqual([layer, expect.any(Number)]);
    for (const layer of ["conv1", "fc2"]) expect(await sqnr([layer])).toBeGreaterThan(all);
  });

  it("images answer the same in every span, after other layers were selected, and with other workers", async () => {
    const assignment = { default: { datapath: "intrinsic", format: "8,4", rounding: "stochastic" as const } };
    const candidate = { assignment, layers: ["pool2", "fc2"] };
    const whole = await study.evaluate(candidate, { first: 0, images: 12 });
    await study.evaluate({ ...candidate, layers: ["fc1"] }, { first: 3, images: 5 });
    const later = await study.evaluate(candidate, { first: 5, images: 7 });
    expect([...later.classes]).toEqual([...whole.classes].slice(5));
    const more = await openStudy(resolveConfiguration({ images: IMAGES, workers: 3, calibration: { images: 10 } }));
    try {
      expect(await more.evaluate(candidate, { first: 0, images: 12 })).toEqual(whole);
    } finally {
      await more.close();
    }
  });

  it("quantizers of weights change the layers that name them, in float as on the machine", async () => {
    const evaluated = async (datapath: string, weight: object | string, layers: readonly string[]) => {
      const found = await study.evaluate(
        { assignment: { default: { datapath, format: "16,8", weight } }, layers },
        span,
      );
      return found.error.sqnrDb ?? Number.POSITIVE_INFINITY;
    };
    for (const datapath of ["extrinsic", "wide"]) {
      const plain = await evaluated(datapath, "16,8", ["conv2"]);
      const binary = await evaluated(datapath, { format: "16,8", quantizer: "binary-scaled" }, ["conv2"]);
      expect(binary).toBeLessThan(plain);
      // What one candidate's weights are does not stay behind.
      expect(await evaluated(datapath, "16,8", ["conv2"])).toBe(plain);
    }
  });

  it("the reference engine gives what the fast one gives", async () => {
    const assignment = { default: { datapath: "float" }, layers: { fc2: { datapath: "intrinsic", format: "8,4" } } };
    const [fast, reference] = [await reported(assignment), await reported(assignment, { engine: "reference" })];
    expect(answersOf({ ...reference, error: reference.error ?? zero })).toEqual(
      answersOf({ ...fast, error: fast.error ?? zero }),
    );
    expect(reference.overflow).toEqual(fast.overflow);
  });
});

const zero = { mae: 0, maxAbs: 0, sqnrDb: null };
