import { beforeAll, describe, expect, test } from "vitest";
import { registerConv2dBackpropFilter } from "../../runtime/training/conv2d-backprop-filter.ts";
import { accuracy, largestActivations } from "../../runtime/training/evaluate.ts";
import { buildLenet, inputTensor } from "../../runtime/training/lenet.ts";
import { type LabelledImages, readMnistPackage, splitMnist } from "../../runtime/training/mnist-split.ts";
import { modelCard } from "../../runtime/training/model-card.ts";
import { modelFiles } from "../../runtime/training/model-files.ts";
import { loadTensorFlow, type TensorFlow } from "../../runtime/training/tensorflow.ts";
import { LENET_TRAINING, train } from "../../runtime/training/train.ts";
import { registerFastWasmKernels } from "../../runtime/training/wasm-speed.ts";

let tf: TensorFlow;

beforeAll(async () => {
  ({ tf } = await loadTensorFlow());
  registerConv2dBackpropFilter(tf);
  registerFastWasmKernels(tf);
});

function firstDigits(count: number): LabelledImages {
  const { images, labels } = splitMnist(readMnistPackage()).train;
  return { count, images: images.slice(0, count * 784), labels: labels.slice(0, count) };
}

describe("training", () => {
  const short = { ...LENET_TRAINING, epochs: 2, batchSize: 24 };

  /** Two epochs over the first 50 digits: an odd last batch included. */
  async function shortTraining() {
    const model = buildLenet(tf, short.seed);
    const digits = firstDigits(50);
    const losses: number[] = [];
    await train(tf, model, digits, short, ({ loss }) => void losses.push(loss));
    const { weights, topology } = await modelFiles(tf, model);
    return { model, digits, losses, weights, topology };
  }

  test("lowers the loss and gives the same bits again", async () => {
    const first = await shortTraining();
    const second = await shortTraining();
    expect(first.losses).toHaveLength(2);
    expect(first.losses[1]).toBeLessThan(first.losses[0] ?? NaN);
    expect(second.losses).toEqual(first.losses);
    expect(Buffer.from(second.weights).equals(first.weights)).toBe(true);
  });

  test("leaves a model file that TensorFlow.js loads to the same outputs", async () => {
    const { model, digits, weights, topology } = await shortTraining();
    const { modelTopology, weightsManifest } = JSON.parse(topology);
    expect(weightsManifest[0].weights.map(({ name }: { name: string }) => name)).toEqual(
      ["conv1", "conv2", "fc1", "fc2"].flatMap((layer) => [`${layer}/kernel`, `${layer}/bias`]),
    );
    const loaded = await tf.loadLayersModel(
      tf.io.fromMemory({
        modelTopology,
        weightSpecs: weightsManifest[0].weights,
        weightData: new Uint8Array(weights).buffer,
      }),
    );
    const outputs = [model, loaded].map((one) =>
      tf.tidy(() => (one.predict(inputTensor(tf, digits.images)) as ReturnType<TensorFlow["ones"]>).dataSync()),
    );
    expect(outputs[0]).toHaveLength(500);
    expect(outputs[1]).toEqual(outputs[0]);
  });

  test("feeds grey levels as multiples of 1/256", () => {
    const input = inputTensor(
      tf,
      Uint8Array.from({ length: 784 }, (_, index) => index % 256),
    );
    expect(input.shape).toEqual([1, 28, 28, 1]);
    const values = input.dataSync();
    expect([values[0], values[1], values[128], values[255]]).toEqual([0, 0.00390625, 0.5, 0.99609375]);
    input.dispose();
  });

  test("measures accuracy as the share of right labels, over several batches", () => {
    const model = buildLenet(tf, 1);
    const digits = firstDigits(300);
    const predicted = tf.tidy(() =>
      (model.predict(inputTensor(tf, digits.images)) as ReturnType<TensorFlow["ones"]>).argMax(1).dataSync(),
    );
    const right = Uint8Array.from(predicted);
    expect(accuracy(tf, model, { ...digits, labels: right })).toBe(1);
    const wrongOnce = right.map((label, index) => (index === 299 ? (label + 1) % 10 : label));
    expect(accuracy(tf, model, { ...digits, labels: wrongOnce })).toBeCloseTo(299 / 300, 12);
  });

  test("measures the largest output of every layer, the last before its softmax", () => {
    const model = buildLenet(tf, 1);
    const digits = firstDigits(300);
    const largest = largestActivations(tf, model, digits);
    expect([...largest.keys()]).toEqual(["conv1", "pool1", "conv2", "pool2", "flatten", "fc1", "fc2"]);
    expect(largest.get("flatten")).toBe(largest.get("pool2"));
    const [kernel, bias] = model.getLayer("conv1").getWeights();
    const conv1 = tf.tidy(() => {
      const sums = tf.conv2d(inputTensor(tf, digits.images), kernel as never, 1, "valid");
      return sums
        .add(bias as never)
        .abs()
        .max()
        .dataSync();
    });
    expect(largest.get("conv1")).toBeCloseTo(conv1[0] ?? NaN, 5);
    // Probabilities of one image sum to 1; the logits of this network do not.
    expect(largest.get("fc2")).not.toBeCloseTo(1, 1);
  });

  test("describes itself: accuracies, ranges and recipe are in the README", () => {
    const card = modelCard(LENET_TRAINING, {
      backend: "tfjs 4.22.0 (wasm, SIMD)",
      parameters: 431_080,
      validationAccuracy: 0.987,
      testAccuracy: 0.991,
      largestActivations: new Map([["conv1", 1.257]]),
    });
    for (const fact of ["| test | 99.1 % |", "| validation | 98.7 % |", "| conv1 | 1.26 |", "431,080", "wasm, SIMD"]) {
      expect(card).toContain(fact);
    }
  });
});
