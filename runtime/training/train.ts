/**
 * Training proper: Adam on the cross-entropy of distorted digits with a gentle pull of the weights towards zero.
 * Everything random comes from the seed, so the same backend gives the same weights again.
 */

import { DISTORTION, distortedBatch } from "./distortion.ts";
import { inputTensor } from "./lenet.ts";
import { CLASSES, type LabelledImages } from "./mnist-split.ts";
import { seededRandom } from "./random.ts";
import type { Sequential, Tensor, Tensor2D, TensorFlow, Variable } from "./tensorflow.ts";

export interface TrainingOptions {
  readonly seed: number;
  readonly epochs: number;
  readonly batchSize: number;
  /** Adam's rate at the first step; falls to zero along half a cosine. */
  readonly learningRate: number;
  /** Factor of the sum of squared weights (not biases) in the loss. */
  readonly weightDecay: number;
}

export const LENET_TRAINING: TrainingOptions = {
  seed: 5,
  epochs: 20,
  batchSize: 32,
  learningRate: 0.001,
  weightDecay: 0.00002,
};

/** After every epoch; `loss` is the mean over its batches, weight decay included. */
export interface EpochReport {
  readonly epoch: number;
  readonly loss: number;
}

/** Trains `model` in place. The gradient of the convolution's filter must be available on the backend. */
export async function train(
  tf: TensorFlow,
  model: Sequential,
  digits: LabelledImages,
  options: TrainingOptions,
  onEpoch: (report: EpochReport) => void | Promise<void>,
): Promise<void> {
  const random = seededRandom(options.seed);
  const optimizer = tf.train.adam(options.learningRate);
  // The library has no public way to change Adam's rate between steps.
  const rate = optimizer as unknown as { learningRate: number };
  const variables = model.trainableWeights.map((weight) => weight.read() as Variable);
  const kernels = variables.filter((_, index) => model.trainableWeights[index]?.originalName.endsWith("/kernel"));
  const stepsPerEpoch = Math.ceil(digits.count / options.batchSize);
  try {
    for (let epoch = 0; epoch < options.epochs; epoch++) {
      const order = random.permutation(digits.count);
      let lossSum = 0;
      for (let step = 0; step < stepsPerEpoch; step++) {
        const progress = (epoch + step / stepsPerEpoch) / options.epochs;
        rate.learningRate = (options.learningRate * (1 + Math.cos(Math.PI * progress))) / 2;
        const indices = order.subarray(step * options.batchSize, (step + 1) * options.batchSize);
        const images = distortedBatch(digits.images, indices, DISTORTION, random);
        const labels = Uint8Array.from(indices, (index) => digits.labels[index] as number);
        const loss = tf.tidy(() => {
          const input = inputTensor(tf, images);
          const target = tf.oneHot(tf.tensor1d(labels, "int32"), CLASSES);
          const cost = () => {
            const entropy = crossEntropy(tf, model.apply(input) as Tensor2D, target);
            const squares = tf.addN(kernels.map((kernel) => kernel.square().sum()));
            return entropy.add(squares.mul(options.weightDecay)).asScalar();
          };
          return optimizer.minimize(cost, true, variables)?.dataSync()[0];
        });
        lossSum += loss ?? Number.NaN;
      }
      await onEpoch({ epoch: epoch + 1, loss: lossSum / stepsPerEpoch });
    }
  } finally {
    optimizer.dispose();
  }
}

/** Mean cross-entropy; the probability of the right class is kept off zero, where the logarithm ends. */
function crossEntropy(tf: TensorFlow, probabilities: Tensor2D, target: Tensor): Tensor {
  const ofTarget = probabilities.mul(target).sum(1);
  return tf.maximum(ofTarget, 1e-7).log().mean().neg();
}
