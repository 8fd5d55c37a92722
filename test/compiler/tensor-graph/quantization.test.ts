import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, ElementType } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { elements, expectAgreement, interpreted, maybe, type NodeCase, runs } from "./onnxruntime.ts";

const small = fc.integer({ min: 1, max: 4 });
const scale = fc.constantFrom(0.25, 1, 0.1, 0.013);
/** Eighths: with a scale of 1/4 every other one is a tie. */
const real = fc.integer({ min: -400, max: 400 }).map((value) => value / 8);
const BYTES = { int8: fc.integer({ min: -128, max: 127 }), uint8: fc.integer({ min: 0, max: 255 }) } as const;

/** A shape with the shape of a scale: one element, or one per position of the axis. */
const scaled = fc.array(small, { minLength: 1, maxLength: 4 }).chain((shape) =>
  fc.tuple(
    fc.constant(shape),
    fc.oneof(
      fc.constant({ axis: undefined, scaleShape: [] as readonly number[] }),
      fc.nat(shape.length - 1).map((axis) => ({ axis, scaleShape: [shape[axis] ?? 1] as readonly number[] })),
    ),
  ),
);

function axisAttribute(axis: number | undefined): NonNullable<NodeCase["attributes"]> {
  return axis === undefined ? {} : { axis: BigInt(axis) };
}

function values(tensors: readonly AnyTensor[]): readonly number[] {
  return Array.from(tensors[0]?.data ?? [], Number);
}

describe("QuantizeLinear and DequantizeLinear", () => {
  it.each(["int8", "uint8"] as const)("to %s equal onnxruntime's, per tensor and per axis", async (type) => {
    const cases = scaled.chain(([shape, { axis, scaleShape }]) =>
      fc.tuple(
        elements("float32", shape, real),
        elements("float32", scaleShape, scale),
        elements(type, scaleShape, BYTES[type]),
        elements(type, shape, BYTES[type]),
        fc.constant(axis),
        fc.constantFrom(...(axis === undefined ? [10, 13, 19, 21] : [13, 19, 21])),
      ),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ([x, factor, zero, words, axis, opset]) => {
        const attributes = axisAttribute(axis);
        const outputTypes: readonly ElementType[] = [type];
        await expectAgreement(
          { operator: "QuantizeLinear", opset, inputs: [x, factor, zero], attributes, outputTypes },
          0,
        );
        await expectAgreement({ operator: "DequantizeLinear", opset, inputs: [words, factor, zero], attributes });
      }),
      { numRuns: runs(25) },
    );
  });

  it("DequantizeLinear by blocks equals onnxruntime's", async () => {
    const cases = fc
      .tuple(small, small, fc.integer({ min: 2, max: 3 }), fc.integer({ min: 1, max: 2 }))
      .chain(([rows, columns, block, blocks]) =>
        fc.tuple(
          elements("int8", [rows, block * blocks, columns], BYTES.int8),
          elements("float32", [rows, blocks, columns], scale),
          maybe(elements("int8", [rows, blocks, columns], BYTES.int8)),
          fc.constant({ axis: 1n, block_size: BigInt(block) }),
        ),
      );
    await fc.assert(
      fc.asyncProperty(cases, ([x, factor, zero, attributes]) =>
        expectAgreement({
          operator: "DequantizeLinear",
          opset: 21,
          inputs: zero === undefined ? [x, factor] : [x, factor, zero],
          attributes,
        }),
      ),
      { numRuns: runs(15) },
    );
  });

  it("DynamicQuantizeLinear equals onnxruntime's", async () => {
    const cases = fc.array(small, { minLength: 1, maxLength: 3 }).chain((shape) => elements("float32", shape, real));
    await fc.assert(
      fc.asyncProperty(cases, (x) =>
        expectAgreement(
          {
            operator: "DynamicQuantizeLinear",
            opset: 11,
            inputs: [x],
            outputs: 3,
            outputTypes: ["uint8", "float32", "uint8"],
          },
          1e-6,
        ),
      ),
      { numRuns: runs(15) },
    );
  });

  it("DynamicQuantizeLinear of zeros has onnxruntime's scale, 1", async () => {
    const x = tensorFrom("float32", [2], [0, 0]);
    const outputTypes = ["uint8", "float32", "uint8"] as const;
    await expectAgreement({ operator: "DynamicQuantizeLinear", opset: 11, inputs: [x], outputs: 3, outputTypes });
  });

  it("ties go to the even word, and words stay in range", () => {
    const x = tensorFrom("float32", [6], [0.5, 1.5, 2.5, -0.5, -300, 300]);
    const one = tensorFrom("float32", [], [1]);
    const quantized = (zero: AnyTensor | undefined): readonly number[] =>
      values(interpreted({ operator: "QuantizeLinear", opset: 13, inputs: [x, one, zero] }));
    expect(quantized(tensorFrom("int8", [], [0]))).toEqual([0, 2, 2, 0, -128, 127]);
    expect(quantized(tensorFrom("uint8", [], [10]))).toEqual([10, 12, 12, 10, 0, 255]);
    expect(quantized(undefined)).toEqual([0, 2, 2, 0, 0, 255]);
  });

  it("refuses a scale of zero, scales of another shape, and a scale per axis before opset 13", () => {
    const x = tensorFrom("float32", [2, 3], [1, 2, 3, 4, 5, 6]);
    const run = (opset: number, scales: readonly number[], shape: readonly number[]): unknown =>
      interpreted({ operator: "QuantizeLinear", opset, inputs: [x, tensorFrom("float32", shape, scales)] });
    expect(() => run(13, [0], [])).toThrow(/scale: found 0/);
    expect(() => run(13, [1, 1], [2])).toThrow(/found shape \[2\].*expected \[3\]|expected 3/);
    expect(() => run(10, [1, 1, 1], [3])).toThrow(/before opset 13/);
  });
});
