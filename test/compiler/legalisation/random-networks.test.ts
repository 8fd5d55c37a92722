import fc from "fast-check";
import { describe, it } from "vitest";
import { legalise } from "../../../compiler/legalisation/index.ts";
import { prepareGraph } from "../../../compiler/prepare-graph.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { TensorGraph, TensorNode } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { expectNetwork, interpreted, storedElements } from "./compare.ts";
import { Draw, randomNetwork } from "./random-network.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 2000 : 300;

describe("a legalised network computes what the interpreter of the tensor graph computes", () => {
  it("for random graphs of up to six operators, before and after the passes", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 6 }), (seed, steps) => {
        const tensorGraph = randomNetwork(seed, steps);
        const shape = tensorGraph.inputs[0]?.shape as readonly number[];
        const data = new Draw(seed ^ 0x5bd1e995).numbers(shape.reduce((a, b) => a * b, 1)).map(Math.fround);
        const expected = interpreted(tensorGraph, data);
        const { graph } = legalise(tensorGraph, { where: "random.onnx" });
        const image = storedElements(graph, data);
        expectNetwork(graph, image, expected);
        // A softmax inside the network has no place on the machine.
        if (graph.nodes.some(({ op, name }) => op === "softmax" && name !== graph.output)) return;
        expectNetwork(prepareGraph(graph), image, expected);
      }),
      { numRuns: RUNS },
    );
  });

  it("or a damaged one is refused with a diagnostic", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 4 }), (seed, steps) => {
        const tensorGraph = damaged(randomNetwork(seed, steps), new Draw(seed + 1));
        try {
          legalise(tensorGraph, { where: "random.onnx" });
        } catch (error) {
          if (!(error instanceof DiagnosticError)) throw error;
        }
      }),
      { numRuns: 2 * RUNS },
    );
  });
});

/** The graph with a number of one attribute, a constant or the input's shape changed, or an input exchanged. */
function damaged(graph: TensorGraph, draw: Draw): TensorGraph {
  const number = (): number => draw.pick([0, -1, 1, 2, 3, 5, 7, -3, 1000, 2 ** 31, -(2 ** 40)]);
  const nodes = [...graph.nodes];
  const place = draw.int(0, nodes.length - 1);
  const node = nodes[place] as TensorNode;
  const changed = (values: readonly number[]): number[] =>
    draw.chance(0.2) ? [...values, number()] : values.map((value) => (draw.chance(0.5) ? number() : value));
  switch (draw.int(0, 3)) {
    case 0: {
      const attributes = Object.entries(node.attributes).map(([key, value]) => {
        if (typeof value === "number") return [key, draw.chance(0.5) ? number() : value];
        return [key, Array.isArray(value) ? changed(value as readonly number[]) : value];
      });
      nodes[place] = { ...node, attributes: Object.fromEntries(attributes) };
      return { ...graph, nodes };
    }
    case 1: {
      const constants = new Map(graph.constants);
      const [name = "", tensor] = draw.pick([...constants, ["", undefined] as const]);
      if (tensor === undefined) return graph;
      const values = changed(Array.from(tensor.data as ArrayLike<number | bigint>, Number));
      const shape = draw.chance(0.5) ? [values.length] : [1, values.length];
      constants.set(name, tensorFrom(tensor.type === "int64" ? "int64" : "float32", shape, values));
      return { ...graph, constants };
    }
    case 2: {
      const [input] = graph.inputs;
      const shape = changed((input?.shape ?? []) as readonly number[]).map((size) => Math.min(Math.max(size, 0), 50));
      return { ...graph, inputs: [{ name: "x", type: draw.pick(["float32", "int64"] as const), shape }] };
    }
    default: {
      const inputs = node.inputs.map((input) =>
        draw.chance(0.5) ? draw.pick(["", "x", ...graph.constants.keys()]) : input,
      );
      nodes[place] = { ...node, inputs: draw.chance(0.3) ? inputs.slice(1) : inputs };
      return { ...graph, nodes };
    }
  }
}
