/**
 * LeNet-5 in the form that Caffe made common: wider than LeCun's of 1998, and without activation after the
 * convolutions. 431,080 parameters.
 */

import { CLASSES, IMAGE_PIXELS, IMAGE_SIDE } from "./mnist-split.ts";
import type { Sequential, Tensor4D, TensorFlow } from "./tensorflow.ts";

/** A grey level p enters the network as p / 256: exact with eight fraction bits. */
export const INPUT_SCALE: number = 1 / 256;

/**
 * The untrained network, NHWC. Layers and output shapes: conv1 [24,24,20], pool1 [12,12,20], conv2 [8,8,50],
 * pool2 [4,4,50], flatten [800], fc1 [500] with ReLU, fc2 [10] with softmax.
 * Weights are drawn Glorot-uniform from `seed`; biases are 0.
 */
export function buildLenet(tf: TensorFlow, seed: number): Sequential {
  const kernelInitializer = (ordinal: number) => tf.initializers.glorotUniform({ seed: seed + ordinal });
  const pooling = { poolSize: 2, strides: 2, padding: "valid" as const };
  const convolution = { kernelSize: 5, strides: 1, padding: "valid" as const };
  const inputShape = [IMAGE_SIDE, IMAGE_SIDE, 1];
  return tf.sequential({
    name: "lenet5",
    layers: [
      tf.layers.conv2d({
        name: "conv1",
        filters: 20,
        inputShape,
        ...convolution,
        kernelInitializer: kernelInitializer(1),
      }),
      tf.layers.maxPooling2d({ name: "pool1", ...pooling }),
      tf.layers.conv2d({ name: "conv2", filters: 50, ...convolution, kernelInitializer: kernelInitializer(2) }),
      tf.layers.maxPooling2d({ name: "pool2", ...pooling }),
      tf.layers.flatten({ name: "flatten" }),
      tf.layers.dense({ name: "fc1", units: 500, activation: "relu", kernelInitializer: kernelInitializer(3) }),
      tf.layers.dense({ name: "fc2", units: CLASSES, activation: "softmax", kernelInitializer: kernelInitializer(4) }),
    ],
  });
}

/** Grey levels [count, 28, 28] as the network's input [count, 28, 28, 1]. */
export function inputTensor(tf: TensorFlow, images: Uint8Array): Tensor4D {
  const values = new Float32Array(images);
  for (let index = 0; index < values.length; index++) values[index] = (values[index] as number) * INPUT_SCALE;
  return tf.tensor4d(values, [images.length / IMAGE_PIXELS, IMAGE_SIDE, IMAGE_SIDE, 1]);
}
