/** Convolutions in float32 through the TensorFlow.js API, in the forms that its backends lack: dilated, grouped, transposed. */
import type { Tensor as Constant, Conv2dNode, ConvTranspose2dNode, Padding } from "../../compiler/graph/graph.ts";
import { isNoPadding, windowExtent } from "../../compiler/graph/shape.ts";
import type { Tensor, Tensor4D, TensorFlow } from "./backend.ts";
import type { RuleContext } from "./rule-context.ts";

/** Kernel of a convolution, its dilations applied: TensorFlow.js refuses strides together with dilations. */
export function convolutionKernel(node: Conv2dNode, { made, constant }: RuleContext): Tensor4D {
  const dilated = node.dilations.some((dilation) => dilation > 1);
  return (dilated ? made(() => spread(node.kernel, node.dilations)) : constant(node.kernel)) as Tensor4D;
}

/** images × rows × columns × channels under a kernel without dilations, no padding. */
export function convolve(
  tf: TensorFlow,
  image: Tensor,
  kernel: Tensor4D,
  { groups, strides: [rowStride, columnStride] }: Pick<Conv2dNode, "groups" | "strides">,
): Tensor {
  const strides: [number, number] = [rowStride, columnStride];
  const [rows, columns, channels, filters] = kernel.shape;
  if (groups === 1) return tf.conv2d(image as Tensor4D, kernel, strides, "valid");
  if (channels === 1 && filters % groups === 0) {
    const depthwise = tf.reshape(kernel, [rows, columns, groups, filters / groups]) as Tensor4D;
    return tf.depthwiseConv2d(image as Tensor4D, depthwise, strides, "valid");
  }
  const images = tf.split(image, groups, -1);
  const kernels = tf.split(kernel, groups, -1);
  const parts = images.map((part, group) => tf.conv2d(part as Tensor4D, kernels[group] as Tensor4D, strides, "valid"));
  return tf.concat(parts, -1);
}

/** The input with stride − 1 zeros between its pixels, convolved with the kernel turned by half a turn. */
export function convolveTransposed(node: ConvTranspose2dNode, image: Tensor, context: RuleContext): Tensor {
  const { tf, made } = context;
  const [kernelRows = 1, kernelColumns = 1] = node.kernel.shape;
  const reach = [windowExtent(kernelRows, node.dilations[0]) - 1, windowExtent(kernelColumns, node.dilations[1]) - 1];
  const [rowReach = 0, columnReach = 0] = reach;
  const { top, bottom, left, right } = node.padding;
  const full = padded(
    tf,
    withZerosBetween(tf, image, node.strides),
    {
      top: rowReach,
      bottom: rowReach + node.outputPadding[0],
      left: columnReach,
      right: columnReach + node.outputPadding[1],
    },
    0,
  );
  const kernel = made(() => turned(spread(node.kernel, node.dilations))) as Tensor4D;
  const sums = convolve(tf, full, kernel, { groups: node.groups, strides: [1, 1] });
  const [count = 0, rows = 0, columns = 0, filters = 0] = sums.shape;
  return tf.slice(sums, [0, top, left, 0], [count, rows - top - bottom, columns - left - right, filters]);
}

/** images × rows × columns × channels with `value` around every image. */
export function padded(tf: TensorFlow, image: Tensor, padding: Padding, value: number): Tensor {
  if (isNoPadding(padding)) return image;
  const sides: [number, number][] = [
    [0, 0],
    [padding.top, padding.bottom],
    [padding.left, padding.right],
    [0, 0],
  ];
  return tf.pad(image, sides, value);
}

/** Rows and columns come to lie `strides` apart; the last ones stay last. */
function withZerosBetween(tf: TensorFlow, image: Tensor, [rowStride, columnStride]: readonly [number, number]): Tensor {
  const [count = 0, rows = 0, columns = 0, channels = 0] = image.shape;
  const behind = (zeros: number): [number, number][] => [
    [0, 0],
    [0, 0],
    [0, zeros],
    [0, 0],
  ];
  const pixels = tf.pad(tf.reshape(image, [count, rows * columns, 1, channels]), behind(columnStride - 1));
  const lines = tf.reshape(pixels, [count, rows, 1, columns * columnStride * channels]);
  const shape = [count, rows * rowStride, columns * columnStride, channels];
  const tall = tf.reshape(tf.pad(lines, behind(rowStride - 1)), shape);
  const size = [count, (rows - 1) * rowStride + 1, (columns - 1) * columnStride + 1, channels];
  return tf.slice(tall, [0, 0, 0, 0], size);
}

/** A kernel with dilation − 1 zeros between its rows and columns. */
export function spread({ shape, data }: Constant, [rowDilation, columnDilation]: readonly [number, number]): Constant {
  const [rows = 1, columns = 1, channels = 1, filters = 1] = shape;
  const [spreadRows, spreadColumns] = [windowExtent(rows, rowDilation), windowExtent(columns, columnDilation)];
  const block = channels * filters;
  const spreadData = new Float32Array(spreadRows * spreadColumns * block);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = (row * columns + column) * block;
      const to = (row * rowDilation * spreadColumns + column * columnDilation) * block;
      spreadData.set(data.subarray(from, from + block), to);
    }
  }
  return { shape: [spreadRows, spreadColumns, channels, filters], data: spreadData };
}

/** Last row and column first. */
function turned({ shape, data }: Constant): Constant {
  const [rows = 1, columns = 1] = shape;
  const block = data.length / (rows * columns);
  const result = new Float32Array(data.length);
  for (let position = 0; position < rows * columns; position++) {
    const from = (rows * columns - 1 - position) * block;
    result.set(data.subarray(from, from + block), position * block);
  }
  return { shape, data: result };
}
