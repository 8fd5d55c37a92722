/** A small file that asks for huge work is answered within a moment, with the limit and the option that raises it. */
import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { GraphBuilder } from "../../compiler/graph/builder.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import { NETWORKS } from "../../compiler/networks/index.ts";
import { DEFAULT_LIMITS, requireSizes } from "../../compiler/size-limits.ts";
import { DEFAULT_MACHINE } from "../../isa/machine.ts";

const NONE = { top: 0, bottom: 0, left: 0, right: 0 };

function pooled(side: number): Graph {
  const builder = new GraphBuilder("huge", { name: "x", shape: [side, side, 100] }, "huge.onnx");
  const pool = builder.add({
    op: "pool",
    name: "pool",
    inputs: ["x"],
    kind: "maximum",
    kernel: [1, 1],
    strides: [1, 1],
    padding: NONE,
    countPadding: false,
  });
  return builder.finish(pool);
}

function compiled(graph: Graph, options: Partial<Parameters<typeof compile>[1]> = {}) {
  const assignment = { default: { datapath: "wide", format: "8,4" } } as const;
  return compile(graph, { machine: DEFAULT_MACHINE, assignment, seed: 1, modelName: "huge.onnx", ...options });
}

describe("limits of size", () => {
  it("name every value beyond them and the option", () => {
    expect(() => compiled(pooled(1000))).toThrow(
      /"pool": \[1000, 1000, 100\] has 100000000 words, more than the limit of 67108864; if that is meant, raise it: --limit-words/,
    );
  });

  it("count the steps of windows and sums", () => {
    const graph = pooled(20);
    const [pool] = graph.nodes;
    if (pool?.op !== "pool") throw new Error("no pool");
    const wide: Graph = { ...graph, nodes: [{ ...pool, kernel: [1_000_000, 1_000_000], shape: [20, 20, 100] }] };
    expect(() => requireSizes(wide, DEFAULT_LIMITS, "huge.onnx")).toThrow("--limit-macs");
  });

  it("are raised and lowered by the caller", () => {
    expect(compiled(pooled(20)).program.layers).toHaveLength(1);
    expect(() => compiled(pooled(20), { limits: { ...DEFAULT_LIMITS, words: 39_999 } })).toThrow("--limit-words");
    expect(() => compiled(pooled(20), { limits: { ...DEFAULT_LIMITS, instructions: 5 } })).toThrow(
      "--limit-instructions",
    );
  });

  it.each(["resnet152", "inception_v3", "alexnet"] as const)("leave room for %s", (name) => {
    requireSizes(NETWORKS[name](1), DEFAULT_LIMITS, name);
  });
});
