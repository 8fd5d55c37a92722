import { readFileSync } from "node:fs";
import { isAbsolute, join, sep } from "node:path";
import { describe, expect, test } from "vitest";
import { assetPath } from "../../runtime/assets.ts";
import { readIdx } from "../../runtime/datasets/formats/idx.ts";
import { accuracy, largestActivations } from "../../runtime/training/evaluate.ts";
import type { LabelledImages } from "../../runtime/training/mnist-split.ts";
import { readMnistPackage, splitMnist } from "../../runtime/training/mnist-split.ts";
import { loadTensorFlow } from "../../runtime/training/tensorflow.ts";

function bundledDigits(name: "test" | "validation"): LabelledImages {
  const read = (part: string) => readIdx(readFileSync(assetPath("mnist", `${name}-${part}.idx.gz`)), `${name}-${part}`);
  const images = read("images");
  const labels = read("labels");
  expect(images.shape).toEqual([1000, 28, 28]);
  expect(labels.shape).toEqual([1000]);
  return { count: 1000, images: images.data, labels: labels.data };
}

async function bundledModel() {
  const { tf } = await loadTensorFlow();
  const manifest = JSON.parse(readFileSync(assetPath("lenet5", "model.json"), "utf8"));
  const weightData = new Uint8Array(readFileSync(assetPath("lenet5", "weights.bin"))).buffer;
  const weightSpecs = manifest.weightsManifest[0].weights;
  const model = await tf.loadLayersModel(
    tf.io.fromMemory({ modelTopology: manifest.modelTopology, weightSpecs, weightData }),
  );
  return { tf, model, manifest, weightBytes: weightData.byteLength };
}

describe("assetPath", () => {
  test("leads into runtime/assets of the package, whatever the working directory", () => {
    const path = assetPath("lenet5", "model.json");
    expect(isAbsolute(path)).toBe(true);
    expect(path.endsWith(join("runtime", "assets", "lenet5", "model.json"))).toBe(true);
    expect(path).not.toContain(`${sep}dist${sep}`);
    expect(assetPath()).toBe(join(path, "..", ".."));
  });
});

describe("the bundled digits", () => {
  test("are the validation and test set that the split seed draws from the mnist package", () => {
    const split = splitMnist(readMnistPackage());
    for (const name of ["test", "validation"] as const) {
      const bundled = bundledDigits(name);
      // As buffers: comparing 784,000 elements one by one takes seconds.
      expect(Buffer.from(bundled.images).equals(split[name].images)).toBe(true);
      expect(Buffer.from(bundled.labels).equals(split[name].labels)).toBe(true);
    }
  });
});

describe("the bundled LeNet-5", () => {
  test("is one layers model of seven named layers whose shard is complete", async () => {
    const { model, manifest, weightBytes } = await bundledModel();
    expect(manifest.format).toBe("layers-model");
    expect(manifest.weightsManifest.map(({ paths }: { paths: string[] }) => paths)).toEqual([["weights.bin"]]);
    expect(model.layers.map(({ name }) => name)).toEqual(["conv1", "pool1", "conv2", "pool2", "flatten", "fc1", "fc2"]);
    expect(model.layers.map(({ outputShape }) => outputShape)).toEqual([
      [null, 24, 24, 20],
      [null, 12, 12, 20],
      [null, 8, 8, 50],
      [null, 4, 4, 50],
      [null, 800],
      [null, 500],
      [null, 10],
    ]);
    expect(weightBytes).toBe(431_080 * 4);
  });

  test("reaches 98.5 % on the test set and the accuracies that its README states", async () => {
    const { tf, model } = await bundledModel();
    const test = accuracy(tf, model, bundledDigits("test"));
    const validation = accuracy(tf, model, bundledDigits("validation"));
    expect(test).toBeGreaterThanOrEqual(0.985);
    const readme = readFileSync(assetPath("lenet5", "README.md"), "utf8");
    expect(readme).toContain(`| validation | ${Number((100 * validation).toFixed(2))} % |`);
    expect(readme).toContain(`| test | ${Number((100 * test).toFixed(2))} % |`);
  });

  test("keeps every layer's output within ±100, which sixteen bits with eight fraction bits hold", async () => {
    const { tf, model } = await bundledModel();
    const largest = largestActivations(tf, model, bundledDigits("test"));
    expect([...largest.keys()]).toEqual(model.layers.map(({ name }) => name));
    for (const value of largest.values()) {
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThan(100);
    }
  });
});
