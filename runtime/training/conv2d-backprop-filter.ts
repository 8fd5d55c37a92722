/**
 * The gradient of a convolution with respect to its filter, which the WASM backend of TensorFlow.js lacks.
 *
 * For every kernel position (i, j) the gradient is one matrix product over all output pixels of the batch:
 * dW[i, j] = X(i, j) · dY, where X(i, j) [input channels, pixels] holds the input elements that position (i, j) meets,
 * and dY is [pixels, output channels]. The X(i, j) are stacked, so that one product gives them all. Channels come
 * first because the WASM backend multiplies a transposed operand about ten times slower than a copied one.
 */
import { InvariantError } from "../../isa/diagnostic.ts";
import type { Tensor2D, Tensor4D, TensorFlow, TensorInfo } from "./tensorflow.ts";

const KERNEL = "Conv2DBackpropFilter";

/** Registers the kernel for the backend in use, unless that backend has one. */
export function registerConv2dBackpropFilter(tf: TensorFlow): void {
  const backendName = tf.getBackend();
  if (tf.getKernelsForBackend(backendName).some(({ kernelName }) => kernelName === KERNEL)) return;
  tf.registerKernel({
    kernelName: KERNEL,
    backendName,
    kernelFunc: ({ inputs, attrs }): TensorInfo => {
      const { x, dy } = inputs;
      if (x === undefined || dy === undefined) throw new InvariantError(`${KERNEL} without x or dy`);
      return conv2dBackpropFilter(tf, asTensor4d(tf, x), asTensor4d(tf, dy), attrs as unknown as Conv2dAttributes);
    },
  });
}

/** The attributes that TensorFlow.js hands to the kernel. */
export interface Conv2dAttributes {
  readonly strides: number | [number, number];
  readonly pad: Parameters<TensorFlow["backend_util"]["computeConv2DInfo"]>[4];
  readonly dataFormat: "NHWC" | "NCHW";
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
  /** [kernel rows, kernel columns, input channels, output channels] */
  readonly filterShape: [number, number, number, number];
}

/** dW of shape `filterShape`, from input `x` and output gradient `dy` in the data format of the attributes. */
export function conv2dBackpropFilter(
  tf: TensorFlow,
  x: Tensor4D,
  dy: Tensor4D,
  attributes: Conv2dAttributes,
): Tensor4D {
  const { strides, pad, dimRoundingMode, filterShape } = attributes;
  return tf.tidy(() => {
    const channelsFirst = attributes.dataFormat === "NCHW";
    const input = channelsFirst ? x.transpose<Tensor4D>([0, 2, 3, 1]) : x;
    const gradient = channelsFirst ? dy.transpose<Tensor4D>([0, 2, 3, 1]) : dy;
    const geometry = tf.backend_util.computeConv2DInfo(input.shape, filterShape, strides, 1, pad, dimRoundingMode);
    const { padInfo, strideHeight, strideWidth, outHeight, outWidth, batchSize } = geometry;
    const [kernelRows, kernelColumns, inputChannels, outputChannels] = filterShape;
    const pixels = batchSize * outHeight * outWidth;
    const planes = tf.pad(input.transpose<Tensor4D>([3, 0, 1, 2]), [
      [0, 0],
      [0, 0],
      [padInfo.top, padInfo.bottom],
      [padInfo.left, padInfo.right],
    ]);
    const met: Tensor2D[] = [];
    for (let i = 0; i < kernelRows; i++) {
      for (let j = 0; j < kernelColumns; j++) {
        const endRow = i + (outHeight - 1) * strideHeight + 1;
        const endColumn = j + (outWidth - 1) * strideWidth + 1;
        const end = [inputChannels, batchSize, endRow, endColumn];
        const elements = tf.stridedSlice(planes, [0, 0, i, j], end, [1, 1, strideHeight, strideWidth]);
        met.push(elements.reshape<Tensor2D>([inputChannels, pixels]));
      }
    }
    return tf
      .matMul(tf.concat(met, 0), gradient.reshape<Tensor2D>([pixels, outputChannels]))
      .reshape<Tensor4D>(filterShape);
  });
}

function asTensor4d(tf: TensorFlow, info: TensorInfo): Tensor4D {
  // The engine hands over whole tensors wherever a kernel runs as an operation of its own.
  if (info instanceof tf.Tensor) return info as Tensor4D;
  throw new InvariantError(`${KERNEL} was given bare tensor data`);
}
