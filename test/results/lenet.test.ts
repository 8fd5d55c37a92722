/** What the project claims of the bundled LeNet; minutes long, so only under MACROSCOPE_LONG=1. Needs the build. */
import { availableParallelism } from "node:os";
import { beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../runtime/session/digest.ts";
import { runOnPool } from "../../sim/pool/pool.ts";
import { compileLenet, type LenetSetting, openLenet } from "../bench/lenet-workload.ts";
import { differingImages, LenetStudy, type StudyEntry } from "./lenet-study.ts";

describe.runIf(process.env.MACROSCOPE_LONG === "1")("LeNet on the 1,000 bundled digits, nearest rounding", () => {
  let study: LenetStudy;

  beforeAll(async () => {
    study = await LenetStudy.open(1000, availableParallelism());
  }, 600_000);

  async function run(setting: LenetSetting): Promise<StudyEntry> {
    const outcome = await study.run(setting);
    if ("refusal" in outcome) throw new Error(outcome.refusal);
    return outcome;
  }

  const relativeOf = ({ accuracy }: StudyEntry): number => accuracy.relative ?? Number.NaN;

  it("the float network is right on at least 98.5 %", async () => {
    const { accuracy } = await run({ format: "16,8", datapath: "tensorquant" });
    expect(study.images).toBe(1000);
    expect(accuracy.float).toBeGreaterThanOrEqual(0.985);
  }, 600_000);

  it.each(["12,6", "16,8", "20,8"])(
    "tensorquant (%s) loses nothing significant",
    async (format) => {
      const { accuracy } = await run({ format, datapath: "tensorquant" });
      expect(accuracy.mcnemar?.pValue).toBeGreaterThan(0.05);
      expect(accuracy.relative).toBeGreaterThan(0.99);
    },
    600_000,
  );

  it("tensorquant (8,4) lies below 1 and not below 0.7, as the paper's 0.90 does", async () => {
    const entry = await run({ format: "8,4", datapath: "tensorquant" });
    expect(relativeOf(entry)).toBeLessThan(1);
    expect(relativeOf(entry)).toBeGreaterThanOrEqual(0.7);
    expect(entry.accuracy.mcnemar?.pValue).toBeLessThan(0.05);
  }, 600_000);

  it("tensorquant (4,3) lies far below, as the paper's 0.40 does", async () => {
    const entry = await run({ format: "4,3", datapath: "tensorquant" });
    expect(relativeOf(entry)).toBeLessThan(0.6);
    // Better than guessing all the same: the format, not the network, is broken.
    expect(relativeOf(entry)).toBeGreaterThan(0.2);
  }, 600_000);

  it("the order of additions shows where sums saturate, and not at (16,8)", async () => {
    const orders = async (format: string): Promise<number> => {
      const os = await run({ format, datapath: "intrinsic", dataflow: "output-stationary" });
      return differingImages(os, await run({ format, datapath: "intrinsic", dataflow: "weight-stationary" }));
    };
    expect(await orders("4,3")).toBeGreaterThan(100);
    expect(await orders("16,8")).toBe(0);
  }, 600_000);
});

describe.runIf(process.env.MACROSCOPE_LONG === "1")("two digits on both engines, intrinsic (16,8)", () => {
  it.each(["output-stationary", "weight-stationary"])(
    "%s: one digest, one evidence, one count of cycles",
    async (dataflow) => {
      const { program, raws } = compileLenet(await openLenet(2), { format: "16,8", datapath: "intrinsic", dataflow });
      const options = { workers: 2, batchImages: 1, observedImages: 1 };
      const fast = await runOnPool(program, raws, 2, { engine: "fast", ...options });
      const reference = await runOnPool(program, raws, 2, { engine: "reference", ...options });
      expect(reference.images).toBe(2);
      expect(digestOf(fast.outputs)).toBe(digestOf(reference.outputs));
      expect({ ...fast, kernels: null }).toEqual({ ...reference, kernels: null });
    },
    600_000,
  );
});
