/** What a configuration of hls4ml means, against values of its own compiled C++ and its documented rules. */
import { describe, expect, it } from "vitest";
import { prepareGraph } from "../../../../compiler/compile.ts";
import type { Graph } from "../../../../compiler/graph/graph.ts";
import type { LayerEntry } from "../../../../compiler/quantization/specification.ts";
import { DiagnosticError } from "../../../../isa/diagnostic.ts";
import { readHls4ml } from "../../../../runtime/exports/hls4ml/read.ts";
import { denseNetwork, readFor, valuesOf } from "./dense.ts";

function computed(graph: Graph, configuration: unknown, ...images: readonly (readonly number[])[]) {
  const [reference, fast] = valuesOf(graph, readFor(graph, configuration).assignment, images);
  expect(fast).toEqual(reference);
  return reference;
}

function entryOf(graph: Graph, configuration: unknown, layer = "fc"): LayerEntry {
  return readFor(graph, configuration).assignment.layers?.[layer] ?? {};
}

function reasons(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return error.diagnostics.map(({ code, where, what, hint }) => `${code} ${where}: ${what}; ${hint}`).join("\n");
  }
  return "";
}

describe("words as hls4ml's compiled C++ gives them", () => {
  it("every product is cast to accum: 1 + even(0.5) = 1", () => {
    const configuration = {
      Model: { Precision: "fixed<8,6>", ReuseFactor: 1 },
      LayerName: { fc: { Precision: { accum: "fixed<6,6,RND_CONV,SAT>", result: "fixed<6,6>" } } },
    };
    expect(computed(denseNetwork([1, 1], 0), configuration, [1, 0.5])).toEqual([1]);
  });

  it("the accumulator starts with the bias: −1 + 1 + 1 = 1 where 1 + 1 saturates at 1.5", () => {
    const configuration = {
      Model: { Precision: "fixed<8,6>", ReuseFactor: 1 },
      LayerName: { fc: { Precision: { accum: "fixed<3,2,TRN,SAT>", result: "fixed<6,4>" } } },
    };
    expect(computed(denseNetwork([1, 1], -1), configuration, [1, 1])).toEqual([1]);
  });

  it("a variable of the model has its own type: a weight of 1.25 becomes 1", () => {
    const configuration = { Model: { Precision: { default: "fixed<16,6>", weight: "fixed<4,3>" }, ReuseFactor: 1 } };
    expect(computed(denseNetwork([1.25], 0), configuration, [1])).toEqual([1]);
  });

  it("auto for a layer infers accum and result from the types: 1.5 + 1.5 = 3 under fixed<4,2>", () => {
    const configuration = {
      Model: { Precision: "fixed<4,2>", ReuseFactor: 1 },
      LayerName: { fc: { Precision: "auto" } },
    };
    const graph = denseNetwork([1, 1], 0);
    expect(computed(graph, configuration, [1.5, 1.5])).toEqual([3]);
    // fixed<10,6>: 4 + 4 bits, one for two terms, one for the bias.
    expect(entryOf(graph, configuration)).toMatchObject({ accumulator: { format: "10,4" }, weight: { format: "4,2" } });
  });

  it("a file as hls4ml writes it: entries for the input and the activation are the input and the output register", () => {
    const configuration = {
      Model: { Precision: "fixed<16,6>", ReuseFactor: 1 },
      LayerName: {
        fc_input: { Precision: { result: "fixed<16,6>" } },
        fc: {
          Precision: { weight: "fixed<6,1>", bias: "fixed<6,1>", accum: "fixed<16,6>", result: "fixed<16,6>" },
          ReuseFactor: 1,
          Trace: false,
        },
        fc_relu: { Precision: { result: "fixed<7,1,RND_CONV,SAT>", table: "fixed<18,8>" } },
      },
    };
    const entry = entryOf(denseNetwork([0.5, -0.5], 0.25, "relu"), configuration);
    expect(entry).toMatchObject({
      input: { format: "16,10", rounding: "down", overflow: "wrap", dialect: "ap" },
      weight: { format: "6,5" },
      product: { format: "16,10", rounding: "down" },
      accumulator: { format: "16,10" },
      biasOrder: "first",
      output: { format: "7,6", rounding: "nearest-even", overflow: "saturate", dialect: "ap" },
    });
    expect(entry.sum).toBeUndefined();
  });
});

describe("a configuration of hls4ml", () => {
  const graph = denseNetwork([1, 1], 0.5, "relu");

  it("casts a sum to the layer's result before the activation, which is a sum register here", () => {
    const configuration = {
      Model: { Precision: "fixed<16,6>" },
      LayerName: { fc: { Precision: { result: "fixed<4,2>" } }, fc_relu: { Precision: "fixed<12,6>" } },
    };
    expect(entryOf(graph, configuration)).toMatchObject({ sum: { format: "4,2" }, output: { format: "12,6" } });
    // 2.5 + 0.5 = 3 wraps to −1, then relu.
    expect(computed(graph, configuration, [1, 1.5], [0.5, 0])).toEqual([0, 1]);
  });

  it("finds a type by name, then class, then model, the variable before the default each time", () => {
    const all = {
      Model: { Precision: { default: "fixed<9,3>", bias: "fixed<8,3>", accum: "fixed<20,8>" } },
      LayerType: { Dense: { Precision: { weight: "fixed<7,3>", default: "fixed<6,3>" } } },
      LayerName: { FC: { Precision: { bias: "ap_fixed<5,3,AP_RND,AP_SAT>" } } },
    };
    expect(entryOf(graph, all)).toMatchObject({
      weight: { format: "7,4" },
      bias: { format: "5,2", rounding: "nearest-up", overflow: "saturate" },
      accumulator: { format: "6,3" },
      output: { format: "9,6" },
    });
    expect(entryOf(graph, { ...all, LayerName: { fc: { Precision: "int<4>" } } })).toMatchObject({
      weight: { format: "4,0" },
      bias: { format: "4,0" },
      accumulator: { format: "4,0" },
    });
    const own = { ...all, LayerType: undefined, LayerName: undefined };
    expect(entryOf(graph, { HLSConfig: own, OutputDir: "x" })).toMatchObject({
      weight: { format: "9,6" },
      bias: { format: "8,5" },
      accumulator: { format: "20,12" },
    });
  });

  it("cuts an inferred type to the model's maximum, width and integer bits each by itself", () => {
    const configuration = {
      Model: { Precision: { default: "fixed<16,6>", maximum: "fixed<30,7>" } },
      LayerName: { fc: { Precision: { accum: "auto" } } },
    };
    // fixed<34,14> otherwise.
    expect(entryOf(graph, configuration)).toMatchObject({ accumulator: { format: "30,23" } });
    const modes = { Precision: { default: "fixed<16,6>", maximum: "fixed<30,7,RND>" } };
    expect(reasons(() => entryOf(graph, { ...configuration, Model: modes }))).toMatch(/versions of hls4ml differ/);
  });

  it("says which entries change no word, and refuses those of layers and variables that are not there", () => {
    const linear = denseNetwork([1], 0);
    const configuration = {
      Model: { Precision: "fixed<16,6>" },
      LayerType: { Conv2D: { Precision: "fixed<3,2>" } },
      LayerName: { fc: { Precision: { result: "auto" } }, fc_linear: { Precision: "fixed<3,2>" } },
    };
    expect(readFor(linear, configuration).notes).toEqual([
      "LayerType.Conv2D: no layer of this class is in the network",
      "LayerName.fc_linear changes no word: hls4ml merges it into fc, whose result is auto",
    ]);
    const named = (LayerName: object): string => reasons(() => readFor(graph, { ...configuration, LayerName }));
    expect(named({ fc_rely: { Precision: "fixed<3,2>" } })).toMatch(/UNKNOWN_LAYER.*did you mean "fc_relu"/);
    expect(named({ fc: { Precision: { acum: "fixed<3,2>" } } })).toMatch(
      /LayerName.fc.Precision.acum.*weight, bias, accum/,
    );
    expect(named({ fc: {}, Fc: {} })).toMatch(/case of letters/);
    expect(reasons(() => readFor(graph, { Model: { Precision: "auto" } }))).toMatch(/auto for the whole model/);
    expect(reasons(() => readFor(graph, { LayerName: {} }))).toMatch(/give Model.Precision a default/);
    expect(reasons(() => readFor(graph, { Model: { Precision: "fixed<16" } }))).toMatch(/HLS4ML_TYPE/);
  });

  it("refuses another order of addition where partial sums saturate, and takes it where they wrap", () => {
    const ordered = (accum: string, more: object): string =>
      reasons(() =>
        readFor(graph, { Model: { Precision: "fixed<16,6>", ...more }, LayerName: { fc: { Precision: { accum } } } }),
      );
    const resource = { Strategy: "Resource", ReuseFactor: 2 };
    expect(ordered("fixed<16,6,TRN,SAT>", resource)).toMatch(/Strategy Resource with ReuseFactor 2 adds the products/);
    expect(ordered("fixed<16,6>", resource)).toBe("");
    expect(ordered("fixed<16,6,TRN,SAT>", { ...resource, ReuseFactor: 1 })).toBe("");
    expect(ordered("fixed<16,6,TRN,SAT>", { Strategy: "latency", ReuseFactor: 4 })).toBe("");
  });

  it("leaves auto to hls4ml where the model has quantizers of its own", () => {
    const configuration = { Model: { Precision: "fixed<16,6>" }, LayerName: { fc: { Precision: { accum: "auto" } } } };
    const network = { imported: graph, lowerable: prepareGraph(graph), prescribes: true };
    expect(reasons(() => readHls4ml(configuration, network, "c.yml"))).toMatch(
      /LayerName.fc.Precision.accum.*quantizers/,
    );
  });
});

describe("batch normalization", () => {
  const of = (data: readonly number[]) => ({ shape: [data.length], data: Float32Array.from(data) });
  const normalized: Graph = {
    ...denseNetwork([1, 1], 0.5),
    nodes: [
      ...denseNetwork([1, 1], 0.5).nodes,
      {
        op: "batchNormalization",
        name: "bn",
        inputs: ["fc"],
        shape: [1],
        gamma: of([2]),
        beta: of([0.25]),
        mean: of([0.5]),
        variance: of([1]),
        epsilon: 0,
      },
      { op: "activation", name: "act", inputs: ["bn"], shape: [1], activation: "relu" },
    ],
    output: "act",
  };
  const configuration = (result: string) => ({
    Model: { Precision: "fixed<16,6>" },
    LayerName: {
      fc: { Precision: { accum: "fixed<20,9>", result } },
      bn: { Precision: { scale: "fixed<5,3>", bias: "fixed<5,3>", result: "fixed<6,4>" } },
      act: { Precision: "ufixed<5,3,RND,SAT>" },
    },
  });

  it("is folded where the result before it is auto, and gives the layer its own result", () => {
    const entry = entryOf(normalized, configuration("auto"));
    expect(entry).toMatchObject({
      accumulator: { format: "20,11" },
      sum: { format: "6,2" },
      output: { format: "u5,2" },
    });
    expect(reasons(() => readFor(normalized, configuration("fixed<16,6>")))).toMatch(
      /only where the result of fc is auto/,
    );
  });

  it("is a layer of its own otherwise: x · scale + bias exactly, one cast", () => {
    const network = {
      imported: normalized,
      lowerable: prepareGraph(normalized, "m", "separate"),
      prescribes: false,
    };
    const { layers } = readHls4ml(configuration("fixed<10,5>"), network, "c.yml").assignment;
    expect(layers?.fc).toMatchObject({ output: { format: "10,5" } });
    expect(layers?.bn).toMatchObject({
      weight: { format: "5,2" },
      product: "exact",
      // fc_linear leaves 16,10: times 5,2 and with a bias 9 integer bits, one more for the sum, 12 of fraction.
      accumulator: { format: "22,12" },
      sum: { format: "6,2" },
      output: { format: "u5,2" },
    });
  });
});
