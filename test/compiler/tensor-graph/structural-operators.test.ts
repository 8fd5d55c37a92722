/** Structural operators in the opsets that ONNX's own suite does not reach, against onnxruntime. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, AttributeValue, ElementType } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { expectAgreement, interpreted, type RunSketch } from "./model-agreement.ts";

/** Numbers with both signs and halves, different in every place. */
function ramp(shape: readonly number[], type: ElementType = "float32"): AnyTensor {
  const count = shape.reduce((a, b) => a * b, 1);
  const numbers = Array.from({ length: count }, (_, index) => ((index * 7) % 23) / 2 - 5);
  return tensorFrom(type, shape, type.startsWith("u") ? numbers.map(Math.abs) : numbers);
}

const integers = (...values: number[]): AnyTensor => tensorFrom("int64", [values.length], values);

interface Sketch {
  readonly opset: number;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Inputs in order; those after the first are constants. undefined: left out. */
  readonly inputs: readonly (AnyTensor | undefined)[];
  readonly outputs?: number;
}

function sketchOf(operator: string, { opset, attributes = {}, inputs, outputs = 1 }: Sketch): RunSketch {
  const names = inputs.map((input, index) => (input === undefined ? "" : `i${index}`));
  const results = Array.from({ length: outputs }, (_, index) => `o${index}`);
  const [first, ...others] = inputs;
  if (first === undefined) throw new Error("no input");
  return {
    opset,
    values: { i0: first },
    constants: Object.fromEntries(others.flatMap((input, index) => (input ? [[`i${index + 1}`, input]] : []))),
    nodes: [{ operator, attributes, inputs: names, outputs: results }],
    outputs: results,
    outputTypes: Object.fromEntries(results.map((name) => [name, first.type])),
  };
}

const CASES: readonly (readonly [operator: string, what: string, sketch: Sketch])[] = [
  [
    "Split",
    "in uneven parts",
    { opset: 18, inputs: [ramp([2, 7, 3])], attributes: { axis: 1n, num_outputs: 3n }, outputs: 3 },
  ],
  [
    "Split",
    "by sizes, one 0, from the last axis",
    { opset: 18, inputs: [ramp([3, 5]), integers(2, 0, 3)], attributes: { axis: -1n }, outputs: 3 },
  ],
  [
    "Pad",
    "some axes with a constant, one cut",
    { opset: 18, inputs: [ramp([3, 4, 2]), integers(1, -1, 2, 0), tensorFrom("float32", [], [2.5]), integers(-1, 0)] },
  ],
  ["Pad", "reflected", { opset: 18, inputs: [ramp([2, 5]), integers(0, 4, 0, 3)], attributes: { mode: "reflect" } }],
  [
    "Pad",
    "by the edge, integers",
    { opset: 13, inputs: [ramp([2, 3], "int32"), integers(2, 0, 1, 4)], attributes: { mode: "edge" } },
  ],
  ["Pad", "wrapped around", { opset: 19, inputs: [ramp([3, 4]), integers(1, 2, 2, 3)], attributes: { mode: "wrap" } }],
  [
    "Pad",
    "as attributes had it",
    { opset: 8, inputs: [ramp([2, 3])], attributes: { pads: [1n, 0n, 0n, 2n], value: 0.5 } },
  ],
  [
    "ReduceMean",
    "over axes given as input",
    { opset: 18, inputs: [ramp([2, 3, 4]), integers(-1, 0)], attributes: { keepdims: 0n } },
  ],
  ["ReduceMax", "over all axes", { opset: 18, inputs: [ramp([2, 3, 4])], attributes: { keepdims: 1n } }],
  ["ReduceMin", "integers", { opset: 20, inputs: [ramp([4, 3], "int32"), integers(0)] }],
  ["ReduceProd", "kept axes", { opset: 18, inputs: [ramp([2, 2, 3]), integers(1)] }],
  ["ReduceSum", "nothing, by request", { opset: 13, inputs: [ramp([2, 3])], attributes: { noop_with_empty_axes: 1n } }],
  [
    "ReduceLogSumExp",
    "large numbers",
    { opset: 18, inputs: [tensorFrom("float32", [3], [500, 501, -500]), integers(0)] },
  ],
  ["Gelu", "exact", { opset: 20, inputs: [ramp([2, 5])] }],
  ["Gelu", "by tanh", { opset: 20, inputs: [ramp([2, 5])], attributes: { approximate: "tanh" } }],
  ["Mish", "", { opset: 18, inputs: [ramp([9])] }],
  ["Erf", "", { opset: 13, inputs: [tensorFrom("float32", [7], [-4, -2.6, -2.4, -0.1, 0, 1, 3])] }],
  ["Elu", "", { opset: 22, inputs: [ramp([3, 3])], attributes: { alpha: 0.7 } }],
  ["HardSigmoid", "", { opset: 22, inputs: [ramp([3, 3])], attributes: { alpha: 0.3, beta: 0.4 } }],
  [
    "Round",
    "halves to even",
    { opset: 11, inputs: [tensorFrom("float32", [8], [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4, -2.6])] },
  ],
  [
    "Slice",
    "backwards with clamped ends",
    { opset: 13, inputs: [ramp([5, 6]), integers(100, -1), integers(-100, 1), integers(0, 1), integers(-2, -3)] },
  ],
  ["Slice", "to nothing", { opset: 11, inputs: [ramp([4, 3]), integers(3), integers(1), integers(0)] }],
  [
    "Slice",
    "by attributes",
    { opset: 9, inputs: [ramp([4, 5])], attributes: { starts: [1n, -4n], ends: [9n, -1n], axes: [0n, 1n] } },
  ],
  [
    "Gather",
    "in two dimensions along the middle",
    { opset: 13, inputs: [ramp([2, 4, 3]), tensorFrom("int64", [2, 2], [0, -1, 3, 1])], attributes: { axis: 1n } },
  ],
  ["Expand", "both ways", { opset: 13, inputs: [ramp([3, 1, 2]), integers(2, 1, 4, 1)] }],
  ["Tile", "", { opset: 13, inputs: [ramp([2, 3]), integers(2, 3)] }],
  ["Transpose", "", { opset: 21, inputs: [ramp([2, 3, 4, 5])], attributes: { perm: [2n, 0n, 3n, 1n] } }],
  ["Flatten", "from the end", { opset: 13, inputs: [ramp([2, 3, 4])], attributes: { axis: -1n } }],
  ["Reshape", "with a copied and an open size", { opset: 14, inputs: [ramp([2, 3, 4]), integers(0, -1, 2)] }],
  ["Squeeze", "all sizes of 1", { opset: 13, inputs: [ramp([1, 3, 1, 2])] }],
  ["Squeeze", "by attribute", { opset: 11, inputs: [ramp([1, 3, 1, 2])], attributes: { axes: [-2n] } }],
  ["Unsqueeze", "by attribute", { opset: 11, inputs: [ramp([3, 2])], attributes: { axes: [-1n, 0n] } }],
  ["Clip", "by attributes", { opset: 10, inputs: [ramp([3, 4])], attributes: { min: -1, max: 2 } }],
  ["Clip", "without an upper bound", { opset: 13, inputs: [ramp([3, 4]), tensorFrom("float32", [], [0.5])] }],
  [
    "PRelu",
    "one slope per channel",
    { opset: 16, inputs: [ramp([2, 3, 4]), tensorFrom("float32", [3, 1], [0.1, -2, 3])] },
  ],
  [
    "Div",
    "integers towards zero",
    { opset: 14, inputs: [tensorFrom("int32", [4], [7, -7, 7, -7]), tensorFrom("int32", [4], [2, 2, -2, -2])] },
  ],
  [
    "Mod",
    "the divisor's sign",
    { opset: 13, inputs: [tensorFrom("int64", [4], [7, -7, 7, -7]), integers(3, 3, -3, -3)] },
  ],
  [
    "Mul",
    "64-bit integers that wrap",
    { opset: 14, inputs: [tensorFrom("int64", [2], [2 ** 62, 3]), integers(2, -5)] },
  ],
  ["Pow", "another type's exponent", { opset: 15, inputs: [ramp([3]), integers(2)] }],
  ["Identity", "64-bit integers", { opset: 19, inputs: [ramp([2, 2], "int64")] }],
];

describe("against onnxruntime", () => {
  it.each(CASES)("%s %s", async (operator, _what, sketch) => {
    await expectAgreement(sketchOf(operator, sketch));
  });
});

/** A session per case takes its time. */
const RUNS = process.env.MACROSCOPE_LONG === "1" ? 100 : 8;

describe("drawn shapes, against onnxruntime", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });

  it("Where broadcasts three shapes", async () => {
    const draw = sizes.chain((shape) => {
      const part = fc
        .tuple(fc.nat(shape.length), fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }))
        .map(([drop, ones]) => shape.slice(drop).map((size, axis) => (ones[axis] ? 1 : size)));
      return fc.tuple(part, part, part);
    });
    await fc.assert(
      fc.asyncProperty(draw, async ([a, b, c]) => {
        const condition = tensorFrom(
          "bool",
          a,
          Array.from({ length: a.reduce((x, y) => x * y, 1) }, (_, i) => i % 2),
        );
        const sketch = sketchOf("Where", { opset: 16, inputs: [condition, ramp(b), ramp(c)] });
        await expectAgreement({ ...sketch, outputTypes: { o0: "float32" } });
      }),
      { numRuns: RUNS },
    );
  });

  it("Slice with any starts, ends and steps", async () => {
    const place = fc.integer({ min: -7, max: 7 });
    const cut = sizes.chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        ...shape.map(() =>
          fc.tuple(
            place,
            place,
            fc.integer({ min: -3, max: 3 }).filter((step) => step !== 0),
          ),
        ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(cut, async ([shape, ...cuts]) => {
        const column = (index: 0 | 1 | 2): AnyTensor => integers(...cuts.map((one) => one[index]));
        const axes = integers(...shape.map((_size, axis) => axis));
        await expectAgreement(
          sketchOf("Slice", { opset: 13, inputs: [ramp(shape), column(0), column(1), axes, column(2)] }),
        );
      }),
      { numRuns: RUNS },
    );
  });

  it("Concat and Transpose", async () => {
    const draw = sizes.chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.nat(shape.length - 1),
        fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
        fc.shuffledSubarray(
          shape.map((_size, axis) => axis),
          { minLength: shape.length },
        ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(draw, async ([shape, axis, parts, perm]) => {
        await expectAgreement(
          sketchOf("Concat", {
            opset: 13,
            inputs: [ramp(shape), ...parts.map((part) => ramp(shape.with(axis, part)))],
            attributes: { axis: BigInt(axis - (axis % 2) * shape.length) },
          }),
        );
        await expectAgreement(
          sketchOf("Transpose", { opset: 13, inputs: [ramp(shape)], attributes: { perm: perm.map(BigInt) } }),
        );
      }),
      { numRuns: RUNS },
    );
  });
});

describe("wrong use is refused with node, operator and opset", () => {
  const refused: readonly (readonly [operator: string, sketch: Sketch, message: RegExp])[] = [
    ["Reshape", { opset: 14, inputs: [ramp([2, 3]), integers(4, -1)] }, /input shape: found \[4, -1\]/],
    ["Reshape", { opset: 14, inputs: [ramp([2, 3]), integers(-1, -1)] }, /input shape: found \[-1, -1\]/],
    ["Transpose", { opset: 13, inputs: [ramp([2, 3])], attributes: { perm: [0n, 0n] } }, /attribute perm: found 0, 0/],
    ["Concat", { opset: 13, inputs: [ramp([2, 3]), ramp([3, 2])], attributes: { axis: 0n } }, /all other sizes/],
    ["Concat", { opset: 13, inputs: [ramp([2, 3])] }, /attribute axis: found none/],
    ["Gather", { opset: 13, inputs: [ramp([2, 3]), integers(2)] }, /input indices: found 2/],
    ["Slice", { opset: 13, inputs: [ramp([4]), integers(0), integers(2), integers(0), integers(0)] }, /steps: found 0/],
    ["Slice", { opset: 13, inputs: [ramp([4]), integers(0), integers(2), integers(1)] }, /axes: found 1/],
    ["Expand", { opset: 13, inputs: [ramp([2, 3]), integers(2, 2)] }, /do not broadcast/],
    ["Expand", { opset: 13, inputs: [ramp([1]), integers(2 ** 20, 2 ** 20)] }, /expected sizes from 0 up and at most/],
    ["Tile", { opset: 13, inputs: [ramp([4]), integers(2 ** 40)] }, /expected sizes from 0 up and at most/],
    ["Pad", { opset: 13, inputs: [ramp([4]), integers(2 ** 40, 0)] }, /expected sizes from 0 up and at most/],
    ["Pad", { opset: 13, inputs: [ramp([4]), integers(1)] }, /pads: found 1 for 1 axes/],
    ["Pad", { opset: 13, inputs: [ramp([4]), integers(1, 1)], attributes: { mode: "wrap" } }, /came with opset 19/],
    ["Split", { opset: 13, inputs: [ramp([5])], outputs: 2 }, /2 equal parts of an axis of size 5/],
    ["Split", { opset: 13, inputs: [ramp([5]), integers(2, 2)], outputs: 2 }, /found parts 2, 2/],
    ["Squeeze", { opset: 13, inputs: [ramp([2, 1]), integers(0)] }, /found axis 0 of size 2/],
    ["Div", { opset: 13, inputs: [ramp([2], "int64"), integers(1, 0)] }, /division of an integer by 0/],
    ["Add", { opset: 13, inputs: [ramp([2]), integers(1, 0)] }, /types float32 and int64/],
    ["Sqrt", { opset: 13, inputs: [ramp([2], "int64")] }, /found elements of type int64/],
    ["Relu", { opset: 13, inputs: [ramp([2])], attributes: { consumed_inputs: [1n] } }, /no such attribute/],
    ["Relu", { opset: 13, inputs: [ramp([2]), ramp([2])] }, /found 2 inputs, expected 1/],
    ["Cast", { opset: 13, inputs: [ramp([2])], attributes: { to: 8n } }, /attribute to: found string/],
    ["Cast", { opset: 13, inputs: [ramp([2])], attributes: { to: 99n } }, /attribute to: found number 99/],
    ["PRelu", { opset: 16, inputs: [ramp([3]), ramp([2, 3])] }, /input slope: found shape \[2, 3\]/],
  ];

  it.each(refused)("%s %o", (operator, sketch, message) => {
    const run = (): unknown => interpreted(sketchOf(operator, sketch));
    expect(run).toThrow(DiagnosticError);
    expect(run).toThrow(new RegExp(`node "${operator}_0" \\(${operator}, opset ${sketch.opset}\\)`));
    expect(run).toThrow(message);
  });
});

describe("Cast", () => {
  const cast = (input: AnyTensor, to: number): readonly (number | bigint)[] => {
    const sketch = sketchOf("Cast", { opset: 21, inputs: [input], attributes: { to: BigInt(to) } });
    return [...(interpreted(sketch).get("o0")?.data ?? [])];
  };
  const floats = tensorFrom("float32", [6], [-3.7, 3.7, 300, -300, Number.NaN, Number.POSITIVE_INFINITY]);

  it("floats become integers towards zero, within the type's ends", () => {
    expect(cast(floats, 3)).toEqual([-3, 3, 127, -128, 0, 127]);
    expect(cast(floats, 2)).toEqual([0, 3, 255, 0, 0, 255]);
    expect(cast(floats, 7)).toEqual([-3n, 3n, 300n, -300n, 0n, 2n ** 63n - 1n]);
    expect(cast(floats, 13)).toEqual([0n, 3n, 300n, 0n, 0n, 2n ** 64n - 1n]);
  });

  it("anything but 0 is true", () => {
    expect(cast(tensorFrom("float32", [3], [0, 0.3, -2]), 9)).toEqual([0, 1, 1]);
    expect(cast(tensorFrom("int64", [2], [0, 2 ** 40]), 9)).toEqual([0, 1]);
  });

  it("integers wrap", () => {
    expect(cast(tensorFrom("int64", [3], [300, -129, 2 ** 40 + 5]), 3)).toEqual([44, 127, 5]);
    expect(cast(tensorFrom("int32", [3], [9, -9, 18]), 22)).toEqual([-7, 7, 2]);
    expect(cast(tensorFrom("int32", [3], [9, -9, 18]), 21)).toEqual([9, 7, 2]);
  });

  it("16-bit floats round to nearest, ties to even", () => {
    const values = tensorFrom("float32", [5], [1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25]);
    expect(cast(values, 10)).toEqual([1, 1 + 2 ** -9, 65504, Number.POSITIVE_INFINITY, 0]);
    expect(cast(tensorFrom("float32", [2], [1 + 2 ** -8, 1 + 3 * 2 ** -8]), 16)).toEqual([1, 1 + 2 ** -6]);
  });
});
