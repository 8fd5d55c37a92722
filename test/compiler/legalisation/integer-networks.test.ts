/** Integer networks as tools write them: the machine gives the integers of the tensor graph's interpreter. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { integerInputFormat, legalise } from "../../../compiler/legalisation/index.ts";
import type { AssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import type { TensorGraph } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { channelsLastElements, interpreted } from "./compare.ts";
import { DRAWN_INPUT, drawnModel, drawnNetworks, type Step, storedOutput } from "./drawn-integer-network.ts";
import { compiled, float, model, runOnMachine, scalar, type WrittenNode } from "./small-models.ts";

const where = "integers.onnx";
const ONE_PIXEL_ROW = [1, 1, 1, 2];

function onMachine(graph: TensorGraph, image: readonly number[], specification: AssignmentSpecification = {}) {
  return runOnMachine(compiled(legalise(graph, { where }), specification), image);
}

const shared = {
  lo: scalar(0),
  hi: scalar(255),
  w: float([1, 1, 1, 1], [1]),
  one: scalar(1, "int64"),
  three: scalar(3),
};

/** Convolution, factor, integer division and clip, as exporters write a layer. */
function layer(name: string, input: string, factor: string, divisor: string): readonly WrittenNode[] {
  return [
    { name: `${name}c`, operator: "Conv", inputs: [input, "w"] },
    { name: `${name}m`, operator: "Mul", inputs: [`${name}c'`, factor] },
    { name: `${name}i`, operator: "Cast", inputs: [`${name}m'`], attributes: { to: 7 } },
    { name: `${name}d`, operator: "Div", inputs: [`${name}i'`, divisor] },
    { name: `${name}f`, operator: "Cast", inputs: [`${name}d'`], attributes: { to: 1 } },
    { name: `${name}k`, operator: "Clip", inputs: [`${name}f'`, "lo", "hi"] },
  ];
}

describe("an integer network", () => {
  const small = { ...shared, k3: scalar(3), k2: scalar(2), d4: scalar(4, "int64"), d2: scalar(2, "int64") };

  it("divides by 2^k − 1 where the graph does, not by 2^k", () => {
    const constants = { ...shared, k: scalar(1028), d: scalar(2 ** 18 - 1, "int64") };
    const graph = model(ONE_PIXEL_ROW, constants, [
      { name: "c", operator: "Conv", inputs: ["x", "w"] },
      { name: "m", operator: "Mul", inputs: ["c'", "k"] },
      { name: "a", operator: "Add", inputs: ["m'", "three"] },
      { name: "i", operator: "Cast", inputs: ["a'"], attributes: { to: 7 } },
      { name: "q", operator: "Div", inputs: ["i'", "d"] },
      { name: "f", operator: "Cast", inputs: ["q'"], attributes: { to: 1 } },
      { name: "y", operator: "Clip", inputs: ["f'", "lo", "hi"] },
    ]);
    expect(onMachine(graph, [255, 10])).toEqual([1, 0]);
  });

  it("may have a dense layer as a product without bias", () => {
    const constants = { ...shared, v: float([4, 1], [1, 2, 3, 4]), k: float([1], [3]), d: scalar(8, "int64") };
    const graph = model([1, 4], constants, [
      { name: "s", operator: "MatMul", inputs: ["x", "v"] },
      { name: "m", operator: "Mul", inputs: ["s'", "k"] },
      { name: "i", operator: "Cast", inputs: ["m'"], attributes: { to: 7 } },
      { name: "q", operator: "Div", inputs: ["i'", "d"] },
      { name: "f", operator: "Cast", inputs: ["q'"], attributes: { to: 1 } },
      { name: "y", operator: "Clip", inputs: ["f'", "lo", "hi"] },
    ]);
    expect(onMachine(graph, [10, 20, 30, 40])).toEqual([Math.floor((300 * 3) / 8)]);
  });

  it("may shift by nothing", () => {
    const graph = model(ONE_PIXEL_ROW, shared, [
      { name: "c", operator: "Conv", inputs: ["x", "w"] },
      { name: "a", operator: "Add", inputs: ["c'", "three"] },
      { name: "i", operator: "Cast", inputs: ["a'"], attributes: { to: 7 } },
      { name: "q", operator: "Div", inputs: ["i'", "one"] },
      { name: "f", operator: "Cast", inputs: ["q'"], attributes: { to: 1 } },
      { name: "y", operator: "Clip", inputs: ["f'", "lo", "hi"] },
    ]);
    expect(onMachine(graph, [255, 10])).toEqual([255, 13]);
  });

  it("sums windows, whose mean is divided once with what follows", () => {
    const constants = { ...small, k5: float([1], [5]), d8: float([1], [8]) };
    const graph = model(ONE_PIXEL_ROW, constants, [
      ...layer("a", "x", "k2", "d2"),
      { name: "p", operator: "AveragePool", inputs: ["ak'"], attributes: { kernel_shape: [1, 2], strides: [1, 2] } },
      { name: "m2", operator: "Mul", inputs: ["p'", "k5"] },
      { name: "q2", operator: "Div", inputs: ["m2'", "d8"] },
      { name: "y", operator: "Floor", inputs: ["q2'"] },
    ]);
    expect(onMachine(graph, [255, 10])).toEqual([82]);
  });

  it("joins residual branches, each with its own factor", () => {
    const constants = { ...small, p: scalar(11), q: scalar(7), d: scalar(32) };
    const graph = model(ONE_PIXEL_ROW, constants, [
      ...layer("a", "x", "k3", "d4"),
      ...layer("b", "x", "k2", "d2"),
      { name: "p1", operator: "Mul", inputs: ["ak'", "p"] },
      { name: "p2", operator: "Mul", inputs: ["bk'", "q"] },
      { name: "s", operator: "Add", inputs: ["p1'", "p2'"] },
      { name: "t", operator: "Div", inputs: ["s'", "d"] },
      { name: "y", operator: "Floor", inputs: ["t'"] },
    ]);
    expect(onMachine(graph, [255, 10])).toEqual([121, 4]);
  });

  it("requantizes a join", () => {
    const constants = {
      ...small,
      k5: float([1, 1, 1, 1], [5]),
      zero: float([1, 1, 1, 1], [0]),
      d8: scalar(8, "int64"),
    };
    const graph = model(ONE_PIXEL_ROW, constants, [
      ...layer("a", "x", "k3", "d4"),
      ...layer("b", "x", "k2", "d2"),
      { name: "s", operator: "Add", inputs: ["ak'", "bk'"] },
      { name: "m", operator: "Mul", inputs: ["s'", "k5"] },
      { name: "o", operator: "Add", inputs: ["m'", "zero"] },
      { name: "i", operator: "Cast", inputs: ["o'"], attributes: { to: 7 } },
      { name: "q", operator: "Div", inputs: ["i'", "d8"] },
      { name: "f", operator: "Cast", inputs: ["q'"], attributes: { to: 1 } },
      { name: "y", operator: "Clip", inputs: ["f'", "lo", "hi"] },
    ]);
    expect(onMachine(graph, [255, 10])).toEqual([255, 10]);
  });

  it("takes the word of its input that an entry gives", () => {
    const constants = { ...shared, k2: scalar(2), d2: scalar(2, "int64"), low: scalar(-128), high: scalar(127) };
    const graph = model(ONE_PIXEL_ROW, constants, [
      ...layer("a", "x", "k2", "d2").slice(0, -1),
      { name: "y", operator: "Clip", inputs: ["af'", "low", "high"] },
    ]);
    expect(onMachine(graph, [-5, 300], { layers: { ac: { input: "16,0" } } })).toEqual([-5, 127]);
  });
});

describe("the word of an integer network's input", () => {
  it("is the least of 8, 16 and 32 bits that holds the data, signed where they are", () => {
    expect(integerInputFormat({ min: 0, max: 255 })).toBe("u8,0");
    expect(integerInputFormat({ min: 0, max: 256 })).toBe("u16,0");
    expect(integerInputFormat({ min: -128, max: 127 })).toBe("8,0");
    expect(integerInputFormat({ min: -5, max: 300 })).toBe("16,0");
    expect(integerInputFormat({ min: -1, max: 40000 })).toBe("32,0");
  });
});

describe("chains of operators in any order", () => {
  it("may end in a range of one integer", () => {
    const after: [Step, number][] = [
      ["mul", 2],
      ["relu", 1],
      ["neg", 1],
      ["clip", 1],
    ];
    const pixels = Array.from({ length: 12 }, (_, index) => 20 * index);
    const weights = [1, -2, 3, -4, 5, 6];
    const graph = drawnModel({ weights, before: [], join: false, after, pool: false, last: [], pixels });
    const expected = Array.from(interpreted(graph, pixels));
    expect(new Set(expected)).toEqual(new Set([20]));
    expect(onMachine(graph, channelsLastElements(DRAWN_INPUT, pixels))).toEqual(expected);
  });

  it("give the machine the integers that the interpreter gives", () => {
    const distinct = new Set<string>();
    let refused = 0;
    fc.assert(
      fc.property(drawnNetworks, (network) => {
        const graph = drawnModel(network);
        const expected = Array.from(interpreted(graph, network.pixels));
        let found: readonly number[];
        try {
          found = onMachine(graph, channelsLastElements(DRAWN_INPUT, network.pixels));
        } catch (error) {
          // A fraction that is cut and then scaled channel by channel is no one layer.
          if (!(error instanceof DiagnosticError)) throw error;
          expect(error.message).toMatch(/Floor|Round|Ceil|Cast/);
          refused++;
          return;
        }
        expect(found.map((value) => value + 0)).toEqual(storedOutput(network, expected));
        distinct.add(found.join());
      }),
      { numRuns: process.env.MACROSCOPE_LONG === "1" ? 3000 : 150 },
    );
    expect(distinct.size).toBeGreaterThan(50);
    expect(refused).toBeLessThan(distinct.size / 10);
  });
});
