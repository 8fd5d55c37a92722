/** Where a model's own quantizers stand and what they mean: the words are those of the ONNX definition. */
import { describe, expect, it } from "vitest";
import { compile, prepareGraph } from "../../../compiler/compile.ts";
import { legalise, prescribedAssignment, underSpecification } from "../../../compiler/legalisation/index.ts";
import type { BatchNormalizationMode } from "../../../compiler/prepare-graph.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, ElementType, TensorGraph } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import { interpreted } from "./compare.ts";
import { compiled, float, model, runOnMachine, scalar, type WrittenNode } from "./small-models.ts";

const where = "quantized.onnx";
const WIDE = { default: { datapath: "wide", format: "16,8" } };

const zero = (type: ElementType, value = 0): AnyTensor => tensorFrom(type, [], [value]);

/** x → QuantizeLinear → the nodes, on `q'` → DequantizeLinear of the last one. */
function between(
  zeroPoint: AnyTensor,
  constants: Readonly<Record<string, AnyTensor>>,
  nodes: readonly WrittenNode[],
  scale = 0.125,
): TensorGraph {
  return model([1, 4], { s: scalar(scale), z: zeroPoint, ...constants }, [
    { name: "q", operator: "QuantizeLinear", inputs: ["x", "s", "z"] },
    ...nodes,
    { name: "d", operator: "DequantizeLinear", inputs: [`${nodes.at(-1)?.name}'`, "s", "z"] },
  ]);
}

function expectDefinition(graph: TensorGraph, ...images: readonly (readonly number[])[]): void {
  const machine = compiled(legalise(graph, { where }), WIDE);
  for (const image of images) {
    expect(runOnMachine(machine, image)).toEqual(Array.from(interpreted(graph, image)));
  }
}

describe("constants between QuantizeLinear and DequantizeLinear are integers", () => {
  const image = [-3, -0.5, 0.5, 3];
  const bounds = (type: ElementType, low: number, high: number) => ({ low: zero(type, low), high: zero(type, high) });
  const clip: WrittenNode = { name: "clip", operator: "Clip", inputs: ["q'", "low", "high"] };

  it("a clip to the range of k bits is the register (k,F)", () => {
    const graph = between(zero("int8"), bounds("int8", -8, 7), [clip]);
    expect(Array.from(interpreted(graph, image))).toEqual([-1, -0.5, 0.5, 0.875]);
    expectDefinition(graph, image);
    const { assignment } = legalise(graph, { where });
    expect(Object.values(assignment.layers ?? {})).toEqual([
      { output: { format: "4,3", rounding: "nearest-even", overflow: "saturate" } },
    ]);
  });

  for (const [what, point, low, high] of [
    ["a narrow range", zero("int8"), -7, 7],
    ["an unsigned range of an int8", zero("int8"), 0, 15],
    ["no word's range", zero("int8"), -5, 9],
    ["bounds of a uint8 about 128", zero("uint8", 128), 120, 140],
    ["a uint8's range", zero("uint8"), 0, 15],
    ["an int8 from −128", zero("int8", -128), -128, -113],
  ] as const) {
    it(`clip to ${what}`, () => {
      expectDefinition(between(point, bounds(point.type, low, high), [clip]), image, [0.625, 1, 1.125, 31]);
    });
  }

  for (const [what, point, constant, node] of [
    ["Max", zero("int8"), 3, { name: "n", operator: "Max", inputs: ["q'", "c"] }],
    ["Min of a uint8 about 128", zero("uint8", 128), 131, { name: "n", operator: "Min", inputs: ["c", "q'"] }],
    ["Add", zero("int8"), 3, { name: "n", operator: "Add", inputs: ["q'", "c"] }],
    ["Add that wraps", zero("int8"), 120, { name: "n", operator: "Add", inputs: ["c", "q'"] }],
    ["Add about 128", zero("uint8", 128), 200, { name: "n", operator: "Add", inputs: ["q'", "c"] }],
    ["Sub", zero("int8"), 7, { name: "n", operator: "Sub", inputs: ["q'", "c"] }],
    ["Sub from a constant", zero("uint8", 128), 7, { name: "n", operator: "Sub", inputs: ["c", "q'"] }],
    ["Mul", zero("int8"), 3, { name: "n", operator: "Mul", inputs: ["q'", "c"] }],
    ["Relu where the zero point is not 0", zero("int8", -128), 0, { name: "n", operator: "Relu", inputs: ["q'"] }],
    ["Neg", zero("int8"), 0, { name: "n", operator: "Neg", inputs: ["q'"] }],
    ["Add of itself", zero("uint8", 128), 0, { name: "n", operator: "Add", inputs: ["q'", "q'"] }],
  ] as const) {
    it(what, () => {
      const graph = between(point, { c: zero(point.type, constant) }, [node]);
      expectDefinition(graph, image, [0, 0.125, -0.125, 15.9], [12.5, -12.5, 31, -20]);
    });
  }

  it("Concat, Pad and MaxPool keep the words", () => {
    const constants = {
      pads: tensorFrom("int64", [8], [0, 0, 1, 0, 0, 0, 0, 1]),
      z: zero("uint8", 128),
      s: scalar(0.25),
    };
    const graph = model([1, 1, 2, 2], constants, [
      { name: "q", operator: "QuantizeLinear", inputs: ["x", "s", "z"] },
      { name: "c", operator: "Concat", inputs: ["q'", "q'"], attributes: { axis: 1n } },
      { name: "p", operator: "Pad", inputs: ["c'", "pads", "z"] },
      { name: "m", operator: "MaxPool", inputs: ["p'"], attributes: { kernel_shape: [2n, 2n] } },
      { name: "d", operator: "DequantizeLinear", inputs: ["m'", "s", "z"] },
      { name: "f", operator: "Flatten", inputs: ["d'"] },
    ]);
    const machine = compiled(legalise(graph, { where }), { default: { datapath: "wide", format: "4,0" } });
    const image = [-3, 0.3, 50, -0.2];
    expect(runOnMachine(machine, image)).toEqual(Array.from(interpreted(graph, image)));
  });
});

describe("a quantizer stands where the file has it", () => {
  const dense = (name: string, x: string, weights: string): WrittenNode => ({
    name,
    operator: "Gemm",
    inputs: [x, weights],
  });
  const quant = (name: string, x: string, scale: string, bits: string): WrittenNode => ({
    name,
    operator: "Quant",
    domain: "qonnx.custom_op.general",
    opset: 1,
    inputs: [x, scale, "zero", bits],
    attributes: { signed: 1n, narrow: 0n, rounding_mode: "ROUND" },
  });
  const constants = {
    zero: scalar(0),
    one: scalar(1),
    "two bits": scalar(2),
    "four bits": scalar(4),
    sums: float([4, 2], [1, 2, 1, 2, 1, 0, 1, 1]),
    identity: float([2, 2], [1, 0, 0, 1]),
    tenth: float([2], [0.1, 0.1]),
    zeros: float([2], [0, 0]),
    ones: float([2], [1, 1]),
  };
  const normalized = model([1, 4], constants, [
    dense("fc1", "x", "sums"),
    {
      name: "bn",
      operator: "BatchNormalization",
      inputs: ["fc1'", "tenth", "zeros", "zeros", "ones"],
      attributes: { epsilon: 0 },
    },
    quant("q", "bn'", "one", "two bits"),
    dense("fc2", "q'", "identity"),
  ]);

  for (const mode of ["fold", "separate"] as BatchNormalizationMode[]) {
    it(`behind a batch normalization that is kept ${mode}`, () => {
      const { graph } = legalise(normalized, { where });
      const prescribed = prescribedAssignment(prepareGraph(graph, where, mode));
      const assignment = underSpecification(prescribed, WIDE);
      const machine = compile(graph, { machine: DEFAULT_MACHINE, assignment, seed: 1, batchNormalization: mode });
      const image = [1, 2, 1, 2];
      expect(Array.from(interpreted(normalized, image))).toEqual([1, 1]);
      expect(runOnMachine(machine, image)).toEqual([1, 1]);
    });
  }

  it("leaves the other operand of a sum alone where the value is also read without it", () => {
    const graph = model([1, 4], constants, [
      dense("a", "x", "sums"),
      quant("q", "a'", "one", "four bits"),
      dense("b", "a'", "identity"),
      { name: "sum", operator: "Add", inputs: ["q'", "b'"] },
    ]);
    const image = [0.25, 1.125, -0.5, 0.0625];
    expect(runOnMachine(compiled(legalise(graph, { where }), WIDE), image)).toEqual(
      Array.from(interpreted(graph, image)),
    );
  });

  it("keeps weights of the model on their grid: batch normalization goes behind the sum", () => {
    const weights = tensorFrom("int8", [4, 2], [1, -1, -1, 1, 1, 1, -1, -1]);
    const graph = model([1, 4], { ...constants, weights, i8: zero("int8"), scale: float([2], [0.3, 1.7]) }, [
      { name: "w", operator: "DequantizeLinear", inputs: ["weights", "one", "i8"] },
      dense("fc", "x", "w'"),
      {
        name: "bn",
        operator: "BatchNormalization",
        inputs: ["fc'", "scale", "zeros", "zeros", "ones"],
        attributes: { epsilon: 0 },
      },
    ]);
    const { graph: network, assignment } = legalise(graph, { where });
    expect(prepareGraph(network).nodes.map(({ op }) => op)).toEqual(["dense", "reshape", "conv2d", "reshape"]);
    expect(assignment.layers?.fc).toMatchObject({ weight: { format: "8,0" } });
    const image = [0.25, 1.125, -0.5, 0.0625];
    const found = runOnMachine(compiled(legalise(graph, { where }), WIDE), image);
    const expected = Array.from(interpreted(graph, image));
    for (const [index, value] of found.entries()) expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 1);
  });
});
