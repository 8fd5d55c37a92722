/**
 * Layers of integer networks, exact: sums are taken in float32 over parts of the kernel so small that none can reach 2^24,
 * added in float64, and requantized in float64 or, beyond 53 bits, in BigInt.
 */
import type { Tensor as Constant, Conv2dNode, DenseNode, IntegerRequantization } from "../../compiler/graph/graph.ts";
import { diagnosticError } from "../../isa/diagnostic.ts";
import { round } from "../../isa/rounding.ts";
import type { Tensor, Tensor2D, TensorFlow } from "./backend.ts";
import { convolve, spread } from "./convolution.ts";

/** Integers below this are exact in float32, and so are sums that stay below it. */
const FLOAT32_INTEGERS = 2 ** 24;

/** images × rows × columns × channels of integers, padded, to integers. */
export function integerConvolution(
  tf: TensorFlow,
  node: Conv2dNode,
  requantization: IntegerRequantization,
  image: Tensor,
): Tensor {
  const kernel = spread(node.kernel, node.dilations);
  const sums = exactSums(tf, node, kernel, image, (part) =>
    convolve(tf, image, tf.tensor4d(part, sizes(kernel)), node),
  );
  return requantized(tf, sums, requantization);
}

/** images × features of integers to integers. */
export function integerDense(
  tf: TensorFlow,
  node: DenseNode,
  requantization: IntegerRequantization,
  features: Tensor,
): Tensor {
  const { kernel } = node;
  const [rows = 0, units = 0] = kernel.shape;
  const product = (part: Float32Array): Tensor =>
    (features as Tensor2D).matMul(tf.tensor2d(part, [rows, units]) as Tensor2D);
  return requantized(tf, exactSums(tf, node, kernel, features, product), requantization);
}

interface Sums {
  readonly shape: number[];
  readonly values: Float64Array;
}

/** The layer's sums, filters last: `layer` computes them with a kernel that is zero outside one part of the steps. */
function exactSums(
  tf: TensorFlow,
  { name }: Conv2dNode | DenseNode,
  { shape, data }: Constant,
  input: Tensor,
  layer: (part: Float32Array) => Tensor,
): Sums {
  const largest = largestInteger(input.dataSync() as Float32Array, name);
  const filters = shape.at(-1) ?? 1;
  let sums: Sums | undefined;
  for (const { first, end } of boundedParts(data, filters, FLOAT32_INTEGERS / Math.max(largest, 1))) {
    const part = new Float32Array(data.length);
    part.set(data.subarray(first * filters, end * filters), first * filters);
    const computed = tf.tidy(() => layer(part));
    const values = computed.dataSync() as Float32Array;
    sums ??= { shape: [...computed.shape], values: new Float64Array(values.length) };
    const total = sums.values;
    values.forEach((value, index) => {
      total[index] = (total[index] ?? 0) + value;
    });
    computed.dispose();
  }
  return sums ?? { shape: [], values: new Float64Array(0) };
}

/** Runs of steps in which no filter's magnitudes sum up to `limit` or more; at least one run. */
function boundedParts(kernel: Float32Array, filters: number, limit: number): readonly { first: number; end: number }[] {
  const steps = kernel.length / filters;
  const parts: { first: number; end: number }[] = [];
  const magnitudes = new Float64Array(filters);
  let first = 0;
  for (let step = 0; step < steps; step++) {
    const row = kernel.subarray(step * filters, (step + 1) * filters);
    if (step > first && row.some((weight, filter) => (magnitudes[filter] ?? 0) + Math.abs(weight) >= limit)) {
      parts.push({ first, end: step });
      first = step;
      magnitudes.fill(0);
    }
    row.forEach((weight, filter) => {
      magnitudes[filter] = (magnitudes[filter] ?? 0) + Math.abs(weight);
    });
  }
  return [...parts, { first, end: steps }];
}

function largestInteger(values: Float32Array, layer: string): number {
  let largest = 0;
  for (const value of values) {
    if (!Number.isInteger(value)) {
      throw diagnosticError(
        "INTEGER_INPUT",
        `float reference: layer "${layer}"`,
        `its input holds ${value}, and it computes with integers`,
        "give the network its input as integers: no scaling of pixels to 0 … 1",
      );
    }
    largest = Math.max(largest, Math.abs(value));
  }
  return largest;
}

function requantized(tf: TensorFlow, { shape, values }: Sums, settings: IntegerRequantization): Tensor {
  const { multipliers, offsets, minimum, maximum } = settings;
  const filters = multipliers.length;
  const result = Float32Array.from(values, (sum, index) => {
    const filter = index % filters;
    const rounded = requantize(sum, multipliers[filter] ?? 0, offsets?.[filter] ?? 0, settings);
    return Math.min(Math.max(rounded, minimum), maximum);
  });
  return tf.tensor(result, shape, "float32");
}

/** (sum · multiplier + offset) · 2^−shift, rounded. */
function requantize(
  sum: number,
  multiplier: number,
  offset: number,
  { shift, rounding }: IntegerRequantization,
): number {
  const scaled = sum * multiplier + offset;
  const exact = Math.abs(sum * multiplier) + Math.abs(offset) <= Number.MAX_SAFE_INTEGER;
  if (exact && rounding === "down") return Math.floor(scaled / 2 ** shift);
  return Number(round(BigInt(sum) * BigInt(multiplier) + BigInt(offset), shift, rounding));
}

function sizes({ shape }: Constant): [number, number, number, number] {
  const [rows = 1, columns = 1, channels = 1, filters = 1] = shape;
  return [rows, columns, channels, filters];
}
