import type { Graph } from "../graph/graph.ts";
import { NetworkBuilder } from "./network-builder.ts";

/** Squeeze filters and filters of each expansion, per fire module; `pool` halves the size. */
type Module = readonly [squeeze: number, expand: number] | "pool";

type Version = "squeezenet" | "squeezenet_v1_1";

interface Layers {
  readonly first: { readonly filters: number; readonly kernel: number };
  readonly modules: readonly Module[];
}

const VERSIONS: Readonly<Record<Version, Layers>> = {
  squeezenet: {
    first: { filters: 96, kernel: 7 },
    modules: [
      "pool",
      [16, 64],
      [16, 64],
      [32, 128],
      "pool",
      [32, 128],
      [48, 192],
      [48, 192],
      [64, 256],
      "pool",
      [64, 256],
    ],
  },
  squeezenet_v1_1: {
    first: { filters: 64, kernel: 3 },
    modules: [
      "pool",
      [16, 64],
      [16, 64],
      "pool",
      [32, 128],
      [32, 128],
      "pool",
      [48, 192],
      [48, 192],
      [64, 256],
      [64, 256],
    ],
  },
};

/**
 * SqueezeNet 1.0 and 1.1: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
 * 2016, and its repository, with 224 × 224 pixels as torchvision has it. 1,248,424 and 1,235,496 parameters, 819
 * and 349 million multiplications.
 */
export function squeezenet(name: Version, seed: number): Graph {
  const net = new NetworkBuilder({ name, input: [224, 224, 3], seed, inputSize: 1.3, epsilon: null });
  const { first, modules } = VERSIONS[name];
  let value = net.convolution("input", "conv1", { ...first, stride: 2 });
  let [pools, fires]: [number, number] = [0, 1];
  for (const module of modules) {
    if (module === "pool") {
      value = net.pool(value, `pool${++pools}`, { kind: "maximum", kernel: 3, stride: 2, ceiling: true });
      continue;
    }
    const [squeeze, expand] = module;
    const fire = `fire${++fires}`;
    const squeezed = net.convolution(value, `${fire}/squeeze1x1`, { filters: squeeze, kernel: 1 });
    const expand1 = net.convolution(squeezed, `${fire}/expand1x1`, { filters: expand, kernel: 1 });
    const expand3 = net.convolution(squeezed, `${fire}/expand3x3`, { filters: expand, kernel: 3, padding: 1 });
    value = net.concatenate([expand1, expand3], `${fire}/concat`);
  }
  const conv10 = net.convolution(value, "conv10", { filters: 1000, kernel: 1 });
  return net.finish(net.globalAverage(conv10, "pool10"));
}
