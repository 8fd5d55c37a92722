import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor } from "../../../compiler/tensor-graph/tensor-graph.ts";
import {
  elements,
  expectAgreement,
  integers,
  interpreted,
  maybe,
  type NodeCase,
  quarters,
  runs,
} from "./onnxruntime.ts";

const small = fc.integer({ min: 1, max: 4 });

/** Shapes before the matrices that broadcast: each axis of a common one, 1, or missing at the front. */
const batches = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }).chain((common) => {
  const side = fc
    .tuple(fc.nat(common.length), fc.tuple(...common.map(() => fc.boolean())))
    .map(([missing, ones]) => common.map((size, axis) => (ones[axis] ? 1 : size)).slice(missing));
  return fc.tuple(side, side);
});

const matMulShapes = fc
  .tuple(small, small, small, batches, fc.constantFrom("matrices", "row", "column", "vectors"))
  .map(([rows, inner, columns, [a, b], kind]): readonly [readonly number[], readonly number[]] => [
    kind === "row" || kind === "vectors" ? [inner] : [...a, rows, inner],
    kind === "column" || kind === "vectors" ? [inner] : [...b, inner, columns],
  ]);

const gemm: fc.Arbitrary<NodeCase> = fc
  .tuple(small, small, small, fc.nat(1), fc.nat(1), fc.constantFrom(7, 9, 11, 13), fc.boolean())
  .chain(([rows, inner, columns, transA, transB, opset, hasC]) => {
    const c = fc.constantFrom([], [1], [columns], [1, columns], [rows, 1], [rows, columns]).chain(quarters);
    return fc
      .tuple(
        quarters(transA ? [inner, rows] : [rows, inner]),
        quarters(transB ? [columns, inner] : [inner, columns]),
        hasC || opset < 11 ? c : fc.constant(undefined),
        fc.constantFrom(1, 0.5, -2),
        fc.constantFrom(1, 0.25, 0),
      )
      .map(
        ([a, b, addend, alpha, beta]): NodeCase => ({
          operator: "Gemm",
          opset,
          inputs: addend === undefined ? [a, b] : [a, b, addend],
          attributes: { alpha, beta, transA: BigInt(transA), transB: BigInt(transB) },
        }),
      );
  });

const bytes = { int8: fc.integer({ min: -128, max: 127 }), uint8: fc.integer({ min: 0, max: 255 }) } as const;

describe("products", () => {
  it("MatMul equals onnxruntime's for rows, columns and batches that broadcast", async () => {
    const cases = matMulShapes.chain(([a, b]) => fc.tuple(quarters(a), quarters(b), fc.constantFrom(7, 9, 13)));
    await fc.assert(
      fc.asyncProperty(cases, ([a, b, opset]) => expectAgreement({ operator: "MatMul", opset, inputs: [a, b] })),
      { numRuns: runs(24) },
    );
  });

  it("Gemm equals onnxruntime's for transposes, factors and addends that repeat", async () => {
    await fc.assert(
      fc.asyncProperty(gemm, (nodeCase) => expectAgreement(nodeCase)),
      { numRuns: runs(24) },
    );
  });

  it("MatMulInteger equals onnxruntime's, zero points per tensor and per column", async () => {
    const cases = matMulShapes
      .filter(([a, b]) => a.length > 1 && b.length > 1)
      .chain(([a, b]) => {
        const columns = b.length === 2 ? fc.constantFrom([], [b[1] ?? 1]) : fc.constant([]);
        return fc.tuple(
          elements("uint8", a, bytes.uint8),
          elements("int8", b, bytes.int8),
          maybe(elements("uint8", [], bytes.uint8)),
          columns.chain((shape) => elements("int8", shape, bytes.int8)),
        );
      });
    await fc.assert(
      fc.asyncProperty(cases, (inputs) =>
        expectAgreement({ operator: "MatMulInteger", opset: 10, inputs, outputTypes: ["int32"] }, 0),
      ),
      { numRuns: runs(16) },
    );
  });

  it("ConvInteger equals onnxruntime's, whose padding is the zero point", async () => {
    const cases = fc
      .tuple(small, small, small, fc.nat(2))
      .chain(([channels, filters, kernel, pad]) =>
        fc.tuple(
          elements("uint8", [1, channels, kernel + 2, kernel + 1], bytes.uint8),
          elements("uint8", [filters, channels, kernel, kernel], bytes.uint8),
          elements("uint8", [], bytes.uint8),
          elements("uint8", [], bytes.uint8),
          fc.constant({ pads: integers([pad, 0, pad, 1]) }),
        ),
      );
    await fc.assert(
      fc.asyncProperty(cases, ([x, w, xZero, wZero, attributes]) =>
        expectAgreement(
          { operator: "ConvInteger", opset: 10, inputs: [x, w, xZero, wZero], attributes, outputTypes: ["int32"] },
          0,
        ),
      ),
      { numRuns: runs(16) },
    );
  });

  it("QLinearConv and QLinearMatMul equal onnxruntime's to the word", async () => {
    const scale = fc.constantFrom(0.5, 0.0078125, 0.02, 0.013);
    const scalar = (type: "float32" | "uint8" | "int8", value: fc.Arbitrary<number>): fc.Arbitrary<AnyTensor> =>
      elements(type, [], value);
    const product = fc
      .tuple(small, small, small)
      .chain(([rows, inner, columns]) =>
        fc.tuple(
          elements("uint8", [rows, inner], bytes.uint8),
          scalar("float32", scale),
          scalar("uint8", bytes.uint8),
          elements("int8", [inner, columns], bytes.int8),
          scalar("float32", scale),
          scalar("int8", fc.constant(0)),
          scalar("float32", scale),
          scalar("uint8", bytes.uint8),
        ),
      );
    await fc.assert(
      fc.asyncProperty(product, (inputs) =>
        expectAgreement({ operator: "QLinearMatMul", opset: 10, inputs, outputTypes: ["uint8"] }, 0),
      ),
      { numRuns: runs(16) },
    );
    const convolution = fc
      .tuple(small, small)
      .chain(([channels, filters]) =>
        fc.tuple(
          elements("uint8", [1, channels, 4, 3], bytes.uint8),
          scalar("float32", scale),
          scalar("uint8", bytes.uint8),
          elements("int8", [filters, channels, 2, 2], bytes.int8),
          elements("float32", [filters], scale),
          elements("int8", [filters], fc.constant(0)),
          scalar("float32", scale),
          scalar("uint8", bytes.uint8),
          elements("int32", [filters], fc.integer({ min: -1000, max: 1000 })),
        ),
      );
    await fc.assert(
      fc.asyncProperty(convolution, (inputs) =>
        expectAgreement({ operator: "QLinearConv", opset: 10, inputs, outputTypes: ["uint8"] }, 0),
      ),
      { numRuns: runs(16) },
    );
  });

  it("refuses matrices that do not fit", () => {
    const ones = (shape: readonly number[]): AnyTensor =>
      tensorFrom("float32", shape, new Array(shape.reduce((total, size) => total * size, 1)).fill(1));
    const run = (operator: string, ...shapes: readonly (readonly number[])[]): unknown =>
      interpreted({ operator, opset: 13, inputs: shapes.map(ones) });
    expect(() => run("MatMul", [2, 3], [2, 3])).toThrow(/no matrix product/);
    expect(() => run("MatMul", [], [2])).toThrow(/no matrix product/);
    expect(() => run("MatMul", [2, 1, 3], [3, 3, 1])).toThrow(/broadcast/);
    expect(() => run("Gemm", [2, 3], [2, 3])).toThrow(/2 × 3 times 2 × 3/);
    expect(() => run("Gemm", [2, 3], [3, 2], [3])).toThrow(/broadcast/);
    expect(() => run("Gemm", [1, 3], [3, 2], [2, 2])).toThrow(/input C/);
  });
});
