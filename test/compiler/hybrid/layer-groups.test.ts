import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../../compiler/graph/graph.ts";
import {
  layerComputations,
  layerNames,
  soleComputation,
  specificationFor,
} from "../../../compiler/hybrid/layer-computation.ts";
import { layerGroups } from "../../../compiler/hybrid/layer-groups.ts";
import { prepareGraph } from "../../../compiler/prepare-graph.ts";
import { graphWithInput } from "../../arbitraries/graph.ts";
import { convolution, dense, maximumPool, network } from "../compile/networks.ts";

/** Two convolutions of a pool, joined, flattened, and a dense layer. */
const MODULE: Graph = prepareGraph(
  network(
    [4, 4, 2],
    convolution("stem", "image", [1, 1, 2, 2]),
    maximumPool("pool", "stem", 2),
    convolution("a", "pool", [1, 1, 2, 3]),
    convolution("b", "pool", [1, 1, 2, 1]),
    { op: "concatenate", name: "joined", inputs: ["a", "b"] },
    { op: "reshape", name: "flat", inputs: ["joined"], shape: [16] },
    dense("fc", "flat", 16, 3, "none"),
  ),
);

const groupsOf = (...selected: readonly string[]): unknown =>
  layerGroups(MODULE, new Set(selected)).map(({ nodes, entries, exit }) => [
    nodes.map(({ name }) => name),
    entries,
    exit,
  ]);

describe("groups of layers", () => {
  it("a module is one program, from what it reads to what it joins", () => {
    expect(groupsOf("a", "b", "joined")).toEqual([[["a", "b", "joined", "flat"], ["pool"], "flat"]]);
  });

  it("all layers are one program", () => {
    expect(groupsOf("stem", "pool", "a", "b", "joined", "fc")).toEqual([
      [["stem", "pool", "a", "b", "joined", "flat", "fc"], ["image"], "fc"],
    ]);
  });

  it("branches without what joins them are programs of their own, and a join without its branches reads both", () => {
    expect(groupsOf("a", "b")).toEqual([
      [["a"], ["pool"], "a"],
      [["b"], ["pool"], "b"],
    ]);
    expect(groupsOf("joined", "fc")).toEqual([
      [["joined"], ["a", "b"], "joined"],
      [["flat", "fc"], ["joined"], "fc"],
    ]);
  });

  it("a value that float reads inside parts a row of layers", () => {
    expect(groupsOf("stem", "pool", "a")).toEqual([
      [["stem", "pool"], ["image"], "pool"],
      [["a"], ["pool"], "a"],
    ]);
  });

  it("on drawn graphs hold every selected layer once, with one exit, and one entry unless alone", () => {
    fc.assert(
      fc.property(graphWithInput({ stage: "lowerable", maximumSteps: 12 }), fc.nat(0xffff), ({ graph }, pick) => {
        const last = graph.nodes.at(-1);
        const bare =
          last?.op === "softmax" ? { ...graph, nodes: graph.nodes.slice(0, -1), output: last.inputs[0] ?? "" } : graph;
        const prepared = prepareGraph(bare);
        const selected = layerNames(prepared).filter((_, index) => ((pick >> (index % 16)) & 1) === 1);
        const groups = layerGroups(prepared, new Set(selected));
        const found = groups.flatMap(({ nodes }) => layerNames({ ...prepared, nodes }));
        expect(found).toEqual(selected);
        for (const { nodes, entries, exit } of groups) {
          const inside = new Set(nodes.map(({ name }) => name));
          const outside = prepared.nodes.filter(({ name }) => !inside.has(name));
          const read = new Set([prepared.output, ...outside.flatMap(({ inputs }) => inputs)]);
          expect([...inside].filter((name) => read.has(name))).toEqual([exit]);
          const reads = new Set(nodes.flatMap(({ inputs }) => inputs).filter((name) => !inside.has(name)));
          expect([...reads]).toEqual([...entries]);
          if (entries.length > 1) expect(nodes).toHaveLength(1);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("who computes a layer", () => {
  const layers = layerNames(MODULE);
  const specification = {
    default: { datapath: "extrinsic", format: "8,4" },
    layers: { a: { datapath: "wide" }, fc: { datapath: "float" } },
  };

  it("its own entry says, else the default; a layer outside the selection is float", () => {
    const all = layerComputations(layers, specification, null, "spec");
    expect([all.get("stem"), all.get("a"), all.get("fc")]).toEqual(["extrinsic", "machine", "float"]);
    const some = layerComputations(layers, specification, ["a", "fc"], "spec");
    expect([some.get("stem"), some.get("a")]).toEqual(["float", "machine"]);
  });

  it("all layers alike are told from layers of several kinds", () => {
    expect(soleComputation(layers, specification, null, "spec")).toBeNull();
    expect(soleComputation(layers, { default: {} }, null, "spec")).toBe("machine");
    expect(soleComputation(layers, { default: { datapath: "float" } }, null, "spec")).toBe("float");
    expect(soleComputation(layers, { default: {} }, ["a"], "spec")).toBeNull();
    expect(soleComputation(layers, { default: {} }, ["**"], "spec")).toBe("machine");
  });

  it("a part of a network keeps the keys that mean its layers", () => {
    const keys = { default: {}, layers: { "*": {}, a: {}, fc: {}, "po*": {} } };
    expect(Object.keys(specificationFor(keys, ["a"]).layers ?? {})).toEqual(["*", "a"]);
  });
});
