/** Convolution → pool → dense with drawn shapes and weights of eighths: networks in which formats of few bits round and overflow. */
import fc from "fast-check";
import type { Graph, GraphNode, Tensor } from "../../../compiler/graph/graph.ts";

const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const NO_PADDING = { top: 0, bottom: 0, left: 0, right: 0 };

/** Row-major eighths from −1 to 1, the same for the same seed. */
function tensor(shape: readonly number[], seed: number): Tensor {
  const length = shape.reduce((product, side) => product * side, 1);
  let state = seed * 2 + 1;
  const data = Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (((state >>> 24) % 17) - 8) / 8;
  });
  return { shape, data };
}

export const smallGraphs: fc.Arbitrary<Graph> = fc
  .record({
    rows: small(3, 6),
    columns: small(3, 5),
    channels: small(1, 3),
    kernelRows: small(1, 3),
    kernelColumns: small(1, 3),
    filters: small(1, 4),
    padding: small(0, 1),
    pooled: fc.constantFrom("maximum", "average", null),
    units: small(2, 5),
    seed: small(0, 1000),
    activation: fc.constantFrom("none", "relu"),
  })
  .map(({ rows, columns, channels, kernelRows, kernelColumns, filters, padding, pooled, units, seed, activation }) => {
    const height = rows + padding - kernelRows + 1;
    const width = columns - kernelColumns + 1;
    const nodes: GraphNode[] = [
      {
        op: "conv2d",
        name: "conv",
        inputs: ["image"],
        shape: [height, width, filters],
        kernel: tensor([kernelRows, kernelColumns, channels, filters], seed),
        bias: tensor([filters], seed + 1),
        strides: [1, 1],
        dilations: [1, 1],
        padding: { ...NO_PADDING, top: padding },
        groups: 1,
        activation,
        requantization: null,
      },
    ];
    const pooledShape = [Math.ceil(height / 2), Math.ceil(width / 2), filters];
    if (pooled !== null) {
      nodes.push({
        op: "pool",
        name: "pool",
        inputs: ["conv"],
        shape: pooledShape,
        kind: pooled,
        kernel: [2, 2],
        strides: [2, 2],
        padding: { ...NO_PADDING, bottom: height % 2, right: width % 2 },
        countPadding: false,
        requantization: null,
      });
    }
    const [source, shape] = pooled === null ? ["conv", [height, width, filters]] : ["pool", pooledShape];
    const features = shape.reduce((product, side) => product * side, 1);
    nodes.push(
      { op: "reshape", name: "flat", inputs: [source], shape: [features] },
      {
        op: "dense",
        name: "dense",
        inputs: ["flat"],
        shape: [units],
        kernel: tensor([features, units], seed + 2),
        bias: null,
        inputOrder: "as stored",
        activation: "none",
        requantization: null,
      },
    );
    return { name: "small", input: { name: "image", shape: [rows, columns, channels] }, nodes, output: "dense" };
  });
