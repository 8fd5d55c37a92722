/** Layers of graph models compute what TensorFlow.js's executor computes. */
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
  texts,
  type,
} from "./graph-model.ts";

let tf: TensorFlow;
beforeAll(async () => {
  ({ tf } = await loadTensorFlow());
  // The WASM backend of 4.22.0 yields zeros for "same" convolutions whose kernel is smaller than the stride on one axis.
  await tf.setBackend("cpu");
});

const settings = fc.record({
  rows: fc.integer({ min: 3, max: 9 }),
  columns: fc.integer({ min: 3, max: 9 }),
  channels: fc.integer({ min: 1, max: 4 }),
  kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  padding: fc.constantFrom("SAME", "VALID", "EXPLICIT"),
  sides: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
  filters: fc.integer({ min: 1, max: 5 }),
  seed: fc.nat(9999),
});

interface Settings {
  readonly rows: number;
  readonly columns: number;
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly dilation: number;
  readonly padding: string;
  readonly sides: readonly [number, number, number, number];
}

/** TensorFlow.js takes strides or dilations, not both. */
function windowOf({ kernel: [rows, columns], stride, dilation, padding, sides }: Settings, withDilation = true) {
  const strides = dilation > 1 && withDilation ? 1 : stride;
  const [top, bottom, left, right] = sides;
  return {
    strides: integers(1, strides, strides, 1),
    padding: text(padding),
    data_format: text("NHWC"),
    ...(withDilation && { dilations: integers(1, dilation, dilation, 1) }),
    ...(padding === "EXPLICIT" && { explicit_paddings: integers(0, 0, top, bottom, left, right, 0, 0) }),
    ksize: integers(1, rows, columns, 1),
  };
}

const fits = ({ rows, columns, kernel, dilation }: Settings): boolean =>
  (kernel[0] - 1) * dilation < rows && (kernel[1] - 1) * dilation < columns;

describe("convolutions: strides or dilation; same, valid and explicit padding", () => {
  it("Conv2D with BiasAdd and an activation as nodes of their own", async () => {
    await fc.assert(
      fc.asyncProperty(settings.filter(fits), fc.constantFrom("Relu", "Relu6", "Tanh"), async (given, activation) => {
        const { rows, columns, channels, kernel, filters, seed } = given;
        const model = new GraphModelBuilder([-1, rows, columns, channels], seed);
        model.weight("kernel", [...kernel, channels, filters]);
        model.weight("bias", [filters]);
        model.add("Conv2D", "conv", ["image", "kernel"], windowOf(given));
        model.add("BiasAdd", "biased", ["conv", "bias"], { data_format: text("NHWC") });
        model.add(activation, "active", ["biased"]);
        const graph = await expectSameAsExecutor(tf, model.file(), seed);
        const [layer] = graph.nodes;
        expect(layer?.name).toBe("conv");
        expect(layer?.op === "conv2d" && layer.bias?.shape).toEqual([filters]);
      }),
      { numRuns: 60 },
    );
  });

  it("_FusedConv2D: bias and every activation", async () => {
    await fc.assert(
      fc.asyncProperty(
        settings.filter(fits),
        fc.constantFrom("none", "Relu", "Relu6", "LeakyRelu", "Prelu", "Sigmoid"),
        async (given, activation) => {
          const { rows, columns, channels, kernel, filters, seed } = given;
          const model = new GraphModelBuilder([1, rows, columns, channels], seed);
          model.weight("kernel", [...kernel, channels, filters]);
          model.weight("bias", [filters]);
          const inputs = ["image", "kernel", "bias"];
          if (activation === "Prelu") inputs.push(model.weight("slope", [1, 1, filters], 0, 1));
          model.add("_FusedConv2D", "conv", inputs, {
            ...windowOf(given),
            fused_ops: activation === "none" ? texts("BiasAdd") : texts("BiasAdd", activation),
            num_args: integer(inputs.length - 2),
            leakyrelu_alpha: number(0.1),
            epsilon: number(0),
          });
          await expectSameAsExecutor(tf, model.file(), seed);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("DepthwiseConv2dNative and FusedDepthwiseConv2dNative: multipliers", async () => {
    await fc.assert(
      fc.asyncProperty(settings.filter(fits), fc.boolean(), async (given, isFused) => {
        const { rows, columns, channels, kernel, filters, seed } = given;
        const multiplier = Math.min(filters, 3);
        const model = new GraphModelBuilder([-1, rows, columns, channels], seed);
        model.weight("kernel", [...kernel, channels, multiplier]);
        if (isFused) {
          model.weight("bias", [channels * multiplier]);
          const attributes = { fused_ops: texts("BiasAdd", "Relu6"), num_args: integer(1) };
          const inputs = ["image", "kernel", "bias"];
          model.add("FusedDepthwiseConv2dNative", "conv", inputs, { ...windowOf(given), ...attributes });
        } else {
          model.add("DepthwiseConv2dNative", "conv", ["image", "kernel"], windowOf(given));
        }
        await expectSameAsExecutor(tf, model.file(), seed);
      }),
      { numRuns: 40 },
    );
  });

  it("Conv2DBackpropInput: every output size that the strides allow, its size from shape arithmetic", async () => {
    await fc.assert(
      fc.asyncProperty(settings, fc.nat(2), async (given, extra) => {
        const { rows, columns, channels, kernel, stride, filters, seed } = given;
        const padding = given.padding === "SAME" ? "SAME" : "VALID";
        const size = (input: number, extent: number): number => {
          const most = Math.min(extra, stride - 1);
          return padding === "SAME" ? input * stride - most : (input - 1) * stride + extent + most;
        };
        const model = new GraphModelBuilder([-1, rows, columns, channels], seed);
        model.weight("kernel", [...kernel, filters, channels]);
        model.weight("bias", [filters]);
        model.add("Shape", "shape", ["image"]);
        model.list("zero", 0);
        model.list("one", 1);
        const slice = { shrink_axis_mask: integer(1) };
        model.add("StridedSlice", "batch", ["shape", "zero", "one", "one"], slice);
        model.scalar("rows", size(rows, kernel[0]));
        model.scalar("columns", size(columns, kernel[1]));
        model.scalar("filters", filters);
        model.add("Pack", "size", ["batch", "rows", "columns", "filters"], { axis: integer(0) });
        const window = { strides: integers(1, stride, stride, 1), padding: text(padding) };
        model.add("Conv2DBackpropInput", "up", ["size", "kernel", "image"], window);
        model.add("BiasAdd", "biased", ["up", "bias"]);
        const graph = await expectSameAsExecutor(tf, model.file(), seed);
        expect(graph.nodes.map(({ op }) => op)).toEqual(["convTranspose2d"]);
      }),
      { numRuns: 40 },
    );
  });
});

describe("other layers", () => {
  it("MaxPool and AvgPool: padding never wins and never counts", async () => {
    const pools = settings.filter(
      ({ kernel, sides }) => Math.max(sides[0], sides[1], sides[2], sides[3]) < Math.min(...kernel),
    );
    await fc.assert(
      fc.asyncProperty(pools, fc.constantFrom("MaxPool", "AvgPool"), async (given, op) => {
        const { rows, columns, channels, seed } = given;
        const model = new GraphModelBuilder([-1, rows, columns, channels], seed);
        const padding = given.padding === "EXPLICIT" ? "SAME" : given.padding;
        model.add(op, "pool", ["image"], windowOf({ ...given, padding }, false));
        await expectSameAsExecutor(tf, model.file(), seed);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ["MatMul and BiasAdd", [-1, 7], false],
    ["_FusedMatMul with relu", [1, 7], false],
    ["MatMul with the matrix transposed", [-1, 7], true],
  ])("%s: one dense layer", async (title, shape, transposed) => {
    const model = new GraphModelBuilder(shape);
    model.weight("kernel", transposed ? [5, 7] : [7, 5]);
    model.weight("bias", [5]);
    const attributes = { transpose_a: flag(false), transpose_b: flag(transposed) };
    if (title.startsWith("_Fused")) {
      const fused = { fused_ops: texts("BiasAdd", "Relu"), num_args: integer(1) };
      model.add("_FusedMatMul", "fc", ["image", "kernel", "bias"], { ...attributes, ...fused });
    } else {
      model.add("MatMul", "fc", ["image", "kernel"], attributes);
      model.add("BiasAdd", "biased", ["fc", "bias"]);
    }
    const graph = await expectSameAsExecutor(tf, model.file());
    expect(graph.nodes.map(({ op, name }) => [op, name])).toEqual([["dense", "fc"]]);
  });

  it("BatchMatMulV2 over the rows of a value", async () => {
    const model = new GraphModelBuilder([-1, 3, 7]);
    model.weight("kernel", [7, 4]);
    model.add("BatchMatMulV2", "fc", ["image", "kernel"], { adj_x: flag(false), adj_y: flag(false) });
    const graph = importGraph(model.file());
    expect(graph.nodes.map(({ op, shape }) => [op, shape])).toEqual([["conv2d", [1, 3, 4]]]);
  });

  it.each(["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"])("%s", async (op) => {
    const model = new GraphModelBuilder([-1, 4, 3, 5]);
    const inputs = ["scale", "offset", "mean"].map((name) => model.weight(name, [5]));
    model.weight("variance", [5], 0.2, 2);
    const attributes = { epsilon: number(0.01), is_training: flag(false), data_format: text("NHWC") };
    model.add(op, "norm", ["image", ...inputs, "variance"], attributes);
    await expectSameAsExecutor(tf, model.file());
  });

  it("LRN: the windows at both ends are cut", async () => {
    const model = new GraphModelBuilder([-1, 3, 2, 9]);
    const attributes = { depth_radius: integer(2), bias: number(1.5), alpha: number(0.3), beta: number(0.75) };
    model.add("LRN", "lrn", ["image"], attributes);
    await expectSameAsExecutor(tf, model.file());
  });

  it("FusedBatchNorm among the fused operators becomes a normalization of its own", () => {
    const model = new GraphModelBuilder([-1, 4, 4, 2]);
    model.weight("kernel", [1, 1, 2, 3]);
    const inputs = ["scale", "offset", "mean"].map((name) => model.weight(name, [3]));
    model.weight("variance", [3], 0.2, 2);
    model.add("_FusedConv2D", "conv", ["image", "kernel", ...inputs, "variance"], {
      strides: integers(1, 1, 1, 1),
      padding: text("SAME"),
      fused_ops: texts("FusedBatchNorm", "Relu"),
      num_args: integer(4),
    });
    const graph = importGraph(model.file());
    expect(graph.nodes.map(({ op }) => op)).toEqual(["conv2d", "batchNormalization", "activation"]);
  });
});

describe("operators that the host computes", () => {
  const dense = (): GraphModelBuilder => {
    const model = new GraphModelBuilder([-1, 6]);
    model.weight("kernel", [6, 5]);
    model.add("MatMul", "fc", ["image", "kernel"]);
    return model;
  };

  it("softmax, then ArgMax and a cast of the class", () => {
    const model = dense();
    model.scalar("axis", -1);
    model.add("Softmax", "scores", ["fc"]);
    model.add("ArgMax", "class", ["scores", "axis"]);
    model.add("Cast", "label", ["class"], { DstT: type("DT_FLOAT") });
    const graph = importGraph(model.file());
    expect([graph.output, graph.closing]).toEqual(["scores", ["argmax"]]);
  });

  it("log softmax, then the greatest three", () => {
    const model = dense();
    model.scalar("k", 3);
    model.add("LogSoftmax", "scores", ["fc"]);
    model.add("TopKV2", "best", ["scores", "k"]);
    const graph = importGraph(model.file());
    expect([graph.output, graph.closing]).toEqual(["fc", ["log-softmax", "top-k"]]);
  });

  it("stand behind the last layer alone", () => {
    const model = dense();
    model.add("LogSoftmax", "scores", ["fc"]);
    model.add("Relu", "more", ["scores"]);
    expect(() => importGraph(model.file())).toThrow(/node "more".*found the result of log-softmax/);
  });
});
