/** What is measured on a trained network: accuracy, and the range its values need. */

import { inputTensor } from "./lenet.ts";
import { IMAGE_PIXELS, type LabelledImages } from "./mnist-split.ts";
import type { LayersModel, Tensor2D, TensorFlow } from "./tensorflow.ts";

/** Images per inference, so that memory stays small. */
const BATCH = 250;

/** Share of digits whose most probable class is the label, 0 to 1. */
export function accuracy(tf: TensorFlow, model: LayersModel, digits: LabelledImages): number {
  let right = 0;
  for (const batch of batches(digits)) {
    right += tf.tidy(() => {
      const predicted = (model.predict(inputTensor(tf, batch.images)) as Tensor2D).argMax(1).dataSync();
      return batch.labels.reduce((sum, label, index) => sum + (predicted[index] === label ? 1 : 0), 0);
    });
  }
  return right / digits.count;
}

/**
 * Largest absolute value of every layer's output over `digits`, in layer order. The last layer is measured before its
 * softmax, since the accelerator computes the sums and leaves the softmax to the host.
 */
export function largestActivations(tf: TensorFlow, model: LayersModel, digits: LabelledImages): Map<string, number> {
  const largest = new Map<string, number>();
  for (const batch of batches(digits)) {
    tf.tidy(() => {
      let values = inputTensor(tf, batch.images) as ReturnType<typeof tf.abs>;
      for (const [index, layer] of model.layers.entries()) {
        const [kernel, bias] = layer.getWeights();
        const isLast = index === model.layers.length - 1;
        values =
          isLast && kernel !== undefined && bias !== undefined
            ? tf.matMul(values, kernel).add(bias)
            : (layer.apply(values) as typeof values);
        const [batchLargest] = values.abs().max().dataSync();
        largest.set(layer.name, Math.max(largest.get(layer.name) ?? 0, batchLargest ?? Number.NaN));
      }
    });
  }
  return largest;
}

function* batches(digits: LabelledImages): Generator<LabelledImages> {
  for (let first = 0; first < digits.count; first += BATCH) {
    const end = Math.min(first + BATCH, digits.count);
    const images = digits.images.subarray(first * IMAGE_PIXELS, end * IMAGE_PIXELS);
    yield { count: end - first, images, labels: digits.labels.subarray(first, end) };
  }
}
