/** Networks known by name through the command's own path: opening, recipes, drawn images, what the report says. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NETWORK_NAMES, networkSize } from "../../compiler/networks/index.ts";
import { DiagnosticError } from "../../isa/diagnostic.ts";
import { resolveFlags } from "../../runtime/cli/configuration-options.ts";
import { resolveConfiguration } from "../../runtime/configuration.ts";
import { NETWORK_RECIPES, preprocessingFrom } from "../../runtime/datasets/preprocessing/recipes.ts";
import { openModel } from "../../runtime/model.ts";
import { runReportText } from "../../runtime/report/text/run-text.ts";
import { openFloatReference } from "../../runtime/session/float.ts";
import { openData } from "../../runtime/session/image-batches.ts";
import { runModel } from "../../runtime/session/run.ts";
import { type SmallFiles, writeSmallFiles } from "./small-network.ts";

let folder: string;
let files: SmallFiles;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-networks-"));
  files = await writeSmallFiles(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a network known by name", () => {
  it("runs on one drawn image of its own recipe unless told otherwise", () => {
    for (const model of NETWORK_NAMES) {
      const configuration = resolveConfiguration({ model, seed: 4 });
      expect(configuration).toMatchObject({ data: "random:4", images: 1, weights: null, calibration: { images: 1 } });
      expect(configuration.preprocessing).toEqual(preprocessingFrom({ recipe: NETWORK_RECIPES[model] }));
      expect(resolveConfiguration({ model, data: "random:9", images: 3 })).toMatchObject({
        data: "random:9",
        images: 3,
      });
      const own = { resize: { shorterSide: 300 } };
      expect(resolveConfiguration({ model, preprocessing: own }).preprocessing).toMatchObject(own);
    }
  });

  it("crops its pictures to the size it takes", async () => {
    for (const model of ["squeezenet", "mobilenet_v2", "inception_v1"] as const) {
      const { graph } = await openModel(model);
      const { crop } = preprocessingFrom({ recipe: NETWORK_RECIPES[model] });
      expect([crop?.rows, crop?.columns, 3]).toEqual(graph.input.shape);
    }
  });

  it("draws weights from the seed of the run and says so", async () => {
    const opened = await openModel("squeezenet_v1_1", { weights: null, seed: 12 });
    expect(opened).toMatchObject({ name: "squeezenet_v1_1", weights: "drawn from seed 12" });
    expect(networkSize(opened.graph).parameters).toBe(1_235_496);
  });

  it("refuses weights of another network, weights without a network, and misspelt names", async () => {
    const refusal = async (model: string, weights: string | null): Promise<string> => {
      const opening = openModel(model, { weights, seed: 1 });
      await expect(opening).rejects.toThrow(DiagnosticError);
      return opening.then(String, (error: Error) => error.message);
    };
    expect(await refusal("squeezenet", files.model)).toMatch(/^error\[WEIGHTS\] .*: expected conv1 .*, found conv1/);
    expect(await refusal(files.model, files.model)).toContain("has weights of its own");
    expect(await refusal("resnet5", null)).toContain("did you mean resnet50");
    expect(await refusal("squeezenet", join(folder, "none.onnx"))).toContain("no such file");
  });

  it("may be named by --model, by the argument or by both alike", async () => {
    expect((await resolveFlags(undefined, { model: "resnet50" })).model).toBe("resnet50");
    expect((await resolveFlags("resnet50", { model: "resnet50" })).model).toBe("resnet50");
    await expect(resolveFlags("resnet50", { model: "alexnet" })).rejects.toThrow(DiagnosticError);
    const config = join(folder, "c.yaml");
    writeFileSync(config, "model: squeezenet\nweights: w.onnx\n");
    const weights = join(folder, "w.onnx");
    writeFileSync(weights, "");
    const found = await resolveFlags(undefined, { config });
    expect(found.model).toBe("squeezenet");
    expect(realpathSync(found.weights ?? "")).toBe(realpathSync(weights));
  });
});

describe("drawn weights on drawn images", () => {
  const names = process.env.MACROSCOPE_LONG === "1" ? NETWORK_NAMES : (["squeezenet_v1_1"] as const);

  it.each(names)("%s: values keep their size from the first layer to the last", async (model) => {
    const configuration = resolveConfiguration({ model });
    const { graph } = await openModel(model);
    const { values } = await (await openData(configuration, graph.input, 1)).read(0, 1);
    const { network } = await openFloatReference(graph);
    const sizes = new Map<string, number>();
    const logits = await network.run(values, 1, (name, found) => {
      sizes.set(name, Math.sqrt(found.reduce((sum, value) => sum + value * value, 0) / found.length));
      return undefined;
    });
    network.dispose();
    expect(logits).toHaveLength(1000);
    for (const [name, size] of sizes) {
      if (name === graph.input.name) continue;
      expect(size, name).toBeGreaterThan(0.05);
      expect(size, name).toBeLessThan(20);
    }
  });

  it("the report names both, and its own configuration repeats it", async () => {
    const configuration = resolveConfiguration({
      model: "squeezenet_v1_1",
      assignment: { default: { datapath: "extrinsic", format: "16,8" } },
    });
    const outcome = await runModel(configuration);
    if (!("report" in outcome)) throw new Error("a fault");
    const { report } = outcome;
    expect(report).toMatchObject({ weights: "drawn from seed 1", data: "random:1", images: 1, accuracy: null });
    expect(report.agreement?.share).toBeGreaterThanOrEqual(0);
    expect(runReportText(report)).toContain(
      "squeezenet_v1_1, weights drawn from seed 1, on drawn images (random:1), 1 image",
    );
    const again = resolveConfiguration(JSON.parse(JSON.stringify(report.configuration)));
    expect(again).toEqual({ ...report.configuration });
  });
});
