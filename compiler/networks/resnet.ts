import type { Graph } from "../graph/graph.ts";
import { NetworkBuilder } from "./network-builder.ts";

/** Blocks of each of the four stages, Table 1 of the paper. */
const BLOCKS = { resnet50: [3, 4, 6, 3], resnet152: [3, 8, 36, 3] } as const;

/**
 * ResNet 50 and 152: He et al., "Deep Residual Learning for Image Recognition", 2015, with bottleneck blocks and projections where
 * the shape changes. The stride stands in the 3 × 3 convolution (version 1.5, as torchvision's published weights
 * have it; in the paper in the first 1 × 1). 25,557,032 and 60,192,808 parameters, 4.09 and 11.51 billion multiplications.
 */
export function resnet(name: keyof typeof BLOCKS, seed: number): Graph {
  const net = new NetworkBuilder({ name, input: [224, 224, 3], seed, inputSize: 1.3, epsilon: 1e-5 });
  const conv1 = net.convolution("input", "conv1", { filters: 64, kernel: 7, stride: 2, padding: 3 });
  let value = net.pool(conv1, "pool1", { kind: "maximum", kernel: 3, stride: 2, padding: 1 });
  for (const [stage, blocks] of BLOCKS[name].entries()) {
    for (let block = 0; block < blocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      value = bottleneck(net, value, `conv${stage + 2}_${block + 1}`, 64 * 2 ** stage, stride, block === 0);
    }
  }
  return net.finish(net.dense(net.globalAverage(value, "pool5"), "fc", 1000, "none"));
}

/** 1 × 1, 3 × 3, 1 × 1 with four times the filters, and the input added, through a 1 × 1 convolution where `projected`. */
function bottleneck(
  net: NetworkBuilder,
  input: string,
  name: string,
  filters: number,
  stride: number,
  projected: boolean,
): string {
  const reduced = net.convolution(input, `${name}/a`, { filters, kernel: 1 });
  const inner = net.convolution(reduced, `${name}/b`, { filters, kernel: 3, stride, padding: 1 });
  const outer = { filters: 4 * filters, kernel: 1, activation: "none" } as const;
  const expanded = net.convolution(inner, `${name}/c`, outer);
  const shortcut = projected ? net.convolution(input, `${name}/shortcut`, { ...outer, stride }) : input;
  return net.add([expanded, shortcut], `${name}/add`, "relu");
}
