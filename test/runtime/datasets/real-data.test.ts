/** The labelled data beside the project, as its README describes it; skipped where it is absent. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openDataset } from "../../../runtime/datasets/open-dataset.ts";
import { preprocessingFrom } from "../../../runtime/datasets/preprocessing/recipes.ts";

const DATA = fileURLToPath(new URL("../../../../shared/data", import.meta.url));
const at = (name: string): string => join(DATA, name);

/** Images per class. */
function histogram(labels: Int32Array | null): Map<number, number> {
  const found = new Map<number, number>();
  for (const label of labels ?? []) found.set(label, (found.get(label) ?? 0) + 1);
  return found;
}

describe.runIf(existsSync(at("lenet-mnist")))("MNIST and Fashion-MNIST", () => {
  it.each([
    // Digits of the MNIST test set, from its page; Fashion-MNIST has 1,000 of each class.
    ["lenet-mnist", [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]],
    ["lenet-fashion", Array(10).fill(1000)],
  ])("%s: 10,000 grey images with labels, beside a model file", async (name, classes) => {
    const data = await openDataset(at(name));
    expect(data).toMatchObject({ shape: [28, 28, 1], count: 10_000, labelled: true });
    const { labels, values } = await data.read(0, 10_000);
    const counts = histogram(labels);
    expect(classes.map((_, digit) => counts.get(digit))).toEqual(classes);
    expect([Math.min(...values.subarray(0, 784)), Math.max(...values.subarray(0, 784))]).toEqual([0, 255 / 256]);
  });
});

describe.runIf(existsSync(at("resnet20-cifar10")))("CIFAR-10", () => {
  it("2,000 images, classes interleaved, values about zero with the recipe", async () => {
    const preprocessing = preprocessingFrom({ recipe: "torch-cifar" });
    const data = await openDataset(at("resnet20-cifar10"), { preprocessing });
    expect(data).toMatchObject({ shape: [32, 32, 3], count: 2000, labelled: true });
    const { labels, values } = await data.read(0, 2000);
    expect([...histogram(labels).keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.2);
    // Neighbouring rows of a picture resemble each other: planes and rows stand where they should.
    let [across, apart] = [0, 0];
    for (let index = 96; index < 3072 * 200; index++) {
      across += Math.abs((values[index] ?? 0) - (values[index - 96] ?? 0));
      apart += Math.abs((values[index] ?? 0) - (values[(index * 7919) % (3072 * 200)] ?? 0));
    }
    expect(across / apart).toBeLessThan(0.4);
  });
});

describe.runIf(existsSync(at("googlenet-imagenet")))("ImageNet pictures", () => {
  it("500 JPEG files with the labels of labels.csv, whole at 224 × 224, blue first", async () => {
    const preprocessing = preprocessingFrom({ recipe: "caffe-imagenet" });
    const data = await openDataset(at("googlenet-imagenet"), { preprocessing });
    expect(data).toMatchObject({ shape: [224, 224, 3], count: 500, labelled: true });
    const batch = await data.read(0, 4);
    expect([...(batch.labels ?? [])]).toEqual([816, 923, 151, 900]);
    const rgb = await openDataset(at("googlenet-imagenet"), { preprocessing: preprocessingFrom({ recipe: "bytes" }) });
    const { values } = await rgb.read(0, 4);
    for (let index = 0; index < values.length; index++) {
      const mean = [104, 117, 123][index % 3] ?? 0;
      expect((batch.values[index] ?? 0) + mean).toBe(values[index - (index % 3) + 2 - (index % 3)]);
      if (index > 3000) break;
    }
  });

  it("every picture decodes, from the folder of the pictures alone as well", async () => {
    const data = await openDataset(join(at("googlenet-imagenet"), "images"));
    expect(data).toMatchObject({ shape: [224, 224, 3], count: 500, labelled: true });
    for (let first = 0; first < 500; first += 50) expect((await data.read(first, 50)).count).toBe(50);
  });

  it("resized to 299 and cut to 256 it is still a picture of the same mean", async () => {
    const data = await openDataset(at("googlenet-imagenet"), {
      preprocessing: preprocessingFrom({ scale: 1, resize: { shorterSide: 299 }, crop: { rows: 256, columns: 250 } }),
    });
    expect(data.shape).toEqual([256, 250, 3]);
    const whole = await openDataset(at("googlenet-imagenet"), { preprocessing: preprocessingFrom({ scale: 1 }) });
    const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [cut, full] = [await data.read(7, 3), await whole.read(7, 3)];
    expect(Math.abs(mean(cut.values) - mean(full.values))).toBeLessThan(20);
  });
});
