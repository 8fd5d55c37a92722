/** Quotients, maxima and minima of values that the network computes. */
import fc from "fast-check";
import { describe, it } from "vitest";
import { legalise } from "../../../compiler/legalisation/index.ts";
import type { AnyTensor } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { expectNetwork, interpreted, storedElements } from "./compare.ts";
import { Draw } from "./random-network.ts";
import { float, model, scalar, type WrittenNode } from "./small-models.ts";

const SHAPE = [1, 3, 4, 2];

/** One number per channel from 0.3 to 0.9, out of the image itself. */
const gate: readonly WrittenNode[] = [
  { name: "mean", operator: "GlobalAveragePool", inputs: ["x"] },
  { name: "gate", operator: "Sigmoid", inputs: ["mean'"] },
];
const positive: WrittenNode = { name: "positive", operator: "Sigmoid", inputs: ["x"] };

function agree(nodes: readonly WrittenNode[], constants: Readonly<Record<string, AnyTensor>>, seed: number): void {
  const graph = model(SHAPE, constants, nodes);
  const { graph: network } = legalise(graph, { where: "m.onnx" });
  const data = new Draw(seed).numbers(24);
  // The output as the model has it: [1, channels, rows, columns] of an image stored with channels innermost.
  const expected = interpreted(graph, data);
  const moved = Array.from({ length: expected.length }, (_, index) => {
    const [position, channel] = [Math.floor(index / 3), index % 3];
    return Number(expected[channel * (expected.length / 3) + position]);
  });
  expectNetwork(network, storedElements(network, data), moved);
}

const seeds = fc.nat(999);

describe("operands that the network computes", () => {
  it.each<[string, readonly WrittenNode[], Readonly<Record<string, AnyTensor>>]>([
    ["a value by a value", [positive, { name: "y", operator: "Div", inputs: ["x", "positive'"] }], {}],
    ["a value by one number per channel", [...gate, { name: "y", operator: "Div", inputs: ["x", "gate'"] }], {}],
    [
      "one number per channel by a value",
      [...gate, positive, { name: "y", operator: "Div", inputs: ["gate'", "positive'"] }],
      {},
    ],
    [
      "a constant by a value",
      [positive, { name: "y", operator: "Div", inputs: ["c", "positive'"] }],
      { c: float([3, 1, 1], [1, -2, 0.5]) },
    ],
    ["a number by a value", [positive, { name: "y", operator: "Div", inputs: ["c", "positive'"] }], { c: scalar(3) }],
  ])("Div: %s", (_name, nodes, constants) => {
    fc.assert(
      fc.property(seeds, (seed) => agree(nodes, constants, seed)),
      { numRuns: 10 },
    );
  });

  it.each(["Max", "Min"])("%s of two and three values, of one per channel, and of values and constants", (operator) => {
    const cases: readonly (readonly string[])[] = [
      ["x", "positive'"],
      ["gate'", "x"],
      ["x", "positive'", "gate'"],
      ["x", "c", "positive'"],
    ];
    fc.assert(
      fc.property(seeds, fc.constantFrom(...cases), (seed, inputs) => {
        agree([...gate, positive, { name: "y", operator, inputs }], { c: scalar(0.4) }, seed);
      }),
      { numRuns: 30 },
    );
  });
});
