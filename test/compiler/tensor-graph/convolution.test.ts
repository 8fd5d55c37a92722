import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import { expectAgreement, integers, interpreted, maybe, type NodeCase, quarters, runs } from "./onnxruntime.ts";

const size = fc.integer({ min: 1, max: 3 });

interface Axis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
  readonly input: number;
}

/** A window that fits into its padded input. */
const axis: fc.Arbitrary<Axis> = fc
  .tuple(
    size,
    size,
    size,
    fc.integer({ min: 0, max: 2 }),
    fc.integer({ min: 0, max: 2 }),
    fc.integer({ min: 0, max: 5 }),
  )
  .map(([kernel, stride, dilation, before, after, extra]) => {
    const extent = (kernel - 1) * dilation + 1;
    return { kernel, stride, dilation, before, after, input: Math.max(extent - before - after, 1) + extra };
  });

const autoPad = fc.constantFrom("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER");
const opset = fc.constantFrom(7, 10, 11, 13, 17, 22);

const convolution: fc.Arbitrary<NodeCase> = fc
  .tuple(
    fc.array(axis, { minLength: 1, maxLength: 3 }),
    fc.integer({ min: 1, max: 2 }),
    size,
    size,
    size,
    autoPad,
    opset,
  )
  .chain(([axes, batch, groups, channels, filters, auto, version]) => {
    // SAME with dilations is refused by onnxruntime.
    const plain = auto.startsWith("SAME");
    const used =
      auto === "NOTSET"
        ? axes
        : axes.map((each) => ({ ...each, dilation: plain ? 1 : each.dilation, input: each.input + 4 }));
    return fc
      .tuple(
        quarters([batch, groups * channels, ...used.map(({ input }) => input)]),
        quarters([groups * filters, channels, ...used.map(({ kernel }) => kernel)]),
        maybe(quarters([groups * filters])),
      )
      .map(
        ([x, w, b]): NodeCase => ({
          operator: "Conv",
          opset: version,
          inputs: b === undefined ? [x, w] : [x, w, b],
          attributes: {
            group: BigInt(groups),
            strides: integers(used.map(({ stride }) => stride)),
            dilations: integers(used.map(({ dilation }) => dilation)),
            ...(auto === "NOTSET"
              ? { pads: integers([...used.map(({ before }) => before), ...used.map(({ after }) => after)]) }
              : { auto_pad: auto }),
          },
        }),
      );
  });

const transposed: fc.Arbitrary<NodeCase> = fc
  .tuple(fc.array(axis, { minLength: 1, maxLength: 2 }), size, size, size, fc.constantFrom("NOTSET", "VALID"), opset)
  .chain(([axes, groups, channels, filters, auto, version]) =>
    fc
      .tuple(
        quarters([1, groups * channels, ...axes.map(({ input }) => input)]),
        quarters([groups * channels, filters, ...axes.map(({ kernel }) => kernel)]),
        maybe(quarters([groups * filters])),
        fc.tuple(...axes.map(({ stride }) => fc.integer({ min: 0, max: stride - 1 }))),
      )
      .map(([x, w, b, outputPadding]): NodeCase => {
        const pads = axes.map(({ kernel, dilation, stride, input, before, after }, at) => {
          // Something must be left of the output.
          const full = (input - 1) * stride + (kernel - 1) * dilation + 1 + (outputPadding[at] ?? 0);
          const first = Math.min(before, full - 1);
          return [first, Math.min(after, full - 1 - first)] as const;
        });
        return {
          operator: "ConvTranspose",
          opset: version,
          inputs: b === undefined ? [x, w] : [x, w, b],
          attributes: {
            group: BigInt(groups),
            strides: integers(axes.map(({ stride }) => stride)),
            dilations: integers(axes.map(({ dilation }) => dilation)),
            output_padding: integers(outputPadding),
            ...(auto === "VALID"
              ? { auto_pad: auto }
              : { pads: integers([...pads.map(([first]) => first), ...pads.map(([, last]) => last)]) }),
          },
        };
      }),
  );

describe("convolution", () => {
  it("Conv equals onnxruntime's for groups, dilations, strides, uneven padding and one to three axes", async () => {
    await fc.assert(
      fc.asyncProperty(convolution, (nodeCase) => expectAgreement(nodeCase)),
      { numRuns: runs(24) },
    );
  });

  it("ConvTranspose equals onnxruntime's for groups, dilations, strides, padding and output padding", async () => {
    await fc.assert(
      fc.asyncProperty(transposed, (nodeCase) => expectAgreement(nodeCase)),
      { numRuns: runs(24) },
    );
  });

  it("ConvTranspose puts the odd cell of an asked-for size at the beginning, but SAME_UPPER at the end", () => {
    const y = (autoPad: string): readonly number[] => {
      const nodeCase: NodeCase = {
        operator: "ConvTranspose",
        opset: 13,
        inputs: [tensorFrom("float32", [1, 1, 2], [1, 10]), tensorFrom("float32", [1, 1, 3], [1, 2, 3])],
        attributes: { output_shape: [3n], auto_pad: autoPad, strides: [1n] },
      };
      return Array.from(interpreted(nodeCase)[0]?.data ?? [], Number);
    };
    // The whole result is 1, 12, 23, 30.
    expect(y("SAME_UPPER")).toEqual([1, 12, 23]);
    expect(y("SAME_LOWER")).toEqual([12, 23, 30]);
    expect(y("NOTSET")).toEqual([12, 23, 30]);
  });

  it("ConvTranspose with SAME and a stride beyond the kernel fills the rest with the bias", () => {
    const [y] = interpreted({
      operator: "ConvTranspose",
      opset: 13,
      inputs: [
        tensorFrom("float32", [1, 1, 2], [1, 10]),
        tensorFrom("float32", [1, 1, 1], [3]),
        tensorFrom("float32", [1], [0.5]),
      ],
      attributes: { auto_pad: "SAME_UPPER", strides: [3n] },
    });
    expect(Array.from(y?.data ?? [], Number)).toEqual([3.5, 0.5, 0.5, 30.5, 0.5, 0.5]);
  });

  it.each<[string, Partial<NodeCase>, RegExp]>([
    ["groups that do not divide the channels", { attributes: { group: 2n } }, /group: found 2/],
    ["a kernel_shape that is not the weights'", { attributes: { kernel_shape: [2n] } }, /kernel_shape/],
    ["padding below zero", { attributes: { pads: [-1n, 0n] } }, /pads/],
    ["weights of another number of channels", { attributes: { group: 3n } }, /input W/],
    ["a stride of zero", { attributes: { strides: [0n] } }, /strides/],
    ["padding besides auto_pad", { attributes: { auto_pad: "VALID", pads: [1n, 1n] } }, /auto_pad VALID/],
    ["padding beyond all memory", { attributes: { pads: [0n, 2n ** 40n] } }, /pads.*expected 2 integers from 0 to/],
    ["a window that fits nowhere", { attributes: { dilations: [9n] } }, /does not fit/],
  ])("refuses %s", (_what, change, message) => {
    const nodeCase: NodeCase = {
      operator: "Conv",
      opset: 13,
      inputs: [
        tensorFrom("float32", [1, 3, 4], new Array(12).fill(1)),
        tensorFrom("float32", [2, 3, 3], new Array(18).fill(1)),
      ],
      ...change,
    };
    expect(() => interpreted(nodeCase)).toThrow(message);
  });
});
