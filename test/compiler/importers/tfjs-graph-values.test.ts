/** Arithmetic, shapes and parts of values in graph models compute what TensorFlow.js's executor computes. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { loadTensorFlow, type TensorFlow } from "../../../runtime/training/tensorflow.ts";
import {
  expectSameAsExecutor,
  flag,
  GraphModelBuilder,
  importGraph,
  integer,
  integers,
  number,
  text,
  type,
} from "./graph-model.ts";

let tf: TensorFlow;
beforeAll(async () => {
  ({ tf } = await loadTensorFlow());
  await tf.setBackend("cpu");
});

const IMAGE = [-1, 4, 3, 6] as const;

describe("arithmetic", () => {
  const shapes = [[], [1], [6], [1, 6], [3, 1], [4, 1, 1], [4, 3, 6], [1, 4, 3, 6], [1, 1, 3, 6]];
  const operators = ["Add", "AddV2", "Sub", "Mul", "RealDiv"];

  it("with a constant of any shape that repeats, on either side", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...operators),
        fc.constantFrom(...shapes),
        fc.boolean(),
        fc.nat(999),
        async (op, shape, isFirst, seed) => {
          const model = new GraphModelBuilder(IMAGE, seed);
          model.add("Sigmoid", "positive", ["image"]);
          model.weight("constant", shape, 0.5, 2);
          model.add(op, "result", isFirst ? ["constant", "positive"] : ["positive", "constant"]);
          await expectSameAsExecutor(tf, model.file(), seed);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("of two values, one of which is repeated: squeeze and excite", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...operators), fc.boolean(), fc.boolean(), async (op, isFirst, keeps) => {
        const model = new GraphModelBuilder(IMAGE);
        model.list("axes", 1, 2);
        model.add("Mean", "squeezed", ["image", "axes"], { keep_dims: flag(keeps) });
        model.add("Sigmoid", "gate", ["squeezed"]);
        model.add("Sigmoid", "positive", ["image"]);
        model.add(op, "result", isFirst ? ["gate", "positive"] : ["positive", "gate"]);
        await expectSameAsExecutor(tf, model.file());
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    "Relu",
    "Relu6",
    "Sigmoid",
    "Tanh",
    "Neg",
    "Square",
    "Exp",
    "LeakyRelu",
    "Elu",
    "Selu",
    "Softplus",
    "Erf",
    "Abs",
  ])("%s", async (op) => {
    const model = new GraphModelBuilder(IMAGE);
    model.add(op, "result", ["image"], { alpha: number(0.3) });
    await expectSameAsExecutor(tf, model.file());
  });

  it.each(["Sqrt", "Rsqrt", "Reciprocal"])("%s of positive numbers", async (op) => {
    const model = new GraphModelBuilder(IMAGE);
    model.add("Sigmoid", "positive", ["image"]);
    model.add(op, "result", ["positive"]);
    await expectSameAsExecutor(tf, model.file());
  });

  it("Maximum, Minimum and ClipByValue with numbers; Prelu with a slope per channel", async () => {
    const model = new GraphModelBuilder(IMAGE);
    model.constant("low", [], [-0.7]);
    model.constant("high", [], [0.9]);
    model.constant("end", [], [0.5]);
    model.weight("slope", [1, 1, 6]);
    model.add("Prelu", "prelu", ["image", "slope"]);
    model.add("Maximum", "a", ["low", "prelu"]);
    model.add("Minimum", "b", ["a", "high"]);
    model.add("ClipByValue", "c", ["b", "low", "end"]);
    const graph = await expectSameAsExecutor(tf, model.file());
    expect(graph.nodes.filter(({ op }) => op === "function")).toHaveLength(3);
  });

  it("AddN of the same value three times; a batch normalization written out; a mean of rows", async () => {
    const model = new GraphModelBuilder(IMAGE);
    model.weight("variance", [6], 0.2, 1);
    model.constant("epsilon", [], [0.001]);
    model.weight("gamma", [6]);
    model.list("axes", -3);
    model.add("AddN", "sum", ["image", "image", "image"]);
    model.add("AddV2", "safe", ["variance", "epsilon"]);
    model.add("Rsqrt", "inverse", ["safe"]);
    model.add("Mul", "factor", ["inverse", "gamma"]);
    model.add("Mul", "scaled", ["sum", "factor"]);
    model.add("Mean", "mean", ["scaled", "axes"], { keep_dims: flag(true) });
    const graph = await expectSameAsExecutor(tf, model.file());
    expect(graph.nodes.map(({ op }) => op)).toContain("batchNormalization");
  });

  it("a bias behind a layer that something else reads stays a node of its own", async () => {
    const model = new GraphModelBuilder(IMAGE);
    model.weight("kernel", [1, 1, 6, 6]);
    model.weight("bias", [6]);
    model.add("Conv2D", "conv", ["image", "kernel"], {
      strides: integers(1, 1, 1, 1),
      dilations: integers(1, 1, 1, 1),
      padding: text("SAME"),
    });
    model.add("Identity", "same", ["conv"]);
    model.add("BiasAdd", "biased", ["same", "bias"]);
    model.add("Mul", "result", ["biased", "same"]);
    const graph = await expectSameAsExecutor(tf, model.file());
    expect(graph.nodes.map(({ op }) => op)).toEqual(["conv2d", "batchNormalization", "multiply"]);
  });
});

describe("shapes", () => {
  it("a flatten whose shape is computed from the input's becomes one reshape", async () => {
    const model = new GraphModelBuilder(IMAGE);
    model.list("zero", 0);
    model.list("one", 1);
    model.list("end", 4);
    model.add("Shape", "shape", ["image"], { out_type: type("DT_INT32") });
    model.add("StridedSlice", "batch", ["shape", "zero", "one", "one"], { shrink_axis_mask: integer(1) });
    model.add("StridedSlice", "rest", ["shape", "one", "end", "one"], { end_mask: integer(1) });
    model.list("axis", 0);
    model.add("Prod", "features", ["rest", "axis"], { keep_dims: flag(false) });
    model.add("Pack", "target", ["batch", "features"], { axis: integer(0) });
    model.add("Reshape", "flat", ["image", "target"]);
    model.weight("kernel", [72, 4]);
    model.add("MatMul", "fc", ["flat", "kernel"]);
    model.add("Softmax", "softmax", ["fc"]);
    model.list("again", 1, 2, 2);
    model.add("Reshape", "shaped", ["softmax", "again"]);
    const graph = await expectSameAsExecutor(tf, model.file());
    expect(graph.nodes.map(({ op, name }) => [op, name])).toEqual([
      ["reshape", "flat"],
      ["dense", "fc"],
      ["softmax", "softmax"],
    ]);
  });

  it("Squeeze, ExpandDims and Reshape with an open size", async () => {
    const model = new GraphModelBuilder([-1, 1, 5, 4]);
    model.list("target", -1, 10, 2);
    model.scalar("axis", -1);
    model.add("Squeeze", "squeezed", ["image"], { squeeze_dims: integers(1) });
    model.add("ExpandDims", "expanded", ["squeezed", "axis"]);
    model.add("Reshape", "shaped", ["expanded", "target"]);
    model.add("Tanh", "result", ["shaped"]);
    await expectSameAsExecutor(tf, model.file());
  });

  it("Transpose: every permutation of up to six axes", async () => {
    const cases = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 }).chain((sizes) => {
      const shape = [1, ...sizes];
      const axes = shape.map((_size, axis) => axis);
      return fc.record({
        shape: fc.constant(shape),
        permutation: fc.shuffledSubarray(axes, { minLength: axes.length, maxLength: axes.length }),
      });
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, permutation }) => {
        const count = shape.reduce((a, b) => a * b, 1);
        const model = new GraphModelBuilder([-1, count]);
        model.list("shape", ...shape);
        model.list("permutation", ...permutation);
        model.list("end", 1, count);
        model.add("Tanh", "value", ["image"]);
        model.add("Reshape", "shaped", ["value", "shape"]);
        model.add("Transpose", "moved", ["shaped", "permutation"]);
        model.add("Reshape", "flat", ["moved", "end"]);
        await expectSameAsExecutor(tf, model.file());
      }),
      { numRuns: 80 },
    );
  });

  it("Pad: rows and columns at once, channels on their own", async () => {
    for (const [op, sides] of [
      ["Pad", [0, 0, 1, 2, 0, 3, 0, 0]],
      ["PadV2", [0, 0, 0, 0, 1, 0, 2, 1]],
    ] as const) {
      const model = new GraphModelBuilder(IMAGE);
      model.constant("paddings", [4, 2], sides, "int32");
      model.constant("zero", [], [0]);
      model.add(op, "padded", op === "Pad" ? ["image", "paddings"] : ["image", "paddings", "zero"]);
      await expectSameAsExecutor(tf, model.file());
    }
  });

  it("an input of integers that is cast to floats and scaled", async () => {
    const model = new GraphModelBuilder([1, 5, 4, 3], 1, "DT_INT32");
    model.add("Cast", "float", ["image"], { SrcT: type("DT_INT32"), DstT: type("DT_FLOAT") });
    model.constant("half", [], [127.5]);
    model.constant("one", [], [1]);
    model.add("RealDiv", "scaled", ["float", "half"]);
    model.add("Sub", "centred", ["scaled", "one"]);
    await expectSameAsExecutor(tf, model.file());
  });
});

describe("parts", () => {
  const bound = (size: number) => fc.integer({ min: -size - 1, max: size + 1 });
  const sliceCase = fc.record({
    begin: fc.tuple(fc.constant(0), bound(4), bound(3), bound(6)),
    end: fc.tuple(fc.constant(1), bound(4), bound(3), bound(6)),
    strides: fc.tuple(fc.constant(1), fc.integer({ min: 1, max: 2 }), fc.constant(1), fc.integer({ min: 1, max: 3 })),
    beginMask: fc.nat(15),
    endMask: fc.nat(15),
  });

  it("StridedSlice with masks: as TensorFlow.js, or refused where nothing is left", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(sliceCase, async ({ begin, end, strides, beginMask, endMask }) => {
        const model = new GraphModelBuilder(IMAGE);
        model.list("begin", ...begin);
        model.list("end", ...end);
        model.list("strides", ...strides);
        model.add("Tanh", "value", ["image"]);
        model.add("StridedSlice", "part", ["value", "begin", "end", "strides"], {
          begin_mask: integer(beginMask),
          end_mask: integer(endMask),
        });
        const file = model.file();
        const isLeft = [4, 3, 6].every((size, index) => {
          const at = (position: number) => Math.min(Math.max(position < 0 ? position + size : position, 0), size);
          const start = beginMask & (2 << index) ? 0 : at(begin[index + 1] ?? 0);
          const stop = endMask & (2 << index) ? size : at(end[index + 1] ?? 0);
          return stop > start;
        });
        if (!isLeft) {
          expect(() => importGraph(file)).toThrow('node "part" (StridedSlice), axis');
          return;
        }
        compared++;
        await expectSameAsExecutor(tf, file);
      }),
      { numRuns: 150 },
    );
    expect(compared).toBeGreaterThan(10);
  });

  it("StridedSlice with an ellipsis, a new axis and one axis gone", async () => {
    const model = new GraphModelBuilder(IMAGE);
    model.list("begin", 0, 0, 2);
    model.list("end", 0, 0, 3);
    model.list("strides", 1, 1, 1);
    model.add("StridedSlice", "part", ["image", "begin", "end", "strides"], {
      ellipsis_mask: integer(1),
      new_axis_mask: integer(2),
      shrink_axis_mask: integer(4),
    });
    const graph = await expectSameAsExecutor(tf, model.file());
    expect(graph.nodes.at(-1)?.shape).toEqual([4, 3, 1]);
  });

  it("Slice, Split, SplitV and Unpack, joined again by ConcatV2 and Pack in another order", async () => {
    const model = new GraphModelBuilder(IMAGE);
    model.scalar("channels", 3);
    model.scalar("rows", 1);
    model.list("sizes", 1, -1, 1);
    model.list("begin", 0, 1, 0, 2);
    model.list("size", 1, -1, 2, 3);
    model.add("Split", "split", ["channels", "image"], { num_split: integer(3) });
    model.add("ConcatV2", "turned", ["split:2", "split:0", "split:1", "channels"], { N: integer(3) });
    model.add("SplitV", "parts", ["turned", "sizes", "rows"], { num_split: integer(3) });
    model.add("ConcatV2", "rowsTurned", ["parts:1", "parts:2", "parts", "rows"], { N: integer(3) });
    model.add("Unpack", "columns", ["rowsTurned"], { axis: integer(2), num: integer(3) });
    model.add("Pack", "packed", ["columns:2", "columns:0", "columns:1"], { axis: integer(2), N: integer(3) });
    model.add("Slice", "part", ["packed", "begin", "size"]);
    await expectSameAsExecutor(tf, model.file());
  });

  it("ResizeNearestNeighbor: repeated, or every n-th, by each rule for positions", async () => {
    for (const [size, attributes] of [
      [[8, 9], {}],
      [[12, 3], { half_pixel_centers: flag(true) }],
      [[2, 3], {}],
      [[2, 9], {}],
      [[1, 1], { align_corners: flag(true) }],
    ] as const) {
      const model = new GraphModelBuilder(IMAGE);
      model.list("size", ...size);
      model.add("Tanh", "value", ["image"]);
      model.add("ResizeNearestNeighbor", "resized", ["value", "size"], attributes);
      await expectSameAsExecutor(tf, model.file());
    }
  });
});
