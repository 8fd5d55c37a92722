/**
 * Two kernels of the WASM backend that are correct but slow in training, replaced by faster ways to the same result:
 * a product with a transposed operand (ten times slower than copying the operand first), and the gradient of a
 * convolution with respect to its input (four times slower than the convolution that it is).
 *
 * Only training wants them, so only training registers them.
 */

import type { Conv2dAttributes } from "./conv2d-backprop-filter.ts";
import type { KernelConfig, Tensor, Tensor4D, TensorFlow } from "./tensorflow.ts";

/** Replaces the two kernels where the WASM backend is in use; does nothing elsewhere. */
export function registerFastWasmKernels(tf: TensorFlow): void {
  if (tf.getBackend() !== "wasm") return;
  replaceKernel(tf, "BatchMatMul", (builtIn) => ({ inputs, backend, attrs }) => {
    const { transposeA, transposeB } = attrs as { readonly transposeA: boolean; readonly transposeB: boolean };
    const { a, b } = inputs as { readonly a: Tensor; readonly b: Tensor };
    const left = transposeA ? transposed(tf, a) : a;
    const right = transposeB ? transposed(tf, b) : b;
    const plain = { transposeA: false, transposeB: false };
    const product = builtIn.kernelFunc({ inputs: { a: left, b: right }, backend, attrs: plain });
    if (transposeA) left.dispose();
    if (transposeB) right.dispose();
    return product;
  });
  replaceKernel(tf, "Conv2DBackpropInput", (builtIn) => (parameters) => {
    const { dy, filter } = parameters.inputs as { readonly dy: Tensor4D; readonly filter: Tensor4D };
    const { strides, pad, dataFormat } = parameters.attrs as unknown as Conv2dAttributes;
    const unitStride = [strides].flat().every((stride) => stride === 1);
    if (!unitStride || pad !== "valid" || dataFormat !== "NHWC") return builtIn.kernelFunc(parameters);
    return conv2dBackpropInput(tf, dy, filter);
  });
}

/**
 * dX of an unpadded convolution with stride 1, NHWC: the output gradient, padded by one less than the kernel on every
 * side, convolved with the filter turned by 180° and its channels exchanged.
 */
export function conv2dBackpropInput(tf: TensorFlow, dy: Tensor4D, filter: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const [kernelRows, kernelColumns] = filter.shape;
    const padded = tf.pad(dy, [
      [0, 0],
      [kernelRows - 1, kernelRows - 1],
      [kernelColumns - 1, kernelColumns - 1],
      [0, 0],
    ]);
    return tf.conv2d(padded, tf.reverse(filter, [0, 1]).transpose<Tensor4D>([0, 1, 3, 2]), 1, "valid");
  });
}

/** Exchanges the last two dimensions. */
function transposed(tf: TensorFlow, matrices: Tensor): Tensor {
  const order = matrices.shape.map((_, dimension) => dimension);
  const last = order.splice(-2).reverse();
  return tf.transpose(matrices, [...order, ...last]);
}

const replaced = new WeakSet<KernelConfig>();

function replaceKernel(
  tf: TensorFlow,
  kernelName: string,
  replacement: (builtIn: KernelConfig) => KernelConfig["kernelFunc"],
): void {
  const builtIn = tf.getKernel(kernelName, "wasm");
  if (builtIn === undefined || replaced.has(builtIn)) return;
  const config: KernelConfig = { ...builtIn, kernelFunc: replacement(builtIn) };
  replaced.add(config);
  tf.unregisterKernel(kernelName, "wasm");
  tf.registerKernel(config);
}
