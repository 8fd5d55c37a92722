import type { Graph } from "../graph/graph.ts";
import { NetworkBuilder } from "./network-builder.ts";

/**
 * AlexNet: Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012, as Caffe's
 * `bvlc_alexnet` has it: two groups in the second, fourth and fifth convolution (the paper's two processors), local
 * normalization before pooling, 227 × 227 pixels. 60,965,224 parameters, 724 million multiplications.
 */
export function alexnet(seed: number): Graph {
  const net = new NetworkBuilder({ name: "alexnet", input: [227, 227, 3], seed, inputSize: 74, epsilon: null });
  const pool = (input: string, name: string): string =>
    net.pool(input, name, { kind: "maximum", kernel: 3, stride: 2 });
  const conv1 = net.convolution("input", "conv1", { filters: 96, kernel: 11, stride: 4 });
  const pool1 = pool(net.localNormalization(conv1, "norm1"), "pool1");
  const conv2 = net.convolution(pool1, "conv2", { filters: 256, kernel: 5, padding: 2, groups: 2 });
  const pool2 = pool(net.localNormalization(conv2, "norm2"), "pool2");
  const conv3 = net.convolution(pool2, "conv3", { filters: 384, kernel: 3, padding: 1 });
  const conv4 = net.convolution(conv3, "conv4", { filters: 384, kernel: 3, padding: 1, groups: 2 });
  const conv5 = net.convolution(conv4, "conv5", { filters: 256, kernel: 3, padding: 1, groups: 2 });
  const fc6 = net.dense(pool(conv5, "pool5"), "fc6", 4096, "relu", "channels-first");
  const fc7 = net.dense(fc6, "fc7", 4096, "relu");
  return net.finish(net.dense(fc7, "fc8", 1000, "none"));
}
