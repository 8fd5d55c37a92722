import type { Graph } from "../graph/graph.ts";
import { type ConvolutionSettings, NetworkBuilder } from "./network-builder.ts";

const RELU6 = { activation: "relu6", padding: "same" } as const;
const LINEAR = { activation: "none" } as const;

function builder(name: string, seed: number): NetworkBuilder {
  return new NetworkBuilder({ name, input: [224, 224, 3], seed, inputSize: 0.58, epsilon: 1e-3 });
}

/** Filters and stride of each pair of depthwise and 1 × 1 convolution, Table 1 of the paper of version 1. */
const PAIRS: readonly (readonly [filters: number, stride: number])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
];

/**
 * MobileNet V1, width 1, 224 × 224 pixels: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
 * Applications", 2017, with ReLU6 and TensorFlow's padding as published. 4,231,976 parameters, 569 million multiplications.
 */
export function mobilenetV1(seed: number): Graph {
  const net = builder("mobilenet_v1", seed);
  let value = net.convolution("input", "conv1", { ...RELU6, filters: 32, kernel: 3, stride: 2 });
  for (const [index, [filters, stride]] of PAIRS.entries()) {
    const spread = net.depthwise(value, `conv_dw_${index + 1}`, { ...RELU6, kernel: 3, stride });
    value = net.convolution(spread, `conv_pw_${index + 1}`, { ...RELU6, filters, kernel: 1 });
  }
  return net.finish(net.dense(net.globalAverage(value, "pool"), "fc", 1000, "none"));
}

/** Expansion, filters, repetitions and first stride, Table 2 of the paper of version 2. */
const BOTTLENECKS: readonly (readonly [expansion: number, filters: number, repetitions: number, stride: number])[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

/**
 * MobileNet V2, width 1, 224 × 224 pixels: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018. 3,504,872
 * parameters, 301 million multiplications.
 */
export function mobilenetV2(seed: number): Graph {
  const net = builder("mobilenet_v2", seed);
  let value = net.convolution("input", "conv1", { ...RELU6, filters: 32, kernel: 3, stride: 2 });
  let channels = 32;
  let ordinal = 0;
  for (const [expansion, filters, repetitions, firstStride] of BOTTLENECKS) {
    for (let repetition = 0; repetition < repetitions; repetition++) {
      const stride = repetition === 0 ? firstStride : 1;
      const name = `block${++ordinal}`;
      const wide =
        expansion === 1
          ? value
          : net.convolution(value, `${name}/expand`, { ...RELU6, filters: expansion * channels, kernel: 1 });
      const spread = net.depthwise(wide, `${name}/depthwise`, { ...RELU6, kernel: 3, stride });
      const project: ConvolutionSettings = { ...LINEAR, filters, kernel: 1 };
      const narrow = net.convolution(spread, `${name}/project`, project);
      value = stride === 1 && channels === filters ? net.add([narrow, value], `${name}/add`, "none") : narrow;
      channels = filters;
    }
  }
  const last = net.convolution(value, "conv_last", { ...RELU6, filters: 1280, kernel: 1 });
  return net.finish(net.dense(net.globalAverage(last, "pool"), "fc", 1000, "none"));
}
