/** Graph models in which most operators occur, for tests that damage, open and compile them. */
import {
  flag,
  GraphModelBuilder,
  type GraphModelFile,
  integer,
  integers,
  number,
  text,
  texts,
  type,
} from "./graph-model.ts";

const window = (stride: number, padding = "SAME") => ({
  strides: integers(1, stride, stride, 1),
  dilations: integers(1, 1, 1, 1),
  padding: text(padding),
  data_format: text("NHWC"),
});

/** Convolutions, a residual sum, squeeze and excite, shape arithmetic, a dense layer and softmax. */
function classifier(): GraphModelFile {
  const model = new GraphModelBuilder([-1, 8, 6, 2]);
  model.weight("k1", [3, 3, 2, 4]);
  model.weight("b1", [4]);
  model.add("_FusedConv2D", "conv1", ["image", "k1", "b1"], {
    ...window(1),
    fused_ops: texts("BiasAdd", "Relu"),
    num_args: integer(1),
  });
  model.weight("k2", [3, 3, 4, 1]);
  model.add("DepthwiseConv2dNative", "depthwise", ["conv1", "k2"], {
    ...window(1, "EXPLICIT"),
    explicit_paddings: integers(0, 0, 1, 1, 1, 1, 0, 0),
  });
  for (const name of ["gamma", "beta", "mean"]) model.weight(name, [4]);
  model.weight("variance", [4], 0.5, 1);
  model.add("FusedBatchNormV3", "norm", ["depthwise", "gamma", "beta", "mean", "variance"], {
    is_training: flag(false),
    epsilon: number(0.001),
  });
  model.add("AddV2", "sum", ["norm", "conv1"]);
  model.add("MaxPool", "pool", ["sum"], { ...window(2), ksize: integers(1, 2, 2, 1) });
  model.add("Shape", "shape", ["pool"], { out_type: type("DT_INT32") });
  model.list("zero", 0);
  model.list("one", 1);
  model.add("StridedSlice", "batch", ["shape", "zero", "one", "one"], { shrink_axis_mask: integer(1) });
  model.scalar("rest", -1);
  model.add("Pack", "target", ["batch", "rest"], { axis: integer(0), N: integer(2) });
  model.add("Reshape", "flat", ["pool", "target"]);
  model.weight("k3", [48, 5]);
  model.weight("b3", [5]);
  model.add("MatMul", "fc", ["flat", "k3"], { transpose_a: flag(false), transpose_b: flag(false) });
  model.add("BiasAdd", "biased", ["fc", "b3"]);
  model.add("Softmax", "softmax", ["biased"]);
  model.add("Identity", "Identity", ["softmax"]);
  return model.file();
}

/** Parts, orders of axes, resizing, joining, a transposed convolution and a mean. */
function rearrangements(): GraphModelFile {
  const model = new GraphModelBuilder([1, 4, 6, 4]);
  model.scalar("axis", 3);
  model.add("Split", "split", ["axis", "image"], { num_split: integer(2) });
  model.add("ConcatV2", "turned", ["split:1", "split:0", "axis"], { N: integer(2) });
  model.list("groups", 1, 4, 6, 2, 2);
  model.list("order", 0, 1, 2, 4, 3);
  model.list("back", 1, 4, 6, 4);
  model.add("Reshape", "grouped", ["turned", "groups"]);
  model.add("Transpose", "shuffled", ["grouped", "order"]);
  model.add("Reshape", "joined", ["shuffled", "back"]);
  model.constant("paddings", [4, 2], [0, 0, 1, 0, 0, 2, 0, 0], "int32");
  model.add("Pad", "padded", ["joined", "paddings"]);
  model.list("begin", 0, 1, 0, 0);
  model.list("end", 0, 5, 8, 4);
  model.list("strides", 1, 2, 1, 1);
  model.add("StridedSlice", "part", ["padded", "begin", "end", "strides"], {
    begin_mask: integer(9),
    end_mask: integer(9),
  });
  model.list("size", 4, 8);
  model.add("ResizeNearestNeighbor", "resized", ["part", "size"], { half_pixel_centers: flag(true) });
  model.weight("kernel", [2, 2, 3, 4]);
  model.list("sizes", 1, 8, 16, 3);
  model.add("Conv2DBackpropInput", "up", ["sizes", "kernel", "resized"], window(2));
  model.weight("scale", [3]);
  model.add("Mul", "scaled", ["up", "scale"]);
  model.add("LeakyRelu", "active", ["scaled"], { alpha: number(0.1) });
  model.list("axes", 1, 2);
  model.add("Mean", "mean", ["active", "axes"], { keep_dims: flag(true) });
  model.add("Squeeze", "out", ["mean"], { squeeze_dims: integers(1, 2) });
  return model.file();
}

export const GRAPH_MODELS: readonly (readonly [name: string, file: GraphModelFile])[] = [
  ["a classifier", classifier()],
  ["rearrangements", rearrangements()],
];
