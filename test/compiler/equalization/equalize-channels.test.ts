/** A network with scaled channels computes what it computed before, to the last bit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { channelRoutes } from "../../../compiler/equalization/channel-routes.ts";
import { equalizeChannels } from "../../../compiler/equalization/equalize-channels.ts";
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import type { ElementFunction } from "../../../compiler/graph/element-function.ts";
import type { Graph, GraphNode } from "../../../compiler/graph/graph.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { equalizedGraph, prepareGraph } from "../../../compiler/prepare-graph.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import { register } from "../../../isa/numerics/register.ts";
import { graphWithInput, randomFloats } from "../../arbitraries/graph.ts";
import { evaluateAllValues, evaluateGraph } from "../../oracles/graph-float.ts";

/** One of −7 … 7 for each channel, drawn from a number. */
function exponentsOf(channels: number, seed: number): number[] {
  return Array.from({ length: channels }, (_, channel) => ((seed + 31 * channel * channel + 7 * channel) % 15) - 7);
}

describe("equalizeChannels", () => {
  it("leaves every output as it is, and makes the channels of the layer 2^e times what they were", () => {
    const seen = new Map<string, number>();
    const count = (what: string): unknown => seen.set(what, (seen.get(what) ?? 0) + 1);
    fc.assert(
      fc.property(graphWithInput({ stage: "lowerable" }), fc.nat(1000), ({ graph, input }, seed) => {
        const routes = channelRoutes(graph);
        const exponents = Object.fromEntries(
          routes.map(({ layer, channels }, index) => [layer, exponentsOf(channels, seed + index)]),
        );
        const after = equalizeChannels(graph, exponents);
        expect(verifyGraph(after, "after the pass")).toEqual([]);
        expect(evaluateGraph(after, input)).toEqual(evaluateGraph(graph, input));
        const [before, behind] = [evaluateAllValues(graph, input), evaluateAllValues(after, input)];
        const ops = new Map(graph.nodes.map((node) => [node.name, node.op]));
        for (const { layer, channels, ends, through } of routes) {
          const list = exponents[layer] ?? [];
          const scaled = before.get(layer)?.data.map((value, index) => value * 2 ** (list[index % channels] ?? 0));
          expect(behind.get(layer)?.data).toEqual(scaled);
          for (const end of ends) count(`to ${ops.get(end.layer)}`);
          for (const name of through) count(`through ${ops.get(name)}`);
        }
      }),
      { numRuns: process.env.MACROSCOPE_LONG === "1" ? 50_000 : 5000 },
    );
    const ways = ["reshape", "activation", "pool", "pad", "resize"];
    for (const way of [...ways.map((op) => `through ${op}`), "to conv2d", "to dense", "to convTranspose2d"]) {
      expect(seen.get(way) ?? 0, way).toBeGreaterThan(0);
    }
  });

  it.each<ElementFunction>([{ kind: "leakyRelu", slope: 0.3 }, { kind: "leakyRelu", slope: -2 }, { kind: "abs" }])(
    "goes through $kind",
    (definition) => {
      const shape = [2, 2, 3];
      const graph = pair({
        between: (input) => ({ op: "function", name: "f", inputs: [input], shape, function: definition }),
      });
      const after = equalizeChannels(graph, { first: [5, -3, 0] });
      const input = randomFloats(12, 7, -1, 1);
      expect(evaluateGraph(after, input)).toEqual(evaluateGraph(graph, input));
      expect(after).not.toEqual(graph);
    },
  );

  it.each(["as stored", "channels-first"] as const)("goes through a join into dense layers, %s", (inputOrder) => {
    const builder = new GraphBuilder("joined", { name: "image", shape: [2, 2, 3] }, "test");
    const halves = ["a", "b"].map((name) => builder.add(layer(name, "image")));
    const pool = { kernel: [1, 2], strides: [1, 1], padding: PLAIN.padding, countPadding: false } as const;
    const pools = halves.map((input) =>
      builder.add({ op: "pool", name: `${input}/pool`, inputs: [input], kind: "average", ...pool }),
    );
    let joined = builder.add({ op: "concatenate", name: "joined", inputs: pools });
    if (inputOrder === "as stored")
      joined = builder.add({ op: "reshape", name: "flat", inputs: [joined], shape: [12] });
    const kernel = { shape: [12, 2], data: randomFloats(24, 3, -1, 1) };
    builder.add({ op: "dense", name: "fc", inputs: [joined], kernel, bias: null, inputOrder, activation: "none" });
    const graph = builder.finish("fc");
    expect(channelRoutes(graph).map(({ layer: name, ends }) => [name, ends])).toEqual([
      ["a", [{ layer: "fc", offset: 0, channels: 6 }]],
      ["b", [{ layer: "fc", offset: 3, channels: 6 }]],
    ]);
    const input = randomFloats(12, 8, -1, 1);
    const after = equalizeChannels(graph, { a: [4, 0, -2], b: [1, -6, 3] });
    expect(evaluateGraph(after, input)).toEqual(evaluateGraph(graph, input));
  });

  it("changes nothing where every exponent is 0", () => {
    const graph = pair({});
    expect(equalizeChannels(graph, { first: [0, 0, 0] })).toBe(graph);
    expect(equalizeChannels(graph, {})).toBe(graph);
  });

  it.each([
    ["first", [1, 2], /equalize: first: 2 exponents for 3 output channels; give one for each/],
    ["second", [1, 2, 3], /equalize: second: no factor of its channels .*; layers that can be: first/],
    ["frist", [1], /equalize: frist: no layer bears that name; did you mean first/],
  ])("refuses a list for %s that is not one of its channels' exponents", (layer, list, message) => {
    const attempt = (): Graph => equalizeChannels(pair({}), { [layer]: list }, "file");
    expect(attempt).toThrow(DiagnosticError);
    expect(attempt).toThrow(message);
  });
});

const PLAIN = {
  strides: [1, 1],
  dilations: [1, 1],
  padding: { top: 0, bottom: 0, left: 0, right: 0 },
  groups: 1,
} as const;

const layer = (name: string, input: string) =>
  ({
    ...PLAIN,
    op: "conv2d",
    name,
    inputs: [input],
    kernel: { shape: [1, 1, 3, 3], data: Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]) },
    bias: null,
    activation: "none",
  }) as const;

/** Two 1 × 1 convolutions, the first as `own` has it, with something between them and something else that reads the first. */
function pair({
  own = {},
  between,
  beside,
}: {
  readonly own?: object;
  readonly between?: (input: string) => GraphNode;
  readonly beside?: (input: string) => GraphNode;
}): Graph {
  const builder = new GraphBuilder("pair", { name: "image", shape: [2, 2, 3] }, "test");
  const first = builder.add({ ...layer("first", "image"), ...own });
  const second = builder.add(layer("second", between === undefined ? first : builder.add(between(first))));
  if (beside === undefined) return builder.finish(second);
  return builder.finish(
    builder.add({ op: "add", name: "sum", inputs: [second, builder.add(beside(first))], activation: "none" }),
  );
}

describe("channels that stay as they are", () => {
  const shape = [2, 2, 3];
  const word = register({ wordLength: 8, fractionLength: 4, signed: true });
  const activation = (kind: "relu" | "relu6") => (input: string) =>
    ({ op: "activation", name: "between", inputs: [input], shape, activation: kind }) as const;

  it.each<[string, Graph]>([
    ["of ReLU6", pair({ own: { activation: "relu6" } })],
    ["before ReLU6", pair({ between: activation("relu6") })],
    [
      "before a sigmoid",
      pair({
        between: (input) => ({ op: "function", name: "f", inputs: [input], shape, function: { kind: "sigmoid" } }),
      }),
    ],
    [
      "before a quantizer of the model",
      pair({
        between: (input) => ({ op: "quantize", name: "q", inputs: [input], shape, register: word, isLayer: true }),
      }),
    ],
    ["that a sum reads too", pair({ beside: activation("relu") })],
    ["of weights that the model keeps in a register", pair({ own: { registers: { weight: word } } })],
  ])("are those %s", (_name, graph) => {
    expect(channelRoutes(graph)).toEqual([]);
  });

  it("are not those of ReLU", () => {
    const end = { layer: "second", offset: 0, channels: 3 };
    const route = { layer: "first", channels: 3, ends: [end] };
    expect(channelRoutes(pair({ own: { activation: "relu" } }))).toEqual([{ ...route, through: [] }]);
    expect(channelRoutes(pair({ between: activation("relu") }))).toEqual([{ ...route, through: ["between"] }]);
  });
});

describe("compile with exponents in the assignment", () => {
  it("makes the program of the scaled network, once", () => {
    const equalize = { first: [3, 0, -2] };
    const assignment = { default: { datapath: "wide", format: "12,4" } };
    const options = { machine: DEFAULT_MACHINE, seed: 1 };
    const graph = pair({ own: { activation: "relu" } });
    const expected = compile(equalizeChannels(graph, equalize), { ...options, assignment }).program;
    const both = { ...assignment, equalize };
    expect(compile(graph, { ...options, assignment: both }).program).toEqual(expected);
    const scaled = equalizedGraph(prepareGraph(graph), equalize);
    expect(compile(scaled, { ...options, assignment: both }).program).toEqual(expected);
    expect(compile(graph, { ...options, assignment }).program).not.toEqual(expected);
  });
});
