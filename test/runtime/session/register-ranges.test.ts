/** Ranges of products and sums, measured on drawn graphs and by a definition that walks every output by itself. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import type { Graph, GraphNode } from "../../../compiler/graph/graph.ts";
import type { CalibratedRange, LayerRanges } from "../../../isa/program/datapath.ts";
import { loadTensorFlow } from "../../../runtime/float-reference/backend.ts";
import { CalibrationTally } from "../../../runtime/float-reference/calibration.ts";
import { FloatNetwork } from "../../../runtime/float-reference/interpreter.ts";
import { graphWithInput } from "../../arbitraries/graph.ts";
import { evaluateAllValues } from "../../oracles/graph-float.ts";

const { tf } = await loadTensorFlow();

type Value = { readonly shape: readonly number[]; readonly data: ArrayLike<number> };

/** Terms of every sum of a node, in order, with the channel of the sum. */
function termsOf(node: GraphNode, input: Value): readonly { readonly terms: number[]; readonly channel: number }[] {
  const [rows = 1, columns = 1, channels = 1] =
    input.shape.length === 3 ? input.shape : [1, 1, input.shape.reduce((a, b) => a * b, 1)];
  const x = (row: number, column: number, channel: number): number | undefined =>
    row < 0 || row >= rows || column < 0 || column >= columns
      ? undefined
      : input.data[(row * columns + column) * channels + channel];
  const [outputRows = 1, outputColumns = 1] = node.shape;
  const all: { terms: number[]; channel: number }[] = [];
  if (node.op === "dense") {
    const [features = 1, units = 1] = node.kernel.shape;
    for (let unit = 0; unit < units; unit++) {
      const terms: number[] = [];
      for (let feature = 0; feature < features; feature++) {
        const pixels = rows * columns;
        const place =
          node.inputOrder === "as stored" ? feature : (feature % pixels) * channels + Math.floor(feature / pixels);
        terms.push((input.data[place] ?? 0) * (node.kernel.data[feature * units + unit] ?? 0));
      }
      all.push({ terms, channel: unit });
    }
    return all;
  }
  if (node.op !== "conv2d" && node.op !== "convTranspose2d" && node.op !== "pool") return [];
  const outputChannels = node.shape[2] ?? 1;
  for (let row = 0; row < outputRows; row++) {
    for (let column = 0; column < outputColumns; column++) {
      for (let channel = 0; channel < outputChannels; channel++) {
        const terms: number[] = [];
        const { padding, strides } = node;
        if (node.op === "pool") {
          for (let i = 0; i < node.kernel[0]; i++) {
            for (let j = 0; j < node.kernel[1]; j++) {
              const value = x(row * strides[0] - padding.top + i, column * strides[1] - padding.left + j, channel);
              if (value !== undefined) terms.push(value);
            }
          }
        } else {
          const [kernelRows = 1, kernelColumns = 1, groupChannels = 1, filters = 1] = node.kernel.shape;
          const group = Math.floor((channel * node.groups) / filters);
          const add = (i: number, j: number, sourceRow: number, sourceColumn: number): void => {
            for (let c = 0; c < groupChannels; c++) {
              const value = x(sourceRow, sourceColumn, group * groupChannels + c);
              const weight = node.kernel.data[((i * kernelColumns + j) * groupChannels + c) * filters + channel] ?? 0;
              if (value !== undefined) terms.push(value * weight);
            }
          };
          if (node.op === "conv2d") {
            for (let i = 0; i < kernelRows; i++) {
              for (let j = 0; j < kernelColumns; j++) {
                add(
                  i,
                  j,
                  row * strides[0] - padding.top + i * node.dilations[0],
                  column * strides[1] - padding.left + j * node.dilations[1],
                );
              }
            }
          } else {
            // Input pixel (r, c) adds to output r · stride + i · dilation − top: ascending r, then ascending c.
            for (let r = 0; r < rows; r++) {
              for (let c = 0; c < columns; c++) {
                const i = (row + padding.top - r * strides[0]) / node.dilations[0];
                const j = (column + padding.left - c * strides[1]) / node.dilations[1];
                const inside = i >= 0 && i < kernelRows && j >= 0 && j < kernelColumns;
                if (Number.isInteger(i) && Number.isInteger(j) && inside) add(i, j, r, c);
              }
            }
          }
        }
        all.push({ terms, channel });
      }
    }
  }
  return all;
}

function definition(
  node: GraphNode,
  inputs: readonly Value[],
): Record<"product" | "runningSum" | "sum" | "biasedSum", CalibratedRange> {
  const biases = node.op === "conv2d" || node.op === "dense" || node.op === "convTranspose2d" ? node.bias : null;
  const found = { product: [] as number[], runningSum: [0], sum: [] as number[], biasedSum: [] as number[] };
  for (const { terms, channel } of inputs.flatMap((input) => termsOf(node, input))) {
    found.product.push(...terms);
    for (let first = 0; first < terms.length; first++) {
      let part = 0;
      for (const term of terms.slice(first)) {
        part += term;
        found.runningSum.push(part);
      }
    }
    const sum = terms.reduce((a, b) => a + b, 0);
    found.sum.push(sum);
    found.biasedSum.push(sum + (biases?.data[channel] ?? 0));
  }
  const range = (values: readonly number[]): CalibratedRange => ({
    min: values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    max: values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  });
  return {
    product: range(found.product),
    runningSum: range(found.runningSum),
    sum: range(found.sum),
    biasedSum: range(found.biasedSum),
  };
}

function expectRange(found: CalibratedRange | undefined, expected: CalibratedRange, name: string): void {
  const tolerance = 1e-4 * Math.max(1, Math.abs(expected.min), Math.abs(expected.max));
  expect(Math.abs((found?.min ?? Number.NaN) - expected.min), `${name} min`).toBeLessThan(tolerance);
  expect(Math.abs((found?.max ?? Number.NaN) - expected.max), `${name} max`).toBeLessThan(tolerance);
}

async function measured(graph: Graph, images: Float32Array, count: number): Promise<Record<string, LayerRanges>> {
  const network = new FloatNetwork(tf, graph);
  const tally = new CalibrationTally(network, count);
  await tally.add(images, 0, count);
  network.dispose();
  return tally.ranges();
}

describe("ranges of registers", () => {
  it("are those of every product and of every sum of consecutive terms, on drawn graphs", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(graphWithInput({ stage: "lowerable" }), async ({ graph, input }) => {
        const images = Float32Array.from([...input, ...input.map((value) => -value / 2)]);
        const ranges = await measured(graph, images, 2);
        const values = [0, 1].map((image) =>
          evaluateAllValues(graph, images.subarray(image * input.length, (image + 1) * input.length)),
        );
        for (const node of graph.nodes) {
          const { runningSum, product, sum, biasedSum } = ranges[node.name] ?? {};
          const summing =
            node.op === "conv2d" || node.op === "dense" || node.op === "convTranspose2d" ? "matrix" : node.op;
          if (summing !== "matrix" && !(node.op === "pool" && node.kind === "average")) {
            expect([runningSum, product, sum, biasedSum]).toEqual([undefined, undefined, undefined, undefined]);
            continue;
          }
          seen.add(node.op);
          const inputs = values.map((each) => each.get(node.inputs[0] ?? "") as Value);
          const expected = definition(node, inputs);
          expectRange(runningSum, expected.runningSum, `${node.name} running`);
          if (summing !== "matrix") continue;
          expectRange(sum, expected.sum, `${node.name} sum`);
          expectRange(biasedSum, expected.biasedSum, `${node.name} with bias`);
          // A value at the border may miss some weights of its channel: the range may be wider.
          expect(product?.min).toBeLessThanOrEqual(expected.product.min + 1e-5);
          expect(product?.max).toBeGreaterThanOrEqual(expected.product.max - 1e-5);
          if (node.op === "dense") expectRange(product, expected.product, `${node.name} product`);
        }
      }),
      { numRuns: 80, seed: 5 },
    );
    expect([...seen].toSorted()).toEqual(["conv2d", "convTranspose2d", "dense", "pool"]);
  });

  it("follow a share of the positions of a large layer, evenly, and all whole sums", async () => {
    // 150 × 151 positions of 1,600 additions over 4 images: 145 million, of which a quarter is followed.
    const kernel = { shape: [5, 5, 4, 16], data: Float32Array.from({ length: 1600 }, (_, k) => (k < 800 ? 1 : -1)) };
    const builder = new GraphBuilder("large", { name: "image", shape: [150, 151, 4] }, "test");
    builder.add({
      op: "conv2d",
      name: "conv",
      inputs: ["image"],
      kernel,
      bias: null,
      strides: [1, 1],
      dilations: [1, 1],
      padding: { top: 2, bottom: 2, left: 2, right: 2 },
      groups: 1,
      activation: "relu",
    });
    const graph = builder.finish("conv");
    const elements = 150 * 151 * 4;
    const images = new Float32Array(4 * elements).fill(0.5);
    // One pixel whose whole sum only its own position shows.
    images.fill(9, 2 * elements + 40_000, 2 * elements + 40_004);
    const start = performance.now();
    const { conv } = await measured(graph, images, 4);
    expect(performance.now() - start).toBeLessThan(20_000);
    // 50 terms of 0.5 before the first of −1: every inner position reaches 25 on its way to 0.
    expect(conv?.runningSum?.max).toBeGreaterThanOrEqual(25);
    expect(conv?.sum?.max).toBeCloseTo(34, 3);
    expect(conv?.runningSum?.max).toBeGreaterThanOrEqual(conv?.sum?.max ?? 0);
    expect(conv?.min).toBe(0);
    expect(conv?.biasedSum?.min).toBeLessThan(-8);
  });
});
