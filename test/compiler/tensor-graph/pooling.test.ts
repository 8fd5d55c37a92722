import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import { expectAgreement, integers, interpreted, type NodeCase, quarters, runs } from "./onnxruntime.ts";

interface Axis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
  readonly input: number;
}

const small = fc.integer({ min: 1, max: 3 });

function axisOf(dilations: boolean): fc.Arbitrary<Axis> {
  return fc
    .tuple(small, small, dilations ? small : fc.constant(1), fc.nat(2), fc.nat(2), fc.nat(5))
    .map(([kernel, stride, dilation, first, last, extra]) => {
      const before = Math.min(first, kernel - 1);
      const after = Math.min(last, kernel - 1);
      const extent = (kernel - 1) * dilation + 1;
      // As many elements as the window is long: no window lies in padding alone.
      return { kernel, stride, dilation, before, after, input: extent + extra };
    });
}

interface Variant {
  readonly operator: string;
  readonly opset: number;
  readonly ceil: boolean;
  readonly dilations: boolean;
}

const VARIANTS: readonly Variant[] = [
  { operator: "MaxPool", opset: 7, ceil: false, dilations: false },
  { operator: "MaxPool", opset: 8, ceil: false, dilations: false },
  { operator: "MaxPool", opset: 10, ceil: true, dilations: true },
  { operator: "MaxPool", opset: 12, ceil: true, dilations: true },
  { operator: "AveragePool", opset: 7, ceil: false, dilations: false },
  { operator: "AveragePool", opset: 10, ceil: true, dilations: false },
  { operator: "AveragePool", opset: 11, ceil: true, dilations: false },
  { operator: "AveragePool", opset: 19, ceil: true, dilations: true },
  { operator: "LpPool", opset: 11, ceil: false, dilations: false },
];

function poolCase({ operator, opset, ceil, dilations }: Variant): fc.Arbitrary<NodeCase> {
  return fc
    .tuple(
      fc.array(axisOf(dilations), { minLength: 1, maxLength: 3 }),
      small,
      small,
      ceil ? fc.boolean() : fc.constant(false),
      fc.boolean(),
      fc.constantFrom("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"),
    )
    .chain(([axes, batch, channels, ceilMode, countPadding, auto]) =>
      quarters([batch, channels, ...axes.map(({ input }) => input)]).map((x): NodeCase => {
        const same = auto.startsWith("SAME");
        return {
          operator,
          opset,
          inputs: [x],
          attributes: {
            kernel_shape: integers(axes.map(({ kernel }) => kernel)),
            // onnxruntime refuses SAME with strides beyond the kernel.
            strides: integers(axes.map(({ stride, kernel }) => (same ? Math.min(stride, kernel) : stride))),
            ...(dilations && !same ? { dilations: integers(axes.map(({ dilation }) => dilation)) } : {}),
            // ceil_mode and auto_pad together: ONNX's text and onnxruntime differ.
            ...(ceil && auto === "NOTSET" ? { ceil_mode: ceilMode ? 1n : 0n } : {}),
            ...(operator === "AveragePool" ? { count_include_pad: countPadding ? 1n : 0n } : {}),
            ...(operator === "LpPool" ? { p: 2n } : {}),
            ...(auto === "NOTSET"
              ? { pads: integers([...axes.map(({ before }) => before), ...axes.map(({ after }) => after)]) }
              : { auto_pad: auto }),
          },
        };
      }),
    );
}

describe("pooling", () => {
  it.each(VARIANTS)("$operator of opset $opset equals onnxruntime's", async (variant) => {
    await fc.assert(
      fc.asyncProperty(poolCase(variant), (nodeCase) => expectAgreement(nodeCase)),
      { numRuns: runs(16) },
    );
  });

  it("MaxPool's indices equal onnxruntime's, rows first and columns first", async () => {
    const withIndices = poolCase({ operator: "MaxPool", opset: 12, ceil: true, dilations: true }).chain((nodeCase) =>
      fc.nat(1).map(
        (order): NodeCase => ({
          ...nodeCase,
          outputs: 2,
          outputTypes: ["float32", "int64"],
          attributes: { ...nodeCase.attributes, storage_order: BigInt(order) },
        }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(withIndices, (nodeCase) => expectAgreement(nodeCase)),
      { numRuns: runs(16) },
    );
  });

  it.each(["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])("%s equals onnxruntime's", async (operator) => {
    const x = fc.array(small, { minLength: 3, maxLength: 5 }).chain(quarters);
    await fc.assert(
      fc.asyncProperty(x, (input) => expectAgreement({ operator, opset: 13, inputs: [input] })),
      { numRuns: runs(15) },
    );
  });

  it("a mean counts padding if told so, but never what ceil_mode adds beyond it", () => {
    const mean = (countPadding: bigint): readonly number[] => {
      const [y] = interpreted({
        operator: "AveragePool",
        opset: 11,
        inputs: [tensorFrom("float32", [1, 1, 4], [1, 2, 3, 4])],
        attributes: {
          kernel_shape: [3n],
          strides: [2n],
          pads: [1n, 0n],
          ceil_mode: 1n,
          count_include_pad: countPadding,
        },
      });
      return Array.from(y?.data ?? [], Number);
    };
    // Windows: padding 1 2 · 2 3 4; a third one would begin at the end.
    expect(mean(0n)).toEqual([1.5, 3]);
    expect(mean(1n)).toEqual([1, 3]);
    const [y] = interpreted({
      operator: "AveragePool",
      opset: 11,
      inputs: [tensorFrom("float32", [1, 1, 5], [1, 2, 3, 4, 6])],
      attributes: { kernel_shape: [4n], strides: [3n], ceil_mode: 1n, count_include_pad: 1n },
    });
    expect(Array.from(y?.data ?? [], Number)).toEqual([2.5, 5]);
  });

  it("a kernel much longer than its input reads what there is, and one beyond measure is refused", () => {
    const nodeCase = (kernel: bigint): NodeCase => ({
      operator: "AveragePool",
      opset: 11,
      inputs: [tensorFrom("float32", [1, 1, 2], [1, 2])],
      attributes: {
        kernel_shape: [kernel],
        pads: [kernel - 1n, kernel - 1n],
        count_include_pad: 1n,
        strides: [kernel],
      },
    });
    const [y] = interpreted(nodeCase(1000n));
    expect(y?.shape).toEqual([1, 1, 2]);
    expect(Number(y?.data[0])).toBeCloseTo(1 / 1000, 8);
    expect(() => interpreted(nodeCase(2n ** 40n))).toThrow(/kernel_shape/);
  });

  it("refuses padding that holds a whole window", () => {
    expect(() =>
      interpreted({
        operator: "MaxPool",
        opset: 11,
        inputs: [tensorFrom("float32", [1, 1, 4], [1, 2, 3, 4])],
        attributes: { kernel_shape: [2n], pads: [2n, 0n] },
      }),
    ).toThrow(/pads/);
  });
});
