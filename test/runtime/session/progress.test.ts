/** What a long run says of itself while it lasts. Needs the build: the images run on worker threads. */
import { describe, expect, it } from "vitest";
import { resolveConfiguration } from "../../../runtime/configuration.ts";
import { runModel } from "../../../runtime/session/run.ts";

/** Stages with the numbers of images heard in each. */
async function stagesOf(format: string): Promise<readonly (readonly [string, readonly number[]])[]> {
  const stages: [string, number[]][] = [];
  await runModel(
    resolveConfiguration({
      images: 3,
      calibration: { images: 5 },
      assignment: { default: { datapath: "wide", format } },
    }),
    {
      onStage: (label, images) => stages.push([`${label} ${images}`, []]),
      onProgress: (images) => stages.at(-1)?.[1].push(images),
    },
  );
  return stages;
}

describe("the stages of a run", () => {
  it("measuring ranges is one of its own, with its own number of images", { timeout: 60_000 }, async () => {
    const [calibration, run, ...more] = await stagesOf("12,auto");
    expect(calibration).toEqual(["calibration 5", [5]]);
    expect(run?.[0]).toBe("float and fast engine 3");
    expect(run?.[1].at(-1)).toBe(3);
    expect(more).toEqual([]);
  });

  it("there is none where every format is given", { timeout: 60_000 }, async () => {
    expect((await stagesOf("12,6")).map(([label]) => label)).toEqual(["float and fast engine 3"]);
  });

  it("an abort ends the calibration before its images are computed", async () => {
    const controller = new AbortController();
    const heard: number[] = [];
    const configuration = resolveConfiguration({ assignment: { default: { datapath: "wide", format: "12,auto" } } });
    const run = runModel(configuration, {
      signal: controller.signal,
      onStage: () => controller.abort(),
      onProgress: (images) => heard.push(images),
    });
    await expect(run).rejects.toThrow(/abort/i);
    expect(heard).toEqual([]);
  });
});
