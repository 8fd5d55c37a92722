/** Quantizers that change no word vanish, wherever they stand. */
import { describe, expect, it } from "vitest";
import type { Graph, GraphNode } from "../../../compiler/graph/graph.ts";
import { simplifyQuantizers } from "../../../compiler/passes/simplify-quantizers.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";

const FOUR = register({ wordLength: 4, fractionLength: 2, signed: true });
const FIVE = register({ wordLength: 5, fractionLength: 2, signed: true }, "nearest-even");
const THREE = register({ wordLength: 3, fractionLength: 1, signed: true });

/** x → quantizer of `first` → pool → quantizer of `second` → y */
function pooled(kind: "maximum" | "average", first: RegisterSpec, second: RegisterSpec): Graph {
  const shape = [4, 4, 1];
  const padding = { top: 0, bottom: 0, left: 0, right: 0 };
  const nodes: GraphNode[] = [
    { op: "quantize", name: "a", inputs: ["x"], shape, register: first, isLayer: false },
    {
      op: "pool",
      name: "pool",
      inputs: ["a"],
      shape: [2, 2, 1],
      kind,
      kernel: [2, 2],
      strides: [2, 2],
      padding,
      countPadding: false,
      requantization: null,
    },
    { op: "quantize", name: "b", inputs: ["pool"], shape: [2, 2, 1], register: second, isLayer: false },
  ];
  return { name: "pooled", input: { name: "x", shape }, nodes, output: "b" };
}

const names = (graph: Graph): readonly string[] => simplifyQuantizers(graph).nodes.map(({ name }) => name);

describe("a quantizer behind a pool", () => {
  it("vanishes where the maximum is a word of the one before", () => {
    expect(names(pooled("maximum", FOUR, FIVE))).toEqual(["a", "pool"]);
    expect(simplifyQuantizers(pooled("maximum", FOUR, FIVE)).output).toBe("pool");
  });

  it("stays where it changes words, or where means are no such words", () => {
    expect(names(pooled("maximum", FOUR, THREE))).toEqual(["a", "pool", "b"]);
    expect(names(pooled("average", FOUR, FIVE))).toEqual(["a", "pool", "b"]);
  });
});
