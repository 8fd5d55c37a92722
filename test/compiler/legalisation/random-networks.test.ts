import fc from "fast-check";
import { describe, it } from "vitest";
import { legalise } from "../../../compiler/legalisation/index.ts";
import { prepareGraph } from "../../../compiler/prepare-graph.ts";
import { channelsLastElements, expectNetwork, interpreted } from "./compare.ts";
import { Draw, randomNetwork } from "./random-network.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 4000 : 300;

describe("a legalised network computes what the interpreter of the tensor graph computes", () => {
  it("for random graphs of up to six operators, before and after the passes", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 6 }), (seed, steps) => {
        const tensorGraph = randomNetwork(seed, steps);
        const shape = tensorGraph.inputs[0]?.shape as readonly number[];
        const data = new Draw(seed ^ 0x5bd1e995).numbers(shape.reduce((a, b) => a * b, 1)).map(Math.fround);
        const expected = interpreted(tensorGraph, data);
        const { graph } = legalise(tensorGraph, { where: "random.onnx" });
        const image = channelsLastElements(shape, data);
        expectNetwork(graph, image, expected);
        // A softmax inside the network has no place on the machine.
        if (graph.nodes.some(({ op, name }) => op === "softmax" && name !== graph.output)) return;
        expectNetwork(prepareGraph(graph), image, expected);
      }),
      { numRuns: RUNS },
    );
  });
});
