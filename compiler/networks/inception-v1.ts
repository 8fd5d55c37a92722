import type { Graph } from "../graph/graph.ts";
import { NetworkBuilder } from "./network-builder.ts";

/** Filters of one module: 1 × 1; reduction and 3 × 3; reduction and 5 × 5; behind the pool. Table 1 of the paper. */
type Module = readonly [number, number, number, number, number, number];

const MODULES_3: Readonly<Record<string, Module>> = {
  "3a": [64, 96, 128, 16, 32, 32],
  "3b": [128, 128, 192, 32, 96, 64],
};
const MODULES_4: Readonly<Record<string, Module>> = {
  "4a": [192, 96, 208, 16, 48, 64],
  "4b": [160, 112, 224, 24, 64, 64],
  "4c": [128, 128, 256, 24, 64, 64],
  "4d": [112, 144, 288, 32, 64, 64],
  "4e": [256, 160, 320, 32, 128, 128],
};
const MODULES_5: Readonly<Record<string, Module>> = {
  "5a": [256, 160, 320, 32, 128, 128],
  "5b": [384, 192, 384, 48, 128, 128],
};

/**
 * Inception V1, GoogLeNet: Szegedy et al., "Going Deeper with Convolutions", 2014, as Caffe's `bvlc_googlenet` has it, with local
 * normalization and without the auxiliary classifiers of training. 6,998,552 parameters, 1.58 billion multiplications.
 */
export function inceptionV1(seed: number): Graph {
  const net = new NetworkBuilder({ name: "inception_v1", input: [224, 224, 3], seed, inputSize: 74, epsilon: null });
  const pool = (input: string, name: string): string =>
    net.pool(input, name, { kind: "maximum", kernel: 3, stride: 2, ceiling: true });
  const modules = (input: string, table: Readonly<Record<string, Module>>): string =>
    Object.entries(table).reduce(
      (value, [name, filters]) => inception(net, value, `inception_${name}`, filters),
      input,
    );

  const conv1 = net.convolution("input", "conv1/7x7_s2", { filters: 64, kernel: 7, stride: 2, padding: 3 });
  const norm1 = net.localNormalization(pool(conv1, "pool1/3x3_s2"), "pool1/norm1");
  const reduced = net.convolution(norm1, "conv2/3x3_reduce", { filters: 64, kernel: 1 });
  const conv2 = net.convolution(reduced, "conv2/3x3", { filters: 192, kernel: 3, padding: 1 });
  const pool2 = pool(net.localNormalization(conv2, "conv2/norm2"), "pool2/3x3_s2");
  const pool3 = pool(modules(pool2, MODULES_3), "pool3/3x3_s2");
  const pool4 = pool(modules(pool3, MODULES_4), "pool4/3x3_s2");
  const pool5 = net.globalAverage(modules(pool4, MODULES_5), "pool5/7x7_s1");
  return net.finish(net.dense(pool5, "loss3/classifier", 1000, "none"));
}

function inception(net: NetworkBuilder, input: string, name: string, filters: Module): string {
  const [plain, reduce3, filters3, reduce5, filters5, projection] = filters;
  const branch1 = net.convolution(input, `${name}/1x1`, { filters: plain, kernel: 1 });
  const reduced3 = net.convolution(input, `${name}/3x3_reduce`, { filters: reduce3, kernel: 1 });
  const branch3 = net.convolution(reduced3, `${name}/3x3`, { filters: filters3, kernel: 3, padding: 1 });
  const reduced5 = net.convolution(input, `${name}/5x5_reduce`, { filters: reduce5, kernel: 1 });
  const branch5 = net.convolution(reduced5, `${name}/5x5`, { filters: filters5, kernel: 5, padding: 2 });
  const pooled = net.pool(input, `${name}/pool`, { kind: "maximum", kernel: 3, stride: 1, padding: 1 });
  const branchPool = net.convolution(pooled, `${name}/pool_proj`, { filters: projection, kernel: 1 });
  return net.concatenate([branch1, branch3, branch5, branchPool], `${name}/output`);
}
