import type { Graph } from "../graph/graph.ts";
import { NetworkBuilder } from "./network-builder.ts";

/** Filters and kernel of one convolution; padding keeps the size unless `stride` is given or `valid`. */
interface Step {
  readonly name: string;
  readonly filters: number;
  readonly kernel: readonly [number, number];
  readonly stride?: 2;
}

const step = (name: string, filters: number, rows: number, columns: number = rows): Step => ({
  name,
  filters,
  kernel: [rows, columns],
});

/** 3 × 3 with stride 2 and without padding. */
const halving = (name: string, filters: number): Step => ({ name, filters, kernel: [3, 3], stride: 2 });

/**
 * Inception V3: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015, with the layers of TF-Slim and
 * torchvision, batch normalization everywhere, without the auxiliary classifier of training. 23,834,568 parameters,
 * 5.71 billion multiplications.
 */
export function inceptionV3(seed: number): Graph {
  const net = new NetworkBuilder({
    name: "inception_v3",
    input: [299, 299, 3],
    seed,
    inputSize: 0.58,
    epsilon: 1e-3,
  });
  const pool = (input: string, name: string): string =>
    net.pool(input, name, { kind: "maximum", kernel: 3, stride: 2 });
  const conv1a = net.convolution("input", "Conv2d_1a_3x3", { filters: 32, kernel: 3, stride: 2 });
  const conv2a = net.convolution(conv1a, "Conv2d_2a_3x3", { filters: 32, kernel: 3 });
  const conv2b = net.convolution(conv2a, "Conv2d_2b_3x3", { filters: 64, kernel: 3, padding: 1 });
  const conv3b = net.convolution(pool(conv2b, "MaxPool_3a_3x3"), "Conv2d_3b_1x1", { filters: 80, kernel: 1 });
  const conv4a = net.convolution(conv3b, "Conv2d_4a_3x3", { filters: 192, kernel: 3 });
  let value = pool(conv4a, "MaxPool_5a_3x3");

  // Figure 5 of the paper: two 3 × 3 in the place of 5 × 5.
  for (const [name, pooled] of [
    ["Mixed_5b", 32],
    ["Mixed_5c", 64],
    ["Mixed_5d", 64],
  ] as const) {
    value = mixed(net, value, name, pooled, [
      [[step("1x1", 64, 1)]],
      [[step("5x5_reduce", 48, 1), step("5x5", 64, 5)]],
      [[step("3x3dbl_reduce", 64, 1), step("3x3dbl_1", 96, 3), step("3x3dbl_2", 96, 3)]],
    ]);
  }
  value = mixed(net, value, "Mixed_6a", null, [
    [[halving("3x3", 384)]],
    [[step("3x3dbl_reduce", 64, 1), step("3x3dbl_1", 96, 3), halving("3x3dbl_2", 96)]],
  ]);
  // Figure 6: 1 × 7 and 7 × 1.
  for (const [name, inner] of [
    ["Mixed_6b", 128],
    ["Mixed_6c", 160],
    ["Mixed_6d", 160],
    ["Mixed_6e", 192],
  ] as const) {
    value = mixed(net, value, name, 192, [
      [[step("1x1", 192, 1)]],
      [[step("7x7_reduce", inner, 1), step("7x7_1", inner, 1, 7), step("7x7_2", 192, 7, 1)]],
      [
        [
          step("7x7dbl_reduce", inner, 1),
          step("7x7dbl_1", inner, 7, 1),
          step("7x7dbl_2", inner, 1, 7),
          step("7x7dbl_3", inner, 7, 1),
          step("7x7dbl_4", 192, 1, 7),
        ],
      ],
    ]);
  }
  value = mixed(net, value, "Mixed_7a", null, [
    [[step("3x3_reduce", 192, 1), halving("3x3", 320)]],
    [[step("7x7x3_reduce", 192, 1), step("7x7x3_1", 192, 1, 7), step("7x7x3_2", 192, 7, 1), halving("7x7x3_3", 192)]],
  ]);
  // Figure 7: branches that part once more at their end.
  for (const name of ["Mixed_7b", "Mixed_7c"]) {
    value = mixed(net, value, name, 192, [
      [[step("1x1", 320, 1)]],
      [[step("3x3_reduce", 384, 1)], [step("3x3_a", 384, 1, 3)], [step("3x3_b", 384, 3, 1)]],
      [
        [step("3x3dbl_reduce", 448, 1), step("3x3dbl_1", 384, 3)],
        [step("3x3dbl_a", 384, 1, 3)],
        [step("3x3dbl_b", 384, 3, 1)],
      ],
    ]);
  }
  return net.finish(net.dense(net.globalAverage(value, "AvgPool_8x8"), "fc", 1000, "none"));
}

/** A chain of convolutions, and chains that go on from its end side by side. */
type Branch = readonly [trunk: readonly Step[], ...ends: (readonly Step[])[]];

/** Branches and a pool, average with a 1 × 1 convolution of `pooled` filters, or a maximum that halves the size (null). */
function mixed(
  net: NetworkBuilder,
  input: string,
  name: string,
  pooled: number | null,
  branches: readonly Branch[],
): string {
  const chain = (from: string, steps: readonly Step[]): string =>
    steps.reduce((value, { name: own, filters, kernel, stride }) => {
      const padding = stride === 2 ? 0 : ([(kernel[0] - 1) / 2, (kernel[1] - 1) / 2] as const);
      return net.convolution(value, `${name}/${own}`, { filters, kernel, stride: stride ?? 1, padding });
    }, from);
  const values = branches.flatMap(([trunk, ...ends]) => {
    const end = chain(input, trunk);
    return ends.length === 0 ? [end] : ends.map((steps) => chain(end, steps));
  });
  const pool = { kernel: 3, stride: pooled === null ? 2 : 1, padding: pooled === null ? 0 : 1 };
  const small = net.pool(input, `${name}/pool`, { ...pool, kind: pooled === null ? "maximum" : "average" });
  const last = pooled === null ? small : chain(small, [step("pool_proj", pooled, 1)]);
  return net.concatenate([...values, last], `${name}/output`);
}
