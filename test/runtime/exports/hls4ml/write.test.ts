/** What export --to hls4ml writes, and what it says where hls4ml cannot compute the same words. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { prepareGraph } from "../../../../compiler/compile.ts";
import type { Graph } from "../../../../compiler/graph/graph.ts";
import type { AssignmentSpecification, LayerEntry } from "../../../../compiler/quantization/specification.ts";
import { DiagnosticError } from "../../../../isa/diagnostic.ts";
import { exportAssignment, exportSubject } from "../../../../runtime/exports/index.ts";
import { openModel } from "../../../../runtime/model.ts";
import { denseNetwork, readFor, valuesOf } from "./dense.ts";

function written(graph: Graph, assignment: AssignmentSpecification): string {
  const lowerable = prepareGraph(graph);
  const subject = exportSubject({ model: "m", lowerable, assignment, where: "test" });
  return String(exportAssignment("hls4ml", subject, lowerable, graph));
}

function reasons(graph: Graph, assignment: AssignmentSpecification): readonly string[] {
  try {
    written(graph, assignment);
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return error.diagnostics.map(({ code, where, what }) => `${code} ${where}: ${what}`);
  }
  return [];
}

const WORD = { datapath: "intrinsic", format: "12,6", rounding: "nearest-up", overflow: "saturate" } as const;

describe("a configuration for hls4ml", () => {
  it("has the input's type and the activation's, with their modes: 3 and 63/32", () => {
    const graph = denseNetwork([2, 2], 0, "relu");
    const assignment: AssignmentSpecification = {
      default: WORD,
      layers: { fc: { input: { format: "7,6", rounding: "nearest-up", overflow: "saturate" } } },
    };
    const configuration = parse(written(graph, assignment));
    expect(configuration.LayerName).toEqual({
      fc_input: { Precision: { result: "fixed<7,1,RND,SAT>" } },
      fc: {
        Precision: {
          weight: "fixed<12,6,RND,SAT>",
          bias: "fixed<12,6,RND,SAT>",
          accum: "fixed<12,6,RND,SAT>",
          result: "fixed<12,6,RND,SAT>",
        },
      },
      fc_relu: { Precision: { result: "fixed<12,6,RND,SAT>" } },
    });
    expect(configuration.Model.Precision.default).toBe("fixed<7,1,RND,SAT>");
    const images = [
      [0.75, 0.75],
      [1.5, 0],
    ];
    for (const values of valuesOf(graph, readFor(graph, configuration).assignment, images)) {
      expect(values).toEqual([3, 1.96875]);
    }
  });

  it("of LeNet names every layer of hls4ml, flatten and linear ones among them", async () => {
    const { graph } = await openModel("lenet5");
    const assignment = { default: { ...WORD, biasOrder: "first" } } as const;
    const { LayerName } = parse(written(graph, assignment));
    expect(Object.keys(LayerName)).toEqual([
      "conv1_input",
      ...["conv1", "conv1_linear", "pool1", "conv2", "conv2_linear", "pool2", "flatten", "fc1", "fc1_relu", "fc2"],
    ]);
    expect(LayerName.pool1).toEqual({ Precision: { accum: "fixed<12,6,RND,SAT>", result: "fixed<12,6,RND,SAT>" } });
  });

  it("writes a sum register as the layer's own result", () => {
    const fc: LayerEntry = { ...WORD, biasOrder: "first", sum: "6,3", output: "9,4" };
    const of = (activation: "none" | "relu") =>
      parse(written(denseNetwork([1, 1], 0.5, activation), { layers: { fc } })).LayerName;
    expect(of("relu")).toMatchObject({
      fc: { Precision: { result: "fixed<6,3,RND,SAT>" } },
      fc_relu: { Precision: { result: "fixed<9,5,RND,SAT>" } },
    });
    expect(of("none")).toMatchObject({ fc_linear: { Precision: { result: "fixed<9,5,RND,SAT>" } } });
  });

  it("names a rounding by chance of the words that the order of a sum would hang on", () => {
    const bias = { format: "4,1", rounding: "stochastic" } as const;
    const found = reasons(denseNetwork([1, 1], 0.3), { layers: { fc: { ...WORD, accumulator: "4,1", bias } } });
    expect(found.join()).toContain("no rounding stochastic");
  });

  it.each<[string, LayerEntry, string]>([
    [
      "a product that is not the accumulator's",
      { biasOrder: "first", product: "14,8" },
      "casts every product to accum",
    ],
    ["a bias that comes last", {}, "starts with the bias"],
    ["a rounding it lacks", { biasOrder: "first", output: { format: "8,4", rounding: "odd" } }, "no rounding odd"],
    [
      "an overflow it lacks",
      { biasOrder: "first", output: { format: "8,4", overflow: "wrap-sign-magnitude", dialect: "ap" } },
      "no overflow wrap-sign-magnitude",
    ],
    [
      "weights that go through a quantizer",
      { biasOrder: "first", weight: { format: "12,6", quantizer: "ternary" } },
      "ternary",
    ],
  ])("refuses %s", (_name, fields, reason) => {
    const found = reasons(denseNetwork([1, 1], 0.5), { layers: { fc: { ...WORD, ...fields } } });
    expect(found.join("\n")).toContain(reason);
    expect(found).toHaveLength(1);
  });

  it("takes a bias that comes last where its order changes nothing", () => {
    const late = (bias: number, entry: LayerEntry): readonly string[] =>
      reasons(denseNetwork([1, 1], bias), { layers: { fc: { ...WORD, ...entry } } });
    expect(late(0, {})).toEqual([]);
    expect(late(0.5, { product: "20,6", accumulator: "20,6", input: "8,4" })).toEqual([]);
    const wrapping = { format: "8,6", overflow: "wrap" } as const;
    expect(late(0.5, { product: wrapping, accumulator: wrapping })).toEqual([]);
  });

  it("refuses a layer that rounds its input once more", () => {
    const first = denseNetwork([1, 1], 0);
    const [fc] = first.nodes;
    if (fc?.op !== "dense") throw new Error("no dense layer");
    const kernel = { shape: [1, 1], data: Float32Array.of(1) };
    const graph: Graph = {
      ...first,
      nodes: [fc, { ...fc, name: "fd", inputs: ["fc"], kernel, bias: null }],
      output: "fd",
    };
    const assignment = { default: WORD, layers: { fd: { input: "8,4" } } } as const;
    expect(reasons(graph, assignment).join()).toMatch(/layer "fd": its input register rounds or clips once more/);
    expect(reasons(graph, { default: WORD })).toEqual([]);
  });
});
