import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { expectAgreement, interpreted, type NodeCase, quarters, runs } from "./onnxruntime.ts";

const size = fc.integer({ min: 1, max: 5 });

const NEAREST_MODES = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] as const;

const EMPTY = tensorFrom("float32", [0], []);

/** An image with the output's sizes, both on rows and columns. */
const sizes = fc.tuple(size, size, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }));

function sized(opset: number, mode: string, coordinates: readonly string[]): fc.Arbitrary<NodeCase> {
  return fc
    .tuple(sizes, fc.constantFrom(...coordinates), fc.constantFrom(...NEAREST_MODES))
    .chain(([[rows, columns, newRows, newColumns], coordinate, nearest]) =>
      quarters([1, 2, rows, columns]).map(
        (x): NodeCase => ({
          operator: "Resize",
          opset,
          inputs: [x, EMPTY, EMPTY, tensorFrom("int64", [4], [1, 2, newRows, newColumns])],
          constants: [1, 2, 3],
          attributes: {
            mode,
            coordinate_transformation_mode: coordinate,
            ...(mode === "nearest" ? { nearest_mode: nearest } : {}),
          },
        }),
      ),
    );
}

function scaled(opset: number, operator: string, mode: string, scales: readonly number[]): fc.Arbitrary<NodeCase> {
  const scale = fc.constantFrom(...scales);
  return fc.tuple(size, size, scale, scale).chain(([rows, columns, down, right]) =>
    quarters([1, 2, rows + 3, columns + 3]).map((x): NodeCase => {
      const factors = [1, 1, down, right];
      const tensor = tensorFrom("float32", [4], factors);
      if (operator === "Upsample" && opset < 9)
        return { operator, opset, inputs: [x], attributes: { mode, scales: factors } };
      const inputs = opset < 11 ? [x, tensor] : [x, EMPTY, tensor];
      return {
        operator,
        opset,
        inputs,
        constants: inputs.map((_, position) => position).slice(1),
        attributes: { mode, ...(opset < 11 ? {} : { coordinate_transformation_mode: "asymmetric" }) },
      };
    }),
  );
}

const COORDINATES = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"] as const;

describe("Resize", () => {
  it.each([
    [11, "nearest", [...COORDINATES, "tf_half_pixel_for_nn"]],
    [13, "nearest", COORDINATES],
    [19, "nearest", COORDINATES],
    [11, "linear", COORDINATES],
    [19, "linear", [...COORDINATES, "half_pixel_symmetric"]],
    [13, "cubic", ["half_pixel", "align_corners", "asymmetric"]],
  ] as const)("of opset %i, %s, to sizes equals onnxruntime's", async (opset, mode, coordinates) => {
    await fc.assert(
      fc.asyncProperty(sized(opset, mode, coordinates), (nodeCase) => expectAgreement(nodeCase, 1e-4)),
      { numRuns: runs(24) },
    );
  });

  it.each([
    [7, "Upsample", "nearest", [1, 2, 3, 1.5]],
    [9, "Upsample", "nearest", [1, 2, 3, 1.5]],
    [9, "Upsample", "linear", [1, 2, 3]],
    [10, "Resize", "nearest", [1, 2, 0.5, 0.6, 1 / 3]],
    [10, "Resize", "linear", [1, 2, 0.5]],
    [11, "Resize", "nearest", [1, 2, 0.5, 0.6, 1 / 3, 2.5]],
    [13, "Resize", "linear", [1, 2, 0.5, 2.5]],
  ] as const)("of opset %i, %s, %s, by scales equals onnxruntime's", async (opset, operator, mode, scales) => {
    await fc.assert(
      fc.asyncProperty(scaled(opset, operator, mode, scales), (nodeCase) => expectAgreement(nodeCase, 1e-4)),
      { numRuns: runs(16) },
    );
  });

  // onnxruntime's float32 misses whole coordinates of this mode, such as 3 pixels to 1.
  it("to sizes, half_pixel_symmetric is half_pixel", () => {
    fc.assert(
      fc.property(sized(19, "nearest", ["half_pixel"]), (nodeCase) => {
        const attributes = { ...nodeCase.attributes, coordinate_transformation_mode: "half_pixel_symmetric" };
        expect(interpreted({ ...nodeCase, attributes })).toEqual(interpreted(nodeCase));
      }),
      { numRuns: 50 },
    );
  });

  it("by whole factors, nearest, repeats every element", () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 4 }), ([rows, columns], factor) => {
        const x = tensorFrom(
          "float32",
          [1, 1, rows, columns],
          Array.from({ length: rows * columns }, (_, index) => index),
        );
        const [y] = interpreted({
          operator: "Resize",
          opset: 13,
          inputs: [x, undefined, tensorFrom("float32", [4], [1, 1, factor, factor])],
        });
        expect(y?.shape).toEqual([1, 1, rows * factor, columns * factor]);
        for (const [index, value] of Array.from(y?.data ?? [], Number).entries()) {
          const row = Math.floor(index / (columns * factor));
          const column = index % (columns * factor);
          expect(value).toBe(Math.floor(row / factor) * columns + Math.floor(column / factor));
        }
      }),
    );
  });

  it("a scale of 1/3 meets the pixels that its inverse names", () => {
    const [y] = interpreted({
      operator: "Resize",
      opset: 13,
      inputs: [
        tensorFrom("float32", [1, 1, 1, 9], [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        undefined,
        tensorFrom("float32", [4], [1, 1, 1, 1 / 3]),
      ],
      attributes: { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
    });
    expect(Array.from(y?.data ?? [], Number)).toEqual([0, 3, 6]);
  });

  it("with axes and an aspect policy of opset 18 keeps the smaller or the larger ratio", () => {
    const shapeOf = (policy: string): readonly number[] | undefined => {
      const x: AnyTensor = tensorFrom("float32", [1, 1, 4, 8], new Array(32).fill(1));
      const [y] = interpreted({
        operator: "Resize",
        opset: 18,
        inputs: [x, undefined, undefined, tensorFrom("int64", [2], [8, 2])],
        attributes: { axes: [-1n, 2n], keep_aspect_ratio_policy: policy },
      });
      return y?.shape;
    };
    expect(shapeOf("stretch")).toEqual([1, 1, 2, 8]);
    expect(shapeOf("not_larger")).toEqual([1, 1, 2, 4]);
    expect(shapeOf("not_smaller")).toEqual([1, 1, 4, 8]);
  });

  it("refuses both scales and sizes, neither, antialiasing, and sizes beyond all memory", () => {
    const x = tensorFrom("float32", [1, 1, 2, 2], [1, 2, 3, 4]);
    const scales = tensorFrom("float32", [4], [1, 1, 2, 2]);
    const target = tensorFrom("int64", [4], [1, 1, 2, 2]);
    const run = (inputs: NodeCase["inputs"], attributes: NodeCase["attributes"] = {}): unknown =>
      interpreted({ operator: "Resize", opset: 18, inputs, attributes });
    expect(() => run([x, undefined, scales, target])).toThrow(/both or none/);
    expect(() => run([x])).toThrow(/both or none/);
    expect(() => run([x, undefined, scales], { antialias: 1n })).toThrow(/antialias/);
    expect(() => run([x, undefined, tensorFrom("float32", [4], [1, 1, 1e9, 1e9])])).toThrow(/elements in all/);
    expect(() => run([x, undefined, tensorFrom("float32", [4], [1, 1, -1, 1])])).toThrow(/positive/);
  });
});
