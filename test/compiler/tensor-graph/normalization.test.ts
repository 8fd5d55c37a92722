import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { elements, expectAgreement, interpreted, maybe, type NodeCase, quarters, runs } from "./onnxruntime.ts";

const small = fc.integer({ min: 1, max: 4 });
const shape = fc.array(small, { minLength: 2, maxLength: 5 });
const image = fc.array(small, { minLength: 3, maxLength: 5 });

const batchNormalization: fc.Arbitrary<NodeCase> = fc
  .tuple(image, fc.constantFrom(7, 9, 13, 14, 15))
  .chain(([sizes, opset]) => {
    const channels = [sizes[1] ?? 1];
    return fc
      .tuple(
        quarters(sizes),
        quarters(channels),
        quarters(channels),
        quarters(channels),
        elements("float32", channels, fc.constantFrom(0.25, 1, 3)),
        fc.constantFrom(1e-5, 0.5),
      )
      .map(
        ([x, scale, shift, mean, variance, epsilon]): NodeCase => ({
          operator: "BatchNormalization",
          opset,
          inputs: [x, scale, shift, mean, variance],
          attributes: { epsilon },
        }),
      );
  });

describe("normalization", () => {
  it("BatchNormalization equals onnxruntime's", async () => {
    await fc.assert(
      fc.asyncProperty(batchNormalization, (nodeCase) => expectAgreement(nodeCase, 1e-4)),
      { numRuns: runs(16) },
    );
  });

  it("InstanceNormalization equals onnxruntime's", async () => {
    const cases = image.chain((sizes) =>
      fc.tuple(quarters(sizes), quarters([sizes[1] ?? 1]), quarters([sizes[1] ?? 1])),
    );
    await fc.assert(
      fc.asyncProperty(cases, (inputs) =>
        expectAgreement({ operator: "InstanceNormalization", opset: 13, inputs, attributes: { epsilon: 0.5 } }, 1e-4),
      ),
      { numRuns: runs(15) },
    );
  });

  it("LayerNormalization equals onnxruntime's over any last axes", async () => {
    const cases = shape.chain((sizes) =>
      fc.integer({ min: -sizes.length, max: sizes.length - 1 }).chain((axis) => {
        const last = sizes.slice(axis);
        return fc.tuple(quarters(sizes), quarters(last), maybe(quarters(last)), fc.constant(axis));
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, ([x, scale, shift, axis]) =>
        expectAgreement(
          {
            operator: "LayerNormalization",
            opset: 17,
            inputs: shift === undefined ? [x, scale] : [x, scale, shift],
            attributes: { axis: BigInt(axis), epsilon: 0.5 },
          },
          1e-4,
        ),
      ),
      { numRuns: runs(15) },
    );
  });

  it.each([18, 21])("GroupNormalization of opset %i equals onnxruntime's", async (opset) => {
    const cases = fc.tuple(small, small, small, small).chain(([batch, groups, each, rows]) => {
      const count = [opset === 18 ? groups : groups * each];
      return fc.tuple(quarters([batch, groups * each, rows, 2]), quarters(count), quarters(count), fc.constant(groups));
    });
    await fc.assert(
      fc.asyncProperty(cases, ([x, scale, shift, groups]) =>
        expectAgreement(
          {
            operator: "GroupNormalization",
            opset,
            inputs: [x, scale, shift],
            attributes: { num_groups: BigInt(groups), epsilon: 0.5 },
          },
          1e-4,
        ),
      ),
      { numRuns: runs(15) },
    );
  });

  it("LRN equals the sum over ⌊(size − 1) / 2⌋ channels before and ⌈(size − 1) / 2⌉ after", () => {
    fc.assert(
      fc.property(
        fc
          .tuple(small, fc.integer({ min: 1, max: 7 }), small)
          .chain(([batch, channels, rows]) => quarters([batch, channels, rows, 2])),
        fc.integer({ min: 1, max: 6 }),
        (x, size) => {
          const attributes = { size: BigInt(size), alpha: 0.5, beta: 0.75, bias: 2 };
          const [y] = interpreted({ operator: "LRN", opset: 13, inputs: [x], attributes });
          const [, channels = 1, rows = 1, columns = 1] = x.shape;
          const plane = rows * columns;
          for (const [index, value] of Array.from(x.data, Number).entries()) {
            const channel = Math.floor(index / plane) % channels;
            let squares = 0;
            for (let other = 0; other < channels; other++) {
              const distance = other - channel;
              const isNear = distance >= -Math.floor((size - 1) / 2) && distance <= Math.ceil((size - 1) / 2);
              if (isNear) squares += Number(x.data[index + distance * plane]) ** 2;
            }
            expect(Number(y?.data[index])).toBeCloseTo(value / (2 + (0.5 / size) * squares) ** 0.75, 5);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each(["Softmax", "LogSoftmax"])(
    "%s equals onnxruntime's, flattened before opset 13 and by axis since",
    async (operator) => {
      const cases = shape.chain((sizes) =>
        fc.tuple(quarters(sizes), fc.constantFrom(7, 11, 13), maybe(fc.integer({ min: 0, max: sizes.length - 1 }))),
      );
      await fc.assert(
        fc.asyncProperty(cases, ([x, opset, axis]) =>
          expectAgreement({
            operator,
            opset,
            inputs: [x],
            attributes: axis === undefined ? {} : { axis: BigInt(axis) },
          }),
        ),
        { numRuns: runs(16) },
      );
    },
  );

  it("Softmax of numbers whose exponentials overflow is finite", () => {
    const [y] = interpreted({ operator: "Softmax", opset: 13, inputs: [tensorFrom("float32", [3], [1e4, 1e4, -1e4])] });
    expect(Array.from(y?.data ?? [], Number)).toEqual([0.5, 0.5, 0]);
  });

  it("BatchNormalization in training is refused", () => {
    const one = (): AnyTensor => tensorFrom("float32", [1], [1]);
    const inputs = [tensorFrom("float32", [1, 1, 2], [1, 2]), one(), one(), one(), one()];
    const nodeCase: NodeCase = { operator: "BatchNormalization", opset: 15, inputs };
    expect(() => interpreted({ ...nodeCase, attributes: { training_mode: 1n } })).toThrow(/training mode/);
    expect(() => interpreted({ ...nodeCase, opset: 9, outputs: 3 })).toThrow(/training mode/);
  });
});
