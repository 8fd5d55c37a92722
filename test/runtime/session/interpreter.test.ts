/** The float interpreter computes what the graph means, as nested loops in float64 define it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { loadTensorFlow } from "../../../runtime/float-reference/backend.ts";
import { CalibrationTally } from "../../../runtime/float-reference/calibration.ts";
import { FloatNetwork } from "../../../runtime/float-reference/interpreter.ts";
import { openFloatReference } from "../../../runtime/session/float.ts";
import { graphWithInput, randomFloats } from "../../arbitraries/graph.ts";
import { evaluateAllValues, evaluateGraph } from "../../oracles/graph-float.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 1500 : 150;
const { tf } = await loadTensorFlow();

/** Several images: the drawn one, and others. */
function imagesFor(graph: Graph, first: Float32Array, count: number): Float32Array {
  const elements = graph.input.shape.reduce((a, b) => a * b, 1);
  const images = randomFloats(count * elements, 7, -1, 1);
  images.set(first);
  return images;
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[], what: string): void {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  const worst = Math.max(0, ...expected.map((value, index) => Math.abs((actual[index] ?? Number.NaN) - value)));
  expect(worst / scale, what).toBeLessThan(1e-4);
}

describe("the float interpreter", () => {
  it("equals the oracle on random graphs, images in batches, and every value on the way", async () => {
    await fc.assert(
      fc.asyncProperty(graphWithInput(), fc.constantFrom(1, 3), async ({ graph, input }, count) => {
        const images = imagesFor(graph, input, count);
        const network = new FloatNetwork(tf, graph);
        const seen = new Map<string, Float32Array>();
        const outputs = await network.run(images, count, (name, values) => {
          seen.set(name, Float32Array.from(values));
          return undefined;
        });
        network.dispose();
        const elements = images.length / count;
        for (let image = 0; image < count; image++) {
          const values = evaluateAllValues(graph, images.subarray(image * elements, (image + 1) * elements));
          expect([...seen.keys()].sort()).toEqual([...values.keys()].sort());
          for (const [name, { data }] of values) {
            const own = seen.get(name)?.subarray(image * data.length, (image + 1) * data.length) ?? [];
            expectClose(own, data, `${name} of image ${image}`);
          }
          const output = values.get(graph.output)?.data ?? [];
          expectClose(outputs.subarray(image * output.length, (image + 1) * output.length), output, "output");
        }
      }),
      { numRuns: RUNS, seed: 11 },
    );
  });

  it("spreads 130 images over batches in order", async () => {
    const [{ graph, input } = { graph: undefined, input: undefined }] = fc.sample(graphWithInput(), {
      numRuns: 1,
      seed: 3,
    });
    if (graph === undefined || input === undefined) throw new Error("no graph");
    const images = imagesFor(graph, input, 130);
    const heard: number[] = [];
    const network = new FloatNetwork(tf, graph);
    const outputs = await network.run(images, 130, undefined, (done) => heard.push(done));
    network.dispose();
    expect(heard).toEqual([64, 128, 130]);
    const elements = images.length / 130;
    const size = outputs.length / 130;
    for (const image of [0, 63, 64, 127, 128, 129]) {
      const { data } = evaluateGraph(graph, images.subarray(image * elements, (image + 1) * elements));
      expectClose(outputs.subarray(image * size, (image + 1) * size), data, `image ${image}`);
    }
  });

  it("leaves no tensor behind", async () => {
    const before = tf.memory().numTensors;
    for (const { graph, input } of fc.sample(graphWithInput(), { numRuns: 30, seed: 5 })) {
      const network = new FloatNetwork(tf, graph);
      await network.run(input, 1, (_name, values) => Float32Array.from(values));
      network.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it("no images give no values", async () => {
    const [drawn] = fc.sample(graphWithInput(), { numRuns: 1, seed: 8 });
    if (drawn === undefined) throw new Error("no graph");
    expect(await new FloatNetwork(tf, drawn.graph).run(new Float32Array(0), 0)).toHaveLength(0);
  });

  it("the session's reference ends before a closing softmax", async () => {
    const drawn = fc.sample(graphWithInput(), { numRuns: 60, seed: 21 });
    const closed = drawn.filter(({ graph }) => graph.nodes.at(-1)?.op === "softmax");
    expect(closed.length).toBeGreaterThan(5);
    for (const { graph, input } of closed.slice(0, 6)) {
      const { network } = await openFloatReference(graph);
      const before = graph.nodes.at(-1)?.inputs[0] ?? "";
      expectClose(await network.run(input, 1), [...(evaluateAllValues(graph, input).get(before)?.data ?? [])], before);
      network.dispose();
    }
  });
});

describe("calibration", () => {
  it("gives least and largest value of every node over all images", async () => {
    await fc.assert(
      fc.asyncProperty(graphWithInput({ stage: "lowerable" }), async ({ graph, input }) => {
        const images = imagesFor(graph, input, 3);
        const network = new FloatNetwork(tf, graph);
        const tally = new CalibrationTally(network, 3);
        await tally.add(images.subarray(0, images.length / 3), 0, 1);
        await tally.add(images.subarray(images.length / 3), 1, 2);
        const ranges = tally.ranges();
        network.dispose();
        const elements = images.length / 3;
        const all = [0, 1, 2].map((image) =>
          evaluateAllValues(graph, images.subarray(image * elements, (image + 1) * elements)),
        );
        for (const name of [graph.input.name, ...graph.nodes.map((node) => node.name)]) {
          const values = all.flatMap((each) => [...(each.get(name)?.data ?? [])]);
          const { min, max } = ranges[name] ?? { min: Number.NaN, max: Number.NaN };
          expectClose([min, max], [Math.min(...values), Math.max(...values)], name);
        }
      }),
      { numRuns: 40, seed: 2 },
    );
  });
});
