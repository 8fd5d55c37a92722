import { describe, expect, it } from "vitest";
import { legalise, underSpecification } from "../../../compiler/legalisation/index.ts";
import type { TensorGraph } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { Draw } from "./random-network.ts";
import { float, integers, model } from "./small-models.ts";

const where = "model.onnx";
const draw = new Draw(3);

function refusal(tensorGraph: TensorGraph): readonly string[] {
  try {
    legalise(tensorGraph, { where });
  } catch (error) {
    if (error instanceof DiagnosticError)
      return error.diagnostics.map(({ code, where: place, what }) => `${code} ${place}: ${what}`);
    throw error;
  }
  return [];
}

const relu = { name: "relu", operator: "Relu", inputs: ["x"] };

describe("the input", () => {
  it("has a batch of one, named, open or fixed", () => {
    for (const batch of ["N", null, 1, 16]) {
      const { graph } = legalise(model([batch, 3, 4, 5], {}, [relu]), { where });
      expect({ batch, shape: graph.input.shape }).toEqual({ batch, shape: [4, 5, 3] });
    }
  });

  it("is a vector, a row, steps of features or an image", () => {
    const shapeOf = (shape: readonly number[], operator = "Relu"): readonly number[] =>
      legalise(
        model(shape, { w: float([2, shape[1] ?? 1, 3], draw.numbers(6 * (shape[1] ?? 1))) }, [
          { name: "first", operator, inputs: operator === "Conv" ? ["x", "w"] : ["x"] },
        ]),
        { where },
      ).graph.input.shape;
    expect(shapeOf([7])).toEqual([7]);
    expect(shapeOf([1, 7])).toEqual([7]);
    expect(shapeOf([1, 3, 8], "Conv")).toEqual([1, 8, 3]);
    expect(shapeOf([1, 3, 8])).toEqual([3, 1, 8]);
    expect(shapeOf([1, 3, 8, 6])).toEqual([8, 6, 3]);
  });

  it("needs sizes everywhere else", () => {
    expect(refusal(model(["N", 3, "height", "width"], {}, [relu]))).toEqual([
      'MODEL_INPUT model.onnx: input "x": found shape [N, 3, height, width], whose axis 2 has no size',
    ]);
  });

  it("is the only one", () => {
    const two = model([1, 3], {}, [{ name: "sum", operator: "Add", inputs: ["x", "y"] }]);
    const inputs = [...two.inputs, { name: "y", type: "float32" as const, shape: [1, 3] }];
    expect(refusal({ ...two, inputs })).toEqual([
      "MODEL_INPUT model.onnx: found 2 inputs (x, y), expected one image or vector",
    ]);
  });

  it("has at most four axes", () => {
    expect(refusal(model([1, 2, 3, 4, 5], {}, [relu]))[0]).toMatch(/found shape \[1, 2, 3, 4, 5\]/);
  });

  it("of a fixed batch that the model's shapes insist on is refused with both reasons", () => {
    const fixed = model([8, 6], { shape: integers([8, 3, 2]) }, [
      { name: "reshape", operator: "Reshape", inputs: ["x", "shape"] },
    ]);
    const [first, second] = refusal(fixed);
    expect(first).toMatch(/fixes a batch of 8, the machine takes one image/);
    expect(second).toMatch(/node "reshape" \(Reshape, opset 17\)/);
  });
});

describe("what has no place in a network", () => {
  it("is named with node, operator and opset, all of it at once", () => {
    const found = refusal(
      model([1, 3], {}, [
        { name: "a", operator: "Floor", inputs: ["x"] },
        { name: "b", operator: "Sign", inputs: ["a'"] },
      ]),
    );
    expect(found).toEqual([
      'UNKNOWN_OPERATOR model.onnx: node "a" (Floor, opset 17): Floor has no place in a network on the machine',
      'UNKNOWN_OPERATOR model.onnx: node "b" (Sign, opset 17): Sign has no place in a network on the machine',
    ]);
  });

  it("does not matter where no output depends on it", () => {
    const { graph } = legalise(model([1, 3], {}, [{ name: "a", operator: "Floor", inputs: ["x"] }, relu]), { where });
    expect(graph.nodes.map(({ name }) => name)).toEqual(["relu"]);
  });

  const image = [1, 2, 6, 6];
  const cases: Readonly<Record<string, readonly [TensorGraph, RegExp]>> = {
    "weights that the network computes": [
      model(
        [1, 3],
        {},
        [{ name: "mm", operator: "MatMul", inputs: ["x", "t'"] }].flatMap((node) => [
          { name: "t", operator: "Transpose", inputs: ["x"] },
          node,
        ]),
      ),
      /node "mm" \(MatMul, opset 17\), inputs: both factors are computed/,
    ],
    "three spatial axes": [
      model([1, 2, 6, 6], { s: integers([1, 2, 3, 3, 4]), w: float([1, 2, 1, 1, 1], [1, 1]) }, [
        { name: "r", operator: "Reshape", inputs: ["x", "s"] },
        { name: "c", operator: "Conv", inputs: ["r'", "w"] },
      ]),
      /node "c" .*input X: found \[1, 2, 3, 3, 4\]/,
    ],
    "a dilated pool": [
      model(image, {}, [
        { name: "p", operator: "MaxPool", inputs: ["x"], attributes: { kernel_shape: [2, 2], dilations: [2, 2] } },
      ]),
      /attribute dilations: found 2/,
    ],
    "padding with another number": [
      model(image, { pads: integers([0, 0, 1, 1, 0, 0, 1, 1]), one: float([], [1]) }, [
        { name: "p", operator: "Pad", inputs: ["x", "pads", "one"] },
      ]),
      /constant_value: found 1, expected 0/,
    ],
    interpolation: [
      model(image, { scales: float([4], [1, 1, 2, 2]) }, [
        { name: "r", operator: "Resize", inputs: ["x", "", "scales"], attributes: { mode: "linear" } },
      ]),
      /attribute mode: found linear/,
    ],
    "a resize by parts": [
      model(image, { scales: float([4], [1, 1, 1.5, 1.5]) }, [
        { name: "r", operator: "Resize", inputs: ["x", "", "scales"] },
      ]),
      /axis 2: found 6 elements resized to 9/,
    ],
    "an axis taken backwards": [
      model(image, { a: integers([-1]), b: integers([-7]), c: integers([2]), s: integers([-1]) }, [
        { name: "s", operator: "Slice", inputs: ["x", "a", "b", "c", "s"] },
      ]),
      /input steps: found -1/,
    ],
    "an output that is constant": [
      model([1, 3], { c: float([1, 3], [1, 2, 3]) }, [relu, { name: "k", operator: "Identity", inputs: ["c"] }]),
      /MODEL_OUTPUT model.onnx: output "k'": does not depend on the input/,
    ],
  };
  for (const [name, [tensorGraph, expected]] of Object.entries(cases)) {
    it(name, () => {
      expect(refusal(tensorGraph).join("\n")).toMatch(expected);
    });
  }
});

describe("registers that the model prescribes", () => {
  const prescribed = { layers: { conv1: { weight: "8,7", output: "8,4" }, fc: { output: "8,2" } } };

  it("stay under the user's default and give way to the layer's own entry, register by register", () => {
    const user = { default: { format: "16,8" }, layers: { "conv*": { output: "6,2" }, other: { format: "4,2" } } };
    expect(underSpecification(prescribed, user)).toEqual({
      default: { format: "16,8" },
      layers: {
        "conv*": { output: "6,2" },
        other: { format: "4,2" },
        conv1: { weight: "8,7", output: "6,2" },
        fc: { output: "8,2" },
      },
    });
  });

  it("are computed in float where the user's default is, but for a layer's own entry", () => {
    const user = { default: { datapath: "extrinsic", format: "16,8" }, layers: { fc: { datapath: "wide" } } };
    const model = { layers: { conv1: { datapath: "wide", output: "8,4" }, fc: { datapath: "wide", output: "8,2" } } };
    expect(underSpecification(model, user).layers).toEqual({
      conv1: { datapath: "extrinsic", output: "8,4" },
      fc: { datapath: "wide", output: "8,2" },
    });
  });

  it("of a model without any leave the user's specification as it is", () => {
    const user = { default: { format: "16,8" } };
    expect(underSpecification({}, user)).toBe(user);
  });
});
